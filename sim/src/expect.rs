//! What a scenario must come to, line by line.

use firedrill_core::remediation::ActionKind;
use firedrill_core::{Micros, Ppm};
use serde::{Deserialize, Serialize};

use crate::measure::{Catcher, Measures, Span, SuspectRank};

/// One thing that must be so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// This layer stops the change.
    CaughtBy(CatchPoint),
    /// From the first user harmed to the first signal that somebody or something acts on.
    TimeToDetectAtMost(Micros),
    /// From the first user harmed until every objective holds again.
    TimeToMitigateAtMost(Micros),
    /// Whether every objective holds again before the run ends.
    Mitigated(bool),
    /// From the first page to the first acknowledgement.
    AcknowledgedWithin(Micros),
    /// From the first harm to the first post that users can read.
    UsersToldWithin(Micros),
    /// From the begin of the rollback until no reachable instance runs the change.
    RollbackAdoptedWithin(Micros),
    /// Instances that ever ran the change, among those of its service.
    ExposureAtMost(Ppm),
    /// Pages sent.
    PagesAtMost(u32),
    /// Alerts that fire, at least.
    AlertsAtLeast(u32),
    /// Incidents that are opened.
    IncidentsAtMost(u32),
    /// The place of the change that did it among the suspects that were shown first.
    SuspectRankAtMost(u32),
    /// Teams paged.
    TeamsPagedAtLeast(u32),
    /// Whether the command of an incident changes hands.
    HandsOver(bool),
    /// Whether the change reaches its whole scope and stays.
    ReachesFull(bool),
    /// Whether an objective's error budget burns faster than it may, by the users' own count.
    BreachesSlo(bool),
    /// Whether a request of a user is harmed because of the change.
    HarmsUsers(bool),
    /// An action of this kind works, as telemetry shows.
    ActionWorks(ActionKind),
    /// An action of this kind is refused, or does not work.
    ActionFails(ActionKind),
}

/// A layer, as expectations name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchPoint {
    /// Validation.
    Validation,
    /// Review.
    Review,
    /// Any canary stage.
    Canary,
    /// Any wave.
    Wave,
    /// The stage of this name.
    Stage(String),
    /// An SLO alert.
    SloAlert,
    /// An alert on what instances show.
    SymptomAlert,
    /// Users who complain.
    Users,
    /// Nothing, but a stage had no data and paused the rollout.
    NoData,
    /// Nothing, whether or not a stage paused the rollout for lack of data.
    Nobody,
}

/// A requirement and how often it must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// What must be so.
    pub requirement: Requirement,
    /// In at least this share of seeds.
    pub rate: Ppm,
    /// The line of the scenario file that asks for it, from 1; 0 when there is no file.
    pub line: u32,
}

impl Requirement {
    /// Whether a run meets it.
    #[must_use]
    pub fn is_met(&self, measures: &Measures) -> bool {
        let within = |span: Span, limit: Micros| match span {
            Span::Took(time) => time <= limit,
            Span::Never => false,
            Span::NotApplicable => true,
        };
        match self {
            Self::CaughtBy(point) => point.matches(&measures.caught_by),
            Self::TimeToDetectAtMost(limit) => within(measures.time_to_detect, *limit),
            Self::TimeToMitigateAtMost(limit) => within(measures.time_to_mitigate, *limit),
            Self::Mitigated(wanted) => (measures.time_to_mitigate != Span::Never) == *wanted,
            Self::AcknowledgedWithin(limit) => within(measures.time_to_acknowledge, *limit),
            Self::UsersToldWithin(limit) => within(measures.time_to_tell, *limit),
            Self::RollbackAdoptedWithin(limit) => within(measures.rollback_time, *limit),
            Self::ExposureAtMost(limit) => measures.exposure <= *limit,
            Self::PagesAtMost(limit) => measures.pages <= *limit,
            Self::AlertsAtLeast(least) => measures.alerts >= *least,
            Self::IncidentsAtMost(limit) => measures.incidents <= *limit,
            Self::SuspectRankAtMost(limit) => match measures.suspect_rank {
                SuspectRank::Listed { rank, .. } => rank <= *limit,
                SuspectRank::NotListed { .. } => false,
                SuspectRank::NotApplicable => true,
            },
            Self::TeamsPagedAtLeast(least) => measures.teams_paged >= *least,
            Self::HandsOver(wanted) => measures.command_handed_over == *wanted,
            Self::ReachesFull(wanted) => measures.reached_full == *wanted,
            Self::BreachesSlo(wanted) => measures.slo_breached == *wanted,
            Self::HarmsUsers(wanted) => measures.harmed == *wanted,
            Self::ActionWorks(kind) => measures.actions.worked(*kind),
            Self::ActionFails(kind) => measures.actions.failed(*kind),
        }
    }
}

