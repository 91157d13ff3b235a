//! How far a change may go, and when. Knows nothing of how health is judged.

mod machine;
mod plan;
mod state;

pub use machine::{
    Action, ExposureReport, Order, OrderError, PauseReason, RollbackReason, Rollout, RolloutTimer,
};
pub use plan::{Audience, Placement, Plan, PlanError, Reaction, Share, Stage, StageKind, Target};
pub use state::{State, TRANSITIONS, dot};
