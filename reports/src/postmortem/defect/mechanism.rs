//! What each mechanism does, in words. One function for each: everything that the document says
//! of a single mechanism is here.

use firedrill_core::Micros;
use firedrill_core::Ppm;
use firedrill_core::health::Indicator;
use firedrill_core::ids::{ClassId, ServiceId};
use firedrill_sim::spec::{Mechanism, Onset};

use crate::postmortem::facts::{DefectFacts, Facts};
use crate::postmortem::model::Category;
use crate::words;

use super::sight::Place;

/// A mechanism in words.
pub(in crate::postmortem) struct Telling {
    /// What instances on the version do: sentences.
    pub(in crate::postmortem) does: String,
    /// What users saw, without a full stop.
    pub(in crate::postmortem) saw: String,
    /// Where telemetry of the changed service shows it, the first place first; nowhere when empty.
    pub(in crate::postmortem) shows: &'static [Place],
    /// How long an instance under full load takes to get there; nothing when it needs no time.
    pub(in crate::postmortem) takes: Option<Micros>,
    /// What makes going back harder than usual: a sentence.
    pub(in crate::postmortem) way_back: Option<String>,
    /// Why it was not worse: sentences.
    pub(in crate::postmortem) luck: Vec<String>,
    /// What would have helped against this mechanism, beside what helps against all.
    pub(in crate::postmortem) advice: Vec<Advice>,
}

/// Something to change.
pub(in crate::postmortem) struct Advice {
    pub(in crate::postmortem) category: Category,
    /// The layer that it strengthens, and the role that owns it.
    pub(in crate::postmortem) place: (&'static str, &'static str),
    pub(in crate::postmortem) title: String,
    pub(in crate::postmortem) reason: String,
    /// What another run of the same seed must show.
    pub(in crate::postmortem) shows: String,
}

impl Telling {
    fn new(does: String, saw: String, shows: &'static [Place]) -> Self {
        Self {
            does,
            saw,
            shows,
            takes: None,
            way_back: None,
            luck: Vec::new(),
            advice: Vec::new(),
        }
    }
}

/// A defect's mechanism in words.
pub(in crate::postmortem) fn tell(facts: &Facts<'_>, defect: &DefectFacts<'_>) -> Telling {
    match defect.mechanism {
        Mechanism::Errors { class, share } => errors(facts, class, share),
        Mechanism::Latency { factor } => latency(factor),
        Mechanism::CrashOnLoad { share } => crash_on_load(defect, share),
        Mechanism::CpuBurn { factor } => cpu_burn(factor),
        Mechanism::MemoryLeak { fills_after } => memory_leak(fills_after),
        Mechanism::QuotaExhaustion { victim, factor } => quota_exhaustion(facts, victim, factor),
        Mechanism::RetryStorm {
            callee,
            attempts,
            timeout,
        } => retry_storm(facts, callee, attempts, timeout),
        Mechanism::WrongData { class, share } => wrong_data(facts, class, share),
        Mechanism::CacheStorm {
            store,
            factor,
            refill,
        } => cache_storm(facts, store, factor, refill),
        Mechanism::AccessLoss { share } => access_loss(share),
        Mechanism::ToolingPoison {
            scrapes_lost,
            distribution_factor,
        } => tooling_poison(scrapes_lost, distribution_factor),
    }
}

fn percent(share: f64) -> String {
    words::share(Ppm::from_f64(share))
}

fn times(factor: f64) -> String {
    let rounded = (factor * 100.0).round() / 100.0;
    format!("{rounded} times")
}

fn whose(facts: &Facts<'_>, class: Option<ClassId>) -> String {
    class.map_or_else(String::new, |class| format!("`{}` ", facts.class(class)))
}

/// What a defect of one class spared.
fn other_classes(facts: &Facts<'_>, class: Option<ClassId>) -> Option<String> {
    let others = facts.scenario.fleet.classes.len() > 1;
    class.filter(|_| others).map(|class| {
        format!(
            "Only requests of class `{}` were hit; everything else kept working.",
            facts.class(class)
        )
    })
}

fn errors(facts: &Facts<'_>, class: Option<ClassId>, share: f64) -> Telling {
    let does = format!(
        "Instances that load the new version answer {} of {}requests with an error.",
        percent(share),
        whose(facts, class)
    );
    let saw = class.map_or_else(
        || "Some requests of every kind ended with an error".into(),
        |class| {
            format!(
                "Some `{}` requests ended with an error; other requests worked as usual",
                facts.class(class)
            )
        },
    );
    let mut telling = Telling::new(does, saw, &[Place::Errors, Place::Business]);
    telling.luck.extend(other_classes(facts, class));
    if share < 1.0 {
        telling.luck.push(format!(
            "The defect failed {} of those requests, not all: users who tried again had a chance.",
            percent(share)
        ));
    }
    telling
}

fn latency(factor: f64) -> Telling {
    let does = format!(
        "Instances that load the new version take {} as long for every request.",
        times(factor)
    );
    let saw = "Pages loaded slowly; some requests ran into a timeout".into();
    let mut telling = Telling::new(does, saw, &[Place::Latency]);
    telling
        .luck
        .push("Requests were slow, and most of them still came back.".into());
    telling
}

