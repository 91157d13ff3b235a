//! Every mechanism, with every onset and trigger, reads well in every section.

use firedrill_core::Micros;
use firedrill_core::config::Value;
use firedrill_core::ids::{ClassId, RegionId, ServiceId};
use firedrill_sim::spec::{Defect, Mechanism, Onset, Symptom, Trigger};

use crate::fixture;
use crate::postmortem::{DefenceOutcome, LayerKind, PostMortem};

#[test]
fn every_defect_reads_well() {
    let mut symptoms = std::collections::BTreeSet::new();
    for mechanism in mechanisms() {
        symptoms.insert(mechanism.symptom());
        for onset in onsets() {
            for triggers in triggers() {
                check(mechanism, onset, triggers);
            }
        }
    }
    let all = [
        Symptom::Errors,
        Symptom::Latency,
        Symptom::Availability,
        Symptom::Saturation,
        Symptom::Downstream,
        Symptom::Business,
        Symptom::Silence,
    ];
    assert!(all.iter().all(|symptom| symptoms.contains(symptom)));
}

/// The document as JSON holds every text of it.
fn check(mechanism: Mechanism, onset: Onset, triggers: Vec<Trigger>) {
    let what = format!("{mechanism:?} {onset:?} {triggers:?}");
    let document = document(mechanism, onset, triggers);
    let value = serde_json::to_value(&document).unwrap();
    let mut texts = Vec::new();
    collect(&value, &mut texts);
    for text in texts {
        for bad in [
            "the the ", "  ", "..", ". .", " .", ",,", "``", "unknown", "NaN", "inf ", "Some(",
            "a an ", "{}",
        ] {
            assert!(!text.contains(bad), "{what}: `{bad}` in: {text}");
        }
        assert_eq!(text.trim(), text, "{what}");
    }
    let sentences = document
        .defences
        .iter()
        .map(|defence| &defence.why)
        .chain(document.actions.iter().map(|item| &item.reason))
        .chain(document.actions.iter().map(|item| &item.done_when))
        .chain(document.impact.experience.iter())
        .chain(document.lessons.lucky.iter().map(|said| &said.text))
        .chain(document.causes.iter().map(|causes| &causes.mechanism.text))
        .chain(
            document
                .whys
                .iter()
                .flat_map(|chain| &chain.steps)
                .map(|why| &why.because),
        );
    for sentence in sentences {
        assert!(sentence.ends_with('.'), "{what}: {sentence}");
        assert!(
            sentence.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || c == '`'),
            "{what}: {sentence}"
        );
    }
    let titles: Vec<&str> = document.actions.iter().map(|item| &*item.title).collect();
    for (index, title) in titles.iter().enumerate() {
        assert!(
            !title.is_empty() && !title.ends_with('.'),
            "{what}: {title}"
        );
        assert!(!titles[..index].contains(title), "{what}: twice: {title}");
    }
}

