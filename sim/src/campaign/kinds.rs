//! Results by the kind of mistake that was drawn: who caught which, and how fast.

use serde::Serialize;

use crate::measure::{Catcher, Span};

use super::{MeasureSummary, RunOutcome, Unit, summarise};

/// Runs in which the measured defect was drawn of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindSummary {
    /// The kind.
    pub kind: String,
    /// The mechanisms that were drawn, in alphabetical order.
    pub mechanisms: Vec<MechanismSeeds>,
    /// Runs.
    pub n: u64,
    /// Those in which a user was harmed.
    pub harmed: u64,
    /// Those in which validation or review stopped the change.
    pub before_rollout: u64,
    /// Those in which a canary stage stopped it.
    pub canary: u64,
    /// Those in which a wave stopped it.
    pub wave: u64,
    /// Those in which it was taken back after an alert, or after users complained.
    pub alert: u64,
    /// Those in which nobody stopped it.
    pub missed: u64,
    /// From the first user harmed to the first signal.
    pub time_to_detect: MeasureSummary,
}

/// Which seeds drew a mechanism.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MechanismSeeds {
    /// Its name.
    pub mechanism: &'static str,
    /// The seeds, in their order.
    pub seeds: Vec<u64>,
}

/// The runs by kind, in the alphabetical order of kinds; runs without a drawn defect are left
/// out.
pub(super) fn by_kind(runs: &[RunOutcome]) -> Vec<KindSummary> {
    let mut kinds = std::collections::BTreeMap::<&str, Vec<&RunOutcome>>::new();
    for run in runs {
        if let Some(drawn) = &run.measures.drawn {
            kinds.entry(&drawn.kind).or_default().push(run);
        }
    }
    let kinds = kinds.into_iter();
    kinds.map(|(kind, runs)| summary_of(kind, &runs)).collect()
}

fn summary_of(kind: &str, runs: &[&RunOutcome]) -> KindSummary {
    let spans: Vec<Span> = runs.iter().map(|run| run.measures.time_to_detect).collect();
    let mut mechanisms = std::collections::BTreeMap::<_, Vec<u64>>::new();
    for run in runs {
        if let Some(drawn) = &run.measures.drawn {
            let name = drawn.defect.mechanism.name();
            mechanisms.entry(name).or_default().push(run.seed);
        }
    }
    let mechanisms = mechanisms.into_iter();
    let mut summary = KindSummary {
        kind: kind.to_owned(),
        mechanisms: mechanisms
            .map(|(mechanism, seeds)| MechanismSeeds { mechanism, seeds })
            .collect(),
        n: runs.len() as u64,
        harmed: runs.iter().filter(|run| run.measures.harmed).count() as u64,
        before_rollout: 0,
        canary: 0,
        wave: 0,
        alert: 0,
        missed: 0,
        time_to_detect: summarise("time-to-detect", Unit::Microseconds, &spans),
    };
    for run in runs {
        let count = match run.measures.caught_by {
            Catcher::Validation | Catcher::Review => &mut summary.before_rollout,
            Catcher::Canary { .. } => &mut summary.canary,
            Catcher::Wave { .. } => &mut summary.wave,
            Catcher::SloAlert { .. } | Catcher::SymptomAlert { .. } | Catcher::Users => {
                &mut summary.alert
            }
            Catcher::NoData { .. } | Catcher::Nobody => &mut summary.missed,
        };
        *count += 1;
    }
    summary
}
