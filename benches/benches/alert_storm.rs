//! What an alert costs on its way from a rule to its receivers: a storm of 10,000 alerts that
//! were never heard of, the same alerts heard of again, and all of it through a rule.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firedrill_core::Micros;
use firedrill_core::alerting::{
    AlertPipeline, AlertRule, GroupBy, InhibitionRule, LabelSet, Matcher, PipelineInput,
    PipelinePolicy, RouteSpec, RulePolicy, Signal,
};
use firedrill_core::ids::ReceiverId;

const STORM: u32 = 10_000;
const NOW: Micros = Micros::from_mins(1);

/// Five labels each: 40 names, 20 services, pages and tickets.
fn storm() -> Vec<LabelSet> {
    let labels = |n: u32| {
        LabelSet::new([
            ("alertname", format!("ErrorsHigh{}", n % 40)),
            ("cluster", "eu-west-1".into()),
            ("instance", format!("host-{n:05}")),
            ("service", format!("service-{}", n % 20)),
            ("severity", ["page", "ticket"][n as usize % 2].into()),
        ])
    };
    (0..STORM).map(labels).collect()
}

/// Four routes in two levels, grouped by cluster; pages mute tickets.
fn policy() -> PipelinePolicy {
    let child = |matcher, routes| RouteSpec {
        matchers: vec![matcher],
        routes,
        ..RouteSpec::default()
    };
    let pages = child(Matcher::equal("severity", "page"), vec![]);
    let mut policy = PipelinePolicy::new(RouteSpec {
        receiver: Some(ReceiverId(0)),
        group_by: Some(GroupBy::Labels(vec!["cluster".into()])),
        routes: vec![
            child(Matcher::equal("team", "storage"), vec![]),
            child(Matcher::equal("cluster", "eu-west-1"), vec![pages]),
        ],
        ..RouteSpec::default()
    });
    policy.inhibitions = vec![InhibitionRule {
        source: vec![Matcher::equal("severity", "page")],
        target: vec![Matcher::equal("severity", "ticket")],
        equal: vec!["cluster".into()],
    }];
    policy
}

fn pipeline() -> AlertPipeline {
    AlertPipeline::new(policy()).expect("the routes make sense")
}

fn signals(storm: &[LabelSet]) -> Vec<PipelineInput> {
    let signal = |labels: &LabelSet| {
        PipelineInput::AlertHeard(Signal {
            labels: labels.clone(),
            starts_at: NOW,
            ends_at: Some(NOW + Micros::from_mins(4)),
        })
    };
    storm.iter().map(signal).collect()
}

/// Hears all, looks at every group, and drains what comes out; counts notifications.
fn hear(pipeline: &mut AlertPipeline, signals: Vec<PipelineInput>) -> usize {
    for signal in signals {
        pipeline.handle(NOW, signal).expect("there is room");
    }
    pipeline.handle_timeout(NOW + Micros::from_secs(30));
    while pipeline.poll_note().is_some() {}
    std::iter::from_fn(|| pipeline.poll_notification()).count()
}

fn benches(criterion: &mut Criterion) {
    let storm = storm();
    let mut group = criterion.benchmark_group("alerting");
    group.throughput(Throughput::Elements(u64::from(STORM)));
    group.bench_function("pipeline::hear_new/alerts=10000", |bencher| {
        bencher.iter_batched(
            || (pipeline(), signals(&storm)),
            |(mut pipeline, signals)| {
                let told = hear(&mut pipeline, signals);
                assert!((1..=3).contains(&told), "{told} notifications");
                pipeline
            },
            BatchSize::LargeInput,
        );
    });
    let mut known = pipeline();
    for signal in signals(&storm) {
        known.handle(NOW, signal).expect("there is room");
    }
    while known.poll_note().is_some() {}
    group.bench_function("pipeline::hear_again/alerts=10000", |bencher| {
        bencher.iter_batched(
            || signals(&storm),
            |signals| {
                for signal in signals {
                    known.handle(NOW, signal).expect("it is known");
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("rule_to_notification/alerts=10000", |bencher| {
        bencher.iter_batched(
            || (AlertRule::new(RulePolicy::default()), pipeline()),
            |(mut rule, mut pipeline)| {
                rule.evaluate(NOW, &storm).expect("no limit is set");
                let heard = std::iter::from_fn(|| rule.poll_signal());
                let heard = heard.map(PipelineInput::AlertHeard).collect();
                (hear(&mut pipeline, heard), rule, pipeline)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(alert_storm, benches);
criterion_main!(alert_storm);
