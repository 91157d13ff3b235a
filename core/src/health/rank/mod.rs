//! The rank judge: does one series of measurements lie above another?
//!
//! [`mann_whitney`] (test, interval, estimate) → [`mod@metric`] (one metric's label) → [`score`]
//! (groups, run). [`prepare`] is what happens to a series before; [`reason`] says what decided.
//!
//! The *compatible* mode repeats the statistical judge that is in wide use (Kayenta's
//! `NetflixACAJudge-v1.0`, Apache-2.0) to the last digit, so that old judgements can be
//! explained and compared. The *guarded* mode closes its known traps: see [`metric::Mode`].

pub mod mann_whitney;
pub mod metric;
pub mod prepare;
pub mod reason;
pub mod score;
