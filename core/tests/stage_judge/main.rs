//! The judge of a stage: every method over the windows of a rollout.

mod methods;
#[path = "../support/split_mix.rs"]
mod split_mix;
mod support;
mod threshold;
