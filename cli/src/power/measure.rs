//! What is measured.

use firedrill_core::Ppm;
use firedrill_core::health::sequential::{Baseline, HostEffects, Onset, SequentialPolicy};
use firedrill_sim::power::hosts::Faultless;
use firedrill_sim::power::rivals::{self, Rival};
use firedrill_sim::power::{
    Case, Change, Characteristics, FalseAlarms, Reference, bound, delays, false_alarms, trial,
};
use firedrill_sim::random::Draws;
use serde::Serialize;

use crate::commands::power::PowerCommand;
use crate::failure::Failure;

use super::curve::{self, Curve};
use super::setting::{Setting, usual_policy};

/// Effects of the table: multiples of the usual error ratio.
const EFFECTS: [f64; 8] = [1.1, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0, 1_000.0];
/// Traffic of the table, in requests a second.
const TRAFFIC: [f64; 4] = [10.0, 100.0, 1_000.0, 10_000.0];
/// Looks of a rank or threshold judge at equal false alarms, in seconds.
const RIVALS: [(&str, Rival, f64); 5] = [
    ("threshold on 2 s windows", Rival::Threshold, 2.0),
    ("threshold on 10 s windows", Rival::Threshold, 10.0),
    ("threshold on 60 s windows", Rival::Threshold, 60.0),
    ("rank judge on 10 s points", Rival::Rank, 10.0),
    ("CUSUM, told the effect", Rival::Cusum, 0.1),
];
/// Good canaries that set a rival's limit.
const LIMIT_RUNS: u64 = 20_000;
/// Good canaries that set the limit of CUSUM, which others are measured by.
const CUSUM_LIMIT_RUNS: u64 = 100_000;
/// The row of the sequential judge whose canary turns bad at half-time.
const HALF_TIME: usize = 2;
/// Delays are looked for up to so many times what is possible at best.
const HORIZON: f64 = 60.0;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    schema: u32,
    pub(crate) seed: u64,
    /// What is noticed within the bake, by effect and traffic.
    pub(crate) curve: Option<Curve>,
    pub(crate) judges: Vec<JudgeRow>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) hosts: Vec<HostRow>,
}

/// One judge in the worked example.
#[derive(Debug, Serialize)]
pub(crate) struct JudgeRow {
    pub(crate) name: String,
    pub(crate) false_alarms: Option<FalseAlarms>,
    pub(crate) delay: Characteristics,
    /// How long each was watched once it was bad, in seconds.
    pub(crate) watched_s: f64,
    /// What no judge can beat, in seconds; at half-time, what CUSUM took, told the effect.
    pub(crate) bound_s: Option<f64>,
}

/// One cell of the table by effect and traffic.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) effect: f64,
    pub(crate) p1: f64,
    pub(crate) traffic: f64,
    pub(crate) control: bool,
    pub(crate) bound_s: f64,
    pub(crate) delay: Characteristics,
    /// How long each was watched, in seconds.
    pub(crate) watched_s: f64,
}

/// One kind of canary without a fault.
#[derive(Debug, Serialize)]
pub(crate) struct HostRow {
    pub(crate) kind: Faultless,
    pub(crate) false_alarms: FalseAlarms,
}

/// Measures what is asked for.
///
/// # Errors
/// When the judges of the worked example cannot be asked for that.
pub(crate) fn measure(setting: &Setting<'_>) -> Result<Figures, Failure> {
    let curve = (setting.command.cell_runs > 0).then(|| curve::measure(setting));
    if setting.watching.is_policy {
        return Ok(Figures {
            schema: 2,
            seed: setting.command.seed,
            curve,
            judges: vec![],
            cells: vec![],
            hosts: vec![],
        });
    }
    let worked = Worked {
        setting,
        command: setting.command,
    };
    let policy = worked.policy(Baseline::Control);
    policy.check(1).map_err(Failure::Policy)?;
    Ok(Figures {
        schema: 2,
        seed: setting.command.seed,
        curve,
        judges: worked.judges(),
        cells: worked.cells(),
        hosts: worked.hosts(),
    })
}

/// The worked example and the tables beside it.
struct Worked<'a> {
    setting: &'a Setting<'a>,
    command: &'a PowerCommand,
}

fn watching(policy: SequentialPolicy) -> impl Fn(&Case, &mut Draws, u64) -> Option<f64> + Sync {
    move |case, draws, run| trial::alarm_s(case, &policy, draws, run)
}