fn crash_on_load(defect: &DefectFacts<'_>, share: f64) -> Telling {
    let does = if share >= 1.0 {
        "Every instance that loads the new version crashes, starts again and crashes again.".into()
    } else {
        format!(
            "{} of the instances that load the new version crash, start again and crash again.",
            percent(share)
        )
    };
    let saw = "Requests on instances that crashed failed, and the others had more to carry".into();
    let mut telling = Telling::new(
        does,
        saw,
        &[
            Place::Unavailable,
            Place::Restarts,
            Place::Errors,
            Place::Business,
        ],
    );
    if defect.onset == Onset::AtLoad && defect.triggers.is_empty() {
        telling.luck.push(
            "The defect showed as soon as the new version was loaded; one that waits for load or time \
             would have gone further."
                .into(),
        );
    }
    telling.advice.push(Advice {
        category: Category::Mitigation,
        place: ("instances", "owner of the service"),
        title: "Let an instance that crashes on a new version start with the last one that it \
                could serve with"
            .into(),
        reason: "Instances read the bad version again at every start.".into(),
        shows: "instances that crash serve again within a minute, on the version before".into(),
    });
    telling
}

fn cpu_burn(factor: f64) -> Telling {
    let does = format!(
        "Instances that load the new version burn processor time on the side: they can serve \
         {} of what they could before.",
        percent(1.0 / factor)
    );
    let saw = "Requests waited longer the busier it was; where instances were full, some were \
               refused or ran into a timeout"
        .into();
    let mut telling = Telling::new(does, saw, &[Place::Cpu, Place::Latency]);
    telling.advice.push(Advice {
        category: Category::Detection,
        place: ("alerting", "site reliability"),
        title: "Watch how much processor time a request costs, and call somebody when it jumps"
            .into(),
        reason: "Processor use shows the defect before requests suffer; an objective sees it \
                 only when they do."
            .into(),
        shows: "the first signal comes before the first harmed request".into(),
    });
    telling
}

fn memory_leak(fills_after: Micros) -> Telling {
    let does = format!(
        "Instances that load the new version lose memory with every request; under full load an \
         instance is out of memory after {}, is killed and starts again.",
        words::time(fills_after)
    );
    let saw = "Requests on instances that ran out of memory were lost, again and again, while \
               those instances started anew"
        .into();
    let mut telling = Telling::new(
        does,
        saw,
        &[Place::Memory, Place::Restarts, Place::Unavailable],
    );
    telling.takes = Some(fills_after);
    telling.luck.push(
        "Instances did not all run out of memory at the same moment: those that had started anew \
         served again."
            .into(),
    );
    telling.advice.push(Advice {
        category: Category::Detection,
        place: ("alerting", "site reliability"),
        title: "Call somebody when memory grows steadily towards its end, not when it is full"
            .into(),
        reason: "A leak is visible in its slope long before an instance is killed.".into(),
        shows: "the first signal comes before the first harmed request".into(),
    });
    telling
}

/// What users saw of a service that cannot keep up.
fn starved(victim: &str, because: &str) -> String {
    format!("Requests that need `{victim}` were slow or failed: {because}")
}

/// Where what happens further down comes back: late, and to every caller alike.
const COMES_BACK: &[Place] = &[Place::Errors, Place::Business, Place::Latency];

fn quota_exhaustion(facts: &Facts<'_>, victim: ServiceId, factor: f64) -> Telling {
    let victim = facts.service_name(victim.0);
    let does = format!(
        "Instances that load the new version hold on to connections or quota of `{victim}`; once \
         every instance does, `{victim}` can serve {} of what it could before.",
        percent(1.0 / factor)
    );
    let saw = starved(
        victim,
        "what it has a limited number of was taken, from callers that did not change as well",
    );
    let mut telling = Telling::new(does, saw, COMES_BACK);
    telling.advice.push(Advice {
        category: Category::Prevention,
        place: ("limits", "owner of the service"),
        title: format!("Give every caller of `{victim}` a part of its capacity, and no more"),
        reason: format!(
            "One caller could take what all callers of `{victim}` need, by config alone."
        ),
        shows: "only requests of the changed service are harmed".into(),
    });
    telling
}

fn retry_storm(
    facts: &Facts<'_>,
    callee: ServiceId,
    attempts: u32,
    timeout: Option<Micros>,
) -> Telling {
    let callee = facts.service_name(callee.0);
    let gives_up = timeout.map_or_else(String::new, |timeout| {
        format!(" and give each of them {}", words::time(timeout))
    });
    let does = format!(
        "Instances that load the new version try a call to `{callee}` up to {}{gives_up}: a small \
         fault of `{callee}` becomes a load that keeps it down.",
        words::counted(u64::from(attempts), "time")
    );
    let saw = starved(callee, "it was busy with calls that were made again");
    let mut telling = Telling::new(does, saw, COMES_BACK);
    telling.way_back = Some(format!(
        "The load on `{callee}` feeds itself and may outlive the version that began it."
    ));
    telling.advice.push(Advice {
        category: Category::Prevention,
        place: ("clients", "owner of the service"),
        title: format!(
            "Give calls to `{callee}` a retry budget and a breaker that no config can switch off"
        ),
        reason: format!(
            "The number of tries was bounded for one call, and not for all calls to `{callee}` \
             together."
        ),
        shows: format!("calls to `{callee}` stay within a tenth above the usual"),
    });
    telling
}

