//! The judge of a stage: every method over the windows of a rollout.

mod methods;
mod support;
mod threshold;