impl Worked<'_> {
    fn alpha(&self) -> f64 {
        self.setting.alpha
    }

    fn policy(&self, baseline: Baseline) -> SequentialPolicy {
        usual_policy(self.alpha(), self.setting.bake_s, baseline)
    }

    fn known(&self) -> Baseline {
        Baseline::Known(Ppm::from_f64(self.setting.p0))
    }

    fn case(&self, reference: Reference, change: Change) -> Case {
        Case {
            p0: self.setting.p0,
            p1: self.setting.p1,
            traffic: self.command.traffic[0],
            reference,
            change,
            look_s: self.setting.look_s,
            horizon_s: self.setting.bake_s,
        }
    }

    fn judges(&self) -> Vec<JudgeRow> {
        let (p0, p1) = (self.setting.p0, self.setting.p1);
        let (seed, traffic) = (self.command.seed, self.command.traffic[0]);
        let control = Reference::Control(1.0);
        let beside = bound::control_requests(p0, p1, 1.0, self.alpha()) / traffic;
        let against = bound::known_baseline_requests(p0, p1, self.alpha()) / traffic;
        let late = Change::After(self.setting.bake_s / 2.0);
        let row = |name: &str, baseline, reference, change, bound_s| {
            let policy = self.policy(baseline);
            let quiet = self.case(reference, Change::None);
            let bad = self.case(reference, change);
            let null_runs = self.command.null_runs;
            JudgeRow {
                name: name.into(),
                false_alarms: Some(false_alarms(&quiet, seed + 1, null_runs, watching(policy))),
                delay: delays(&bad, seed, self.command.runs, watching(policy)),
                watched_s: bad.horizon_s - bad.onset_s(),
                bound_s,
            }
        };
        let start = Change::AtStart;
        let mut rows = vec![
            row(
                "sequential, equal control",
                Baseline::Control,
                control,
                start,
                Some(beside),
            ),
            row(
                "sequential, usual rate known",
                self.known(),
                Reference::Known,
                start,
                Some(against),
            ),
            row(
                "same, bad from half-time on",
                self.known(),
                Reference::Known,
                late,
                None,
            ),
        ];
        for (name, rival, look_s) in RIVALS {
            if look_s > self.setting.bake_s {
                continue; // it would first look when the bake is over
            }
            let (reference, change, bound_s) = match rival {
                Rival::Rank => (control, start, Some(beside)),
                Rival::Threshold => (Reference::Known, start, Some(against)),
                Rival::Cusum => (Reference::Known, late, None),
            };
            let row = self.rival(name, rival, look_s, (reference, change, bound_s));
            if rival == Rival::Cusum && row.delay.is_complete() {
                // There is no bound for a moment that is not known; CUSUM is the optimum.
                rows[HALF_TIME].bound_s = Some(row.delay.mean_s);
            }
            rows.push(row);
        }
        rows
    }

    fn rival(
        &self,
        name: &str,
        rival: Rival,
        look_s: f64,
        (reference, change, bound_s): (Reference, Change, Option<f64>),
    ) -> JudgeRow {
        let seed = self.command.seed;
        let at = |change| Case {
            look_s: look_s.max(self.setting.look_s),
            ..self.case(reference, change)
        };
        let quiet = at(Change::None);
        let limit_runs = match rival {
            Rival::Cusum => CUSUM_LIMIT_RUNS,
            Rival::Rank | Rival::Threshold => LIMIT_RUNS,
        };
        let runs = limit_runs.min(self.command.null_runs);
        let limit = rivals::limit(rival, &quiet, self.alpha(), seed + 2, runs);
        let alarm = |case: &Case, draws: &mut Draws, run: u64| {
            rivals::alarm_s(rival, limit, case, draws, run)
        };
        JudgeRow {
            name: name.into(),
            false_alarms: Some(false_alarms(&quiet, seed + 1, runs, alarm)),
            delay: delays(&at(change), seed, self.command.runs.min(LIMIT_RUNS), alarm),
            watched_s: quiet.horizon_s - at(change).onset_s(),
            bound_s,
        }
    }

    /// Bad from the first request on, as the bound has it, and looked at every fiftieth of it.
    fn cells(&self) -> Vec<Cell> {
        let p0 = self.setting.p0;
        let mut cells = Vec::new();
        for effect in EFFECTS
            .into_iter()
            .filter(|effect| effect * p0 <= 1.0 + 1e-9)
        {
            let p1 = (effect * p0).min(1.0);
            for control in [false, true] {
                for traffic in TRAFFIC {
                    cells.extend(self.cell((effect, p1), traffic, control));
                }
            }
        }
        cells
    }

    fn cell(&self, (effect, p1): (f64, f64), traffic: f64, control: bool) -> Option<Cell> {
        if self.command.cell_runs == 0 {
            return None;
        }
        let p0 = self.setting.p0;
        let (requests, reference, baseline) = if control {
            let requests = bound::control_requests(p0, p1, 1.0, self.alpha());
            (requests, Reference::Control(1.0), Baseline::Control)
        } else {
            let requests = bound::known_baseline_requests(p0, p1, self.alpha());
            (requests, Reference::Known, self.known())
        };
        let bound_s = requests / traffic;
        let case = Case {
            p0,
            p1,
            traffic,
            reference,
            change: Change::AtStart,
            look_s: bound_s / 50.0,
            horizon_s: HORIZON * bound_s + 60.0 / traffic,
        };
        let policy = SequentialPolicy {
            effect_min_milli: 1_100,
            onset: Onset::Start,
            ..self.policy(baseline)
        };
        // Cells of one effect meet different requests.
        let seed = self.command.seed + 10 + traffic as u64;
        Some(Cell {
            effect,
            p1,
            traffic,
            control,
            bound_s,
            delay: delays(&case, seed, self.command.cell_runs, watching(policy)),
            watched_s: case.horizon_s,
        })
    }

    /// At 1 %, where many canaries tell most.
    fn hosts(&self) -> Vec<HostRow> {
        if self.command.host_runs == 0 {
            return vec![];
        }
        let policy = SequentialPolicy {
            alpha: Ppm::percent(1),
            hosts: HostEffects::Estimated,
            ..self.policy(Baseline::Control)
        };
        let kinds = [
            (20, 0.0),
            (20, 0.25),
            (20, 1.0),
            (2_000, 0.0),
            (2_000, 0.25),
        ];
        kinds
            .map(|(hosts, variation)| {
                let kind = Faultless {
                    hosts,
                    variation,
                    errors: 60.0,
                    requests: 60_000,
                    windows: 60,
                    drift: 0.8,
                };
                let (seed, runs) = (self.command.seed + 3, self.command.host_runs);
                HostRow {
                    kind,
                    false_alarms: kind.false_alarms(&policy, seed, runs),
                }
            })
            .into()
    }
}
