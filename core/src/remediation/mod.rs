//! What is done about an outage: actions with guards, limits, deadlines and an outcome that is
//! verified. Knows nothing of why somebody wants one.
//!
//! ```text
//! wish ─► permission ─► guards ─► Begin ─► Started ─► Finished ─► Evidence ─► Done
//!             │            │                  (a drain: Step … Stepped)  └──► Failed
//!             └─ Suggest   └─ Refused
//! ```
//!
//! - A kill switch comes before a rollback, and that before everything else: what is lower on the
//!   same subject is stopped, or refused.
//! - A wish is carried out once, whatever is repeated.
//! - An action is not done until the world shows it: without evidence it has failed.
//! - The inputs are the journal: replaying them rebuilds everything.
//!
//! # The map
//!
//! | file | owns |
//! | --- | --- |
//! | `action` | what can be done, to what, and which comes first |
//! | `policy` | what automation may do, limits, deadlines |
//! | `guards` | whether a wish may be fulfilled now |
//! | `capacity`, `drain` | what regions can spare; draining step by step |
//! | `overrides` | a verdict overridden by two people in two roles |
//! | `input`, `record`, `machine` | what goes in and out; one action; the machine |

mod action;
mod capacity;
mod drain;
mod guards;
mod input;
mod machine;
mod overrides;
mod policy;
mod record;

pub use action::{Action, ActionKind, FeatureLevel, KillScope, Precedence, Subject};
pub use capacity::{Capacity, CapacityTable, Portion};
pub use drain::{Drain, DrainPolicy, DrainStep};
pub use input::{
    ActionKey, CancelReason, Failure, Input, InputError, Output, Refusal, Requester, ToolFailure,
};
pub use machine::Remediation;
pub use overrides::{GrantedOverride, OverrideAsk, OverrideError, OverrideReason, Overrides};
pub use policy::{
    ActionLimits, AutomationMode, Permission, PolicyError, RemediationPolicy, allowed,
};
pub use record::{ActionRecord, ActionState};