fn collect(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn mechanisms_in_words() {
    let told: Vec<String> = mechanisms()
        .map(|mechanism| {
            let document = document(mechanism, Onset::AtLoad, Vec::new());
            let causes = document.causes.unwrap();
            format!(
                "{}: {} | {}",
                mechanism.name(),
                causes.mechanism.text,
                document.impact.experience.unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn why_a_canary_missed_each_mechanism() {
    let told: Vec<String> = mechanisms()
        .map(|mechanism| {
            let document = document(mechanism, Onset::AtLoad, Vec::new());
            let actions: Vec<String> = document
                .actions
                .iter()
                .map(|item| format!("  - {} ({})", item.title, item.reason))
                .take(4)
                .collect();
            format!(
                "{}: {}\n{}",
                mechanism.name(),
                canary(&document),
                actions.join("\n")
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn why_a_canary_missed_each_onset_and_trigger() {
    let class = Mechanism::Errors {
        class: None,
        share: 0.5,
    };
    let by_onset = onsets().map(|onset| (format!("{onset:?}"), onset, Vec::new()));
    let by_trigger = triggers()
        .into_iter()
        .map(|triggers| (format!("{triggers:?}"), Onset::AtLoad, triggers));
    let told: Vec<String> = by_onset
        .into_iter()
        .chain(by_trigger)
        .map(|(name, onset, triggers)| {
            let document = document(class, onset, triggers);
            let causes = document.causes.as_ref().unwrap();
            format!(
                "{name}: {} | {}\n  - {}",
                causes.mechanism.text,
                canary(&document),
                document.actions[0].title
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// What is said of a bake that is long enough, a region that is reached and a load that is met.
#[test]
fn no_veil_is_invented() {
    let mechanism = Mechanism::Errors {
        class: None,
        share: 0.5,
    };
    let long_enough = Onset::Delayed(Micros::from_mins(5));
    let north = Trigger::Regions(vec![RegionId(0)]);
    let idle = Trigger::LoadAbove(0.3);
    let afternoon = Trigger::LocalTime {
        from: Micros::from_hours(14),
        until: Micros::from_hours(15),
    };
    let around = Trigger::LocalTime {
        from: Micros::from_hours(15),
        until: Micros::from_hours(14) + Micros::from_mins(7),
    };
    let held = Trigger::Key {
        key: "token-key".into(),
        value: Value::Text("next".into()),
    };
    let usual = canary(&document(mechanism, Onset::AtLoad, Vec::new()));
    assert_eq!(canary(&document(mechanism, long_enough, Vec::new())), usual);
    for trigger in [north, idle, afternoon, around, held] {
        let why = canary(&document(mechanism, Onset::AtLoad, vec![trigger]));
        assert_eq!(why, usual);
    }
}

fn canary(document: &PostMortem) -> String {
    let found = document.defences.iter().find(|defence| {
        defence.kind == LayerKind::Canary && defence.outcome == DefenceOutcome::Missed
    });
    found.unwrap().why.clone()
}

fn document(mechanism: Mechanism, onset: Onset, triggers: Vec<Trigger>) -> PostMortem {
    let (log, outcome, scenario) = fixture::outage_of(Defect {
        story: "the new value does what nobody meant".into(),
        mechanism,
        log_lines: 0.0,
        onset,
        triggers,
    });
    PostMortem::of(&log, &outcome, &scenario)
}

/// What a defect writes into logs is part of how it hurts.
#[test]
fn lines_that_a_defect_logs_are_told() {
    let told = |log_lines| {
        let (log, outcome, scenario) = fixture::outage_of(Defect {
            story: "the new value does what nobody meant".into(),
            mechanism: Mechanism::Latency { factor: 2.5 },
            log_lines,
            onset: Onset::AtLoad,
            triggers: Vec::new(),
        });
        let document = PostMortem::of(&log, &outcome, &scenario);
        document.causes.unwrap().mechanism.text
    };
    let sentence = "It also logged 1 500 lines as errors for every 1 000 requests.";
    assert!(told(1.5).contains(sentence), "{}", told(1.5));
    assert!(!told(0.0).contains("logged"));
}

fn mechanisms() -> impl Iterator<Item = Mechanism> {
    let (class, store) = (Some(ClassId(0)), ServiceId(1));
    [
        Mechanism::Errors { class, share: 0.3 },
        Mechanism::Latency { factor: 2.5 },
        Mechanism::CrashOnLoad { share: 0.2 },
        Mechanism::CpuBurn { factor: 1.6 },
        Mechanism::MemoryLeak {
            fills_after: Micros::from_mins(50),
        },
        Mechanism::QuotaExhaustion {
            victim: store,
            factor: 3.0,
        },
        Mechanism::RetryStorm {
            callee: store,
            attempts: 5,
            timeout: Some(Micros::from_millis(200)),
        },
        Mechanism::WrongData { class, share: 0.3 },
        Mechanism::CacheStorm {
            store,
            factor: 8.0,
            refill: Micros::from_mins(12),
        },
        Mechanism::AccessLoss { share: 1.0 },
        Mechanism::ToolingPoison {
            scrapes_lost: 0.9,
            distribution_factor: 6.0,
        },
    ]
    .into_iter()
}

fn onsets() -> [Onset; 4] {
    [
        Onset::AtLoad,
        Onset::Delayed(Micros::from_mins(20)),
        Onset::Ramp(Micros::from_mins(40)),
        Onset::NextRestart(Micros::from_hours(30)),
    ]
}

fn triggers() -> Vec<Vec<Trigger>> {
    let night = Trigger::LocalTime {
        from: Micros::from_hours(22),
        until: Micros::from_hours(6),
    };
    let south = Trigger::Regions(vec![RegionId(1)]);
    let key = Trigger::Key {
        key: "token-key".into(),
        value: Value::Text("another".into()),
    };
    vec![
        Vec::new(),
        vec![Trigger::LoadAbove(0.7)],
        vec![night.clone()],
        vec![south.clone()],
        vec![Trigger::Hardware(2)],
        vec![key],
        vec![Trigger::LoadAbove(0.7), night, south],
    ]
}
