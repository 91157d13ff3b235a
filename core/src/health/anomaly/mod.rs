//! Is this series odd against its own past? For fleet-wide series without a control.
//!
//! One pass, bounded memory (the `history` is the largest part, 128 KiB). Each point is compared
//! with what was forecast, in the data's order: `clock` (does it come in its turn) → `season` (what is usual at
//! this time) → `local` (level, pull back to it, scales) → `tail` (how rare is such a distance)
//! → [`AnomalyDetector`], which asks four questions and takes the rarest answer:
//!
//! - *innovation*: how far from the forecast (spikes, jumps);
//! - *deviation*: how far from the level (outages that last, a season that is missing);
//! - *sum*: how far on one side for how long (CUSUM: small shifts, drifts);
//! - *spread*: how much more or less than usual it moves (noise, a frozen value).
//!
//! # What a score means
//!
//! On a series that goes on as it has gone on, a share of about `q` of its points have a score
//! of `1 - q` or more, for every `q`: an alarm at 0.999 comes once in about 1,000 points. A
//! score is one minus the share of the past (about the last [`AnomalyPolicy::memory`] points)
//! that was at least as odd; beyond the past, a fitted tail tells (generalised Pareto over
//! a high level; Siffer et al., KDD 2017). `core/tests/anomaly_calibration.rs` holds the share
//! between stated factors of `q` on twelve kinds of series. Where few values are possible, ties
//! count as at least as odd, so there the share may be smaller than `q`.
//!
//! # What is learned from an outage
//!
//! Little: a point moves level, scales and profile as if it were at most three scales away,
//! and counts in the past as at most somewhat rarer than anything before. Thirty-two points in
//! a row far on one side are a new level, and the baseline begins anew there.

mod clock;
mod detector;
mod history;
mod local;
mod policy;
mod season;
mod tail;

pub use detector::{AnomalyDetector, AnomalyReading, PointStanding, Question};
pub use policy::{AnomalyPolicy, AnomalyPolicyError, MEMORY_MIN, Season};
