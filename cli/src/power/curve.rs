//! What one judge notices within the bake, by effect and traffic.

use firedrill_sim::power::policies::{Ends, watch_all};
use firedrill_sim::power::{Change, Characteristics, FalseAlarms};
use serde::Serialize;

use super::setting::Setting;

/// What one judge notices.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) judge: String,
    /// The usual error ratio.
    pub(crate) p0: f64,
    pub(crate) bake_s: f64,
    pub(crate) look_s: f64,
    /// Good canaries by traffic; none where the worked example has them.
    pub(crate) good: Vec<Good>,
    /// Bad canaries by traffic, then effect.
    pub(crate) bad: Vec<Bad>,
}

/// Good canaries of one traffic.
#[derive(Debug, Serialize)]
pub(crate) struct Good {
    pub(crate) traffic: f64,
    pub(crate) false_alarms: FalseAlarms,
    /// Those that passed within the bake.
    pub(crate) passed: u64,
}

/// Bad canaries of one traffic and effect.
#[derive(Debug, Serialize)]
pub(crate) struct Bad {
    pub(crate) traffic: f64,
    pub(crate) effect: f64,
    /// Their error ratio.
    pub(crate) p1: f64,
    pub(crate) delay: Characteristics,
    /// Those that passed within the bake.
    pub(crate) passed: u64,
}

pub(crate) fn measure(setting: &Setting<'_>) -> Curve {
    let command = setting.command;
    let judging = &setting.watching.judging;
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, traffic) in command.traffic.iter().enumerate() {
        if setting.watching.is_policy {
            let case = setting.case(*traffic, setting.p0, Change::None);
            let ends = watch_all(&case, judging, command.seed + 1, command.null_runs);
            good.push(Good {
                traffic: *traffic,
                false_alarms: false_alarms(&ends),
                passed: ends.passed,
            });
        }
        for (effect, p1) in setting.effects() {
            let case = setting.case(*traffic, p1, Change::AtStart);
            // Columns of the table meet different requests.
            let seed = command.seed + 20_000 + index as u64;
            let ends = watch_all(&case, judging, seed, command.cell_runs);
            bad.push(Bad {
                traffic: *traffic,
                effect,
                p1,
                delay: Characteristics::of(&ends.failed_s),
                passed: ends.passed,
            });
        }
    }
    Curve {
        judge: setting.watching.name.clone(),
        p0: setting.p0,
        bake_s: setting.bake_s,
        look_s: setting.look_s,
        good,
        bad,
    }
}

fn false_alarms(ends: &Ends) -> FalseAlarms {
    FalseAlarms {
        runs: ends.failed_s.len() as u64,
        alarms: ends.failed_s.iter().flatten().count() as u64,
    }
}