fn wrong_data(facts: &Facts<'_>, class: Option<ClassId>, share: f64) -> Telling {
    let does = format!(
        "Instances that load the new version answer {} of {}requests wrongly, as fast as before \
         and without an error.",
        percent(share),
        whose(facts, class)
    );
    let saw = format!(
        "Some answers to {}requests were wrong, though fast and without an error",
        whose(facts, class)
    );
    let mut telling = Telling::new(does, saw, &[Place::Business]);
    telling.luck.extend(other_classes(facts, class));
    if share < 1.0 {
        telling.luck.push(format!(
            "The defect spoiled {} of those answers, not all.",
            percent(share)
        ));
    }
    let counted = facts.scenario.slos.iter().any(|slo| {
        matches!(slo.slo.indicator, Indicator::Business { class: own, .. } if own.is_none() || class.is_none() || own == class)
    });
    if !counted {
        telling.advice.push(Advice {
            category: Category::Detection,
            place: ("alerting", "site reliability"),
            title: format!(
                "Make an objective of what the business wants of {}requests, and call somebody \
                 when it is missed",
                whose(facts, class)
            ),
            reason: "No objective counts answers that are wrong.".into(),
            shows: "an alert fires".into(),
        });
    }
    telling
}

fn cache_storm(facts: &Facts<'_>, store: ServiceId, factor: f64, refill: Micros) -> Telling {
    let store = facts.service_name(store.0);
    let does = format!(
        "Instances that load the new version forget their cache: at first they call `{store}` {} \
         as often, and the cache is mostly warm again after {}.",
        times(factor),
        words::time(refill)
    );
    let saw = starved(
        store,
        "it got the calls that caches used to save it, until they were warm again",
    );
    let mut telling = Telling::new(does, saw, COMES_BACK);
    telling.luck.push(format!(
        "Caches that could fill were mostly warm again after {}.",
        words::time(refill)
    ));
    telling.advice.push(Advice {
        category: Category::Prevention,
        place: ("caches", "owner of the service"),
        title: format!("Fill a cache before an instance serves, at a rate that `{store}` can bear"),
        reason: format!(
            "`{store}` is built for the calls that caches let through, and got those that they \
             save."
        ),
        shows: format!("no request is turned away at `{store}`"),
    });
    telling
}

fn access_loss(share: f64) -> Telling {
    let who = if share >= 1.0 {
        "Every instance that loads the new version cuts itself off".to_owned()
    } else {
        format!(
            "{} of the instances that load the new version cut themselves off",
            percent(share)
        )
    };
    let does =
        format!("{who}: neither users nor telemetry nor config distribution reach them any more.");
    let saw = "Requests on instances that were cut off got no answer, and the others had more to \
               carry"
        .into();
    let mut telling = Telling::new(
        does,
        saw,
        &[Place::Unavailable, Place::Errors, Place::Business],
    );
    telling.way_back = Some(
        "Instances that are cut off hear of no rollback: somebody has to go there.".to_owned(),
    );
    if share < 1.0 {
        telling.luck.push(format!(
            "The defect cut off {} of the instances that loaded it, not all.",
            percent(share)
        ));
    }
    telling.advice.push(Advice {
        category: Category::Mitigation,
        place: ("instances", "owner of the service"),
        title: "Let an instance that hears nothing from distribution after a new version go back \
                to the one before by itself"
            .into(),
        reason: "The way to repair an instance led through what the version took away.".into(),
        shows: "every instance is reached again without a person going there".into(),
    });
    telling
}

fn tooling_poison(scrapes_lost: f64, distribution_factor: f64) -> Telling {
    let slowly = if distribution_factor > 1.0 {
        format!(
            ", and config takes {} as long to reach them",
            times(distribution_factor)
        )
    } else {
        String::new()
    };
    let does = format!(
        "{} of the scrapes of instances that load the new version are lost{slowly}; users are \
         served as before.",
        percent(scrapes_lost)
    );
    let saw =
        "Users saw nothing of this defect alone: what was lost was the sight of the instances"
            .into();
    let mut telling = Telling::new(does, saw, &[]);
    if distribution_factor > 1.0 {
        telling.way_back = Some(format!(
            "Config takes {} as long to reach instances on the new version, the rollback included.",
            times(distribution_factor)
        ));
    }
    telling.advice.push(Advice {
        category: Category::Prevention,
        place: ("tooling", "release engineering"),
        title: "Keep telemetry and config distribution out of what a service's config can change"
            .into(),
        reason: "The version took away the means by which it is watched and taken back.".into(),
        shows: "scrapes keep arriving and the rollback takes no longer than usual".into(),
    });
    telling
}
