//! Who should know, and what may be to blame. Knows nothing of people.
//!
//! The map, in the data's order:
//!
//! - [`objectives`]: burn rates of objectives become alerts;
//! - `symptoms`: fixed limits on what instances show become alerts;
//! - [`rule`]: what a rule finds becomes alerts, after a while and for a while;
//! - [`labels`]: what an alert is, and how rules speak of it;
//! - [`routing`] → [`grouping`] → [`inhibition`] → [`silence`] → [`notification`], one idea each,
//!   and [`pipeline`], which puts them in order: signals in, notifications out;
//! - [`suspects`]: which change in flight is to blame.

pub mod grouping;
pub mod inhibition;
pub mod labels;
mod look;
pub mod notification;
pub mod objectives;
pub mod pipeline;
pub mod routing;
pub mod rule;
pub mod silence;
pub mod suspects;
mod symptoms;

pub use grouping::{GroupKey, Standing};
pub use inhibition::InhibitionRule;
pub use labels::{Condition, LabelSet, Matcher};
pub use notification::{Listed, Notification, Reason};
pub use objectives::{Alert, AlertBook, AlertEvent, SloHistory, count};
pub use pipeline::{
    AlertPipeline, PipelineError, PipelineInput, PipelinePolicy, Signal, StandingNote,
};
pub use routing::{GroupBy, GroupTiming, RouteError, RouteSpec, TimingSpec};
pub use rule::{AlertRule, RuleMemory, RulePolicy, RuleState, SeriesLimitExceeded};
pub use silence::{Silence, SilenceError};
pub use symptoms::{Symptom, SymptomError, SymptomEvent, SymptomPolicy, SymptomRule, Symptoms};
