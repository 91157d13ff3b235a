//! Is it good? Signals, windows, verdicts with their evidence, objectives and burn rates.
//! Knows nothing of rollouts or alerts.

pub mod anomaly;
mod burn_rate;
mod check;
mod error_budget;
mod histogram;
pub mod judge;
pub mod rank;
mod repeated;
pub mod sequential;
mod slo;
pub mod special;
mod tally;
mod verdict;
mod window;

pub use burn_rate::{BurnReading, BurnWindow};
pub use check::{Check, Limit, Signal};
pub use error_budget::{BudgetReading, ErrorBudget};
pub use histogram::LatencyHistogram;
pub use judge::{Judge, JudgePolicy};
pub use repeated::{
    Condition, Ended, Measurement, MeasurementCounts, MeasurementOrder, NoDataRule, Repeated,
    RepeatedPolicy,
};
pub use slo::{BurnRule, Indicator, LowTraffic, Slo, Urgency, standard_burn_rules};
pub use tally::{Counts, Tally};
pub use verdict::{CheckEvidence, NoDataReason, Outcome, Proof, Verdict};
pub use window::{
    ClassCounts, InstanceCounts, ProbeCounts, Saturation, TelemetryWindow, WindowError, WindowsSeen,
};
