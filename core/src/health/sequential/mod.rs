//! Verdicts that stay valid however often they are looked at.
//!
//! An *e-process* is a measure of evidence whose mean under "the canary is no worse" never
//! exceeds one, at any moment, however that moment is chosen. By Ville's inequality it reaches
//! `1/α` with probability at most `α`, over the whole of a bake looked at after every sample.
//!
//! [`mixture`] (closed forms) and [`bound`] (confidence sequences) are pure functions;
//! [`EffectBank`] is the streaming e-process over effect sizes and moments of change, and
//! [`MeanBank`] that about the mean of a bounded metric;
//! [`HostSpread`] measures how far hosts of one version differ; [`Exceedance`] turns latency
//! histograms into counts; [`SequentialJudge`] composes them into a verdict with its evidence.

mod bank;
pub mod betting;
pub mod bound;
mod evidence;
mod exceedance;
mod hosts;
mod judge;
mod lanes;
mod mean;
pub mod mixture;
mod policy;
mod ratio;
mod reading;
mod signal;
mod turn;

pub use bank::EffectBank;
pub use betting::{MeanBank, Samples};
pub use evidence::{Rule, SequentialVerdict, SignalEvidence, Turn};
pub use exceedance::Exceedance;
pub use hosts::HostSpread;
pub use judge::{ArmCounts, PairedCounts, PairedWindow, SampleError, SequentialJudge};
pub use mean::{MeanEvidence, MeanPolicy, MeanTurn, PairedSamples, Worse};
pub use policy::{Baseline, HostEffects, Onset, PolicyError, SequentialPolicy};