impl CatchPoint {
    fn matches(&self, catcher: &Catcher) -> bool {
        match (self, catcher) {
            (Self::Validation, Catcher::Validation)
            | (Self::Review, Catcher::Review)
            | (Self::Canary, Catcher::Canary { .. })
            | (Self::Wave, Catcher::Wave { .. })
            | (Self::SloAlert, Catcher::SloAlert { .. })
            | (Self::SymptomAlert, Catcher::SymptomAlert { .. })
            | (Self::Users, Catcher::Users)
            | (Self::NoData, Catcher::NoData { .. })
            | (Self::Nobody, Catcher::NoData { .. } | Catcher::Nobody) => true,
            (Self::Stage(wanted), Catcher::Canary { stage } | Catcher::Wave { stage }) => {
                wanted == stage
            }
            (
                Self::Validation
                | Self::Review
                | Self::Canary
                | Self::Wave
                | Self::SloAlert
                | Self::SymptomAlert
                | Self::Users
                | Self::NoData
                | Self::Nobody
                | Self::Stage(_),
                _,
            ) => false,
        }
    }
}

impl std::fmt::Display for CatchPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Validation => f.write_str("validation"),
            Self::Review => f.write_str("review"),
            Self::Canary => f.write_str("a canary stage"),
            Self::Wave => f.write_str("a wave"),
            Self::Stage(name) => write!(f, "stage `{name}`"),
            Self::SloAlert => f.write_str("an SLO alert"),
            Self::SymptomAlert => f.write_str("a symptom alert"),
            Self::Users => f.write_str("users' reports"),
            Self::NoData => f.write_str("nobody, with a pause for lack of data"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// An action of a kind, in words.
#[must_use]
pub const fn action(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::AutomaticRollback => "an automatic rollback",
        ActionKind::OneClickRollback => "a rollback by hand",
        ActionKind::FeatureDisable => "a feature switch",
        ActionKind::Drain => "a drain",
        ActionKind::Restart => "a restart",
        ActionKind::Scale => "scaling out",
        ActionKind::KillSwitch => "a kill switch",
        ActionKind::TripBreaker => "a tripped breaker",
        ActionKind::FreezeRollouts => "a freeze",
    }
}

/// A length of time as a scenario file writes it: `45m`, `1h 30m`.
#[must_use]
pub fn length(time: Micros) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
        ("us", 1),
    ];
    let mut rest = time.0;
    let mut parts = Vec::new();
    for (unit, length) in UNITS {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() {
        return "0s".into();
    }
    parts.join(" ")
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CaughtBy(point) => write!(f, "caught by {point}"),
            Self::TimeToDetectAtMost(limit) => {
                write!(f, "time to detect at most {}", length(*limit))
            }
            Self::TimeToMitigateAtMost(limit) => {
                write!(f, "time to mitigate at most {}", length(*limit))
            }
            Self::Mitigated(true) => f.write_str("is mitigated"),
            Self::Mitigated(false) => f.write_str("is not mitigated"),
            Self::UsersToldWithin(limit) => write!(f, "users told within {}", length(*limit)),
            Self::AcknowledgedWithin(limit) => {
                write!(f, "acknowledged within {}", length(*limit))
            }
            Self::RollbackAdoptedWithin(limit) => {
                write!(f, "rollback adopted within {}", length(*limit))
            }
            Self::ExposureAtMost(limit) => write!(f, "exposure at most {limit}"),
            Self::PagesAtMost(limit) => write!(f, "pages at most {limit}"),
            Self::AlertsAtLeast(least) => write!(f, "alerts at least {least}"),
            Self::IncidentsAtMost(limit) => write!(f, "incidents at most {limit}"),
            Self::SuspectRankAtMost(limit) => write!(f, "rank of the suspect at most {limit}"),
            Self::TeamsPagedAtLeast(least) => write!(f, "teams paged at least {least}"),
            Self::HandsOver(true) => f.write_str("command changes hands"),
            Self::HandsOver(false) => f.write_str("command stays in one hand"),
            Self::ReachesFull(true) => f.write_str("reaches 100 %"),
            Self::ReachesFull(false) => f.write_str("does not stay at 100 %"),
            Self::BreachesSlo(true) => f.write_str("breaches an SLO"),
            Self::BreachesSlo(false) => f.write_str("breaches no SLO"),
            Self::HarmsUsers(true) => f.write_str("harms users"),
            Self::HarmsUsers(false) => f.write_str("harms no user"),
            Self::ActionWorks(kind) => write!(f, "{} works", action(*kind)),
            Self::ActionFails(kind) => write!(f, "{} fails", action(*kind)),
        }
    }
}
