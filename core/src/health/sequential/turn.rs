//! What would have changed the verdict of a signal: errors of its latest window.
//!
//! Each number is the smallest one found by doubling and halving that turns the rule which
//! decides, so adding (or taking away) that many errors in the window's row turns it, and one
//! less does not. Errors are told as if they fell on hosts as those before did.

use super::hosts::HostModel;
use super::policy::Baseline;
use super::signal::SignalState;

impl SignalState {
    /// Errors of the candidate fewer in the latest window, with which it had not failed then.
    pub(super) fn errors_fewer(&self, model: Option<&HostModel>, threshold: f64) -> Option<u64> {
        let most = self.latest.counts.canary.errors;
        first(most, |n| !self.would_fail(model, threshold, (-n, 0)))
    }

    /// Errors of the candidate more in the latest window, with which it would fail.
    pub(super) fn errors_more(&self, model: Option<&HostModel>, threshold: f64) -> Option<u64> {
        let counts = self.latest.counts.canary;
        let most = counts.requests - counts.errors;
        first(most, |n| self.would_fail(model, threshold, (n, 0)))
    }

    /// Errors of the control more in the latest window, with which it had not failed then.
    pub(super) fn control_more(&self, model: Option<&HostModel>, threshold: f64) -> Option<u64> {
        let counts = self.compared_with()?;
        let most = counts.requests - counts.errors;
        first(most, |n| !self.would_fail(model, threshold, (0, n)))
    }

    /// Errors of the control fewer in the latest window, with which it would fail.
    pub(super) fn control_fewer(&self, model: Option<&HostModel>, threshold: f64) -> Option<u64> {
        let counts = self.compared_with()?;
        first(counts.errors, |n| {
            self.would_fail(model, threshold, (0, -n))
        })
    }

    /// The control's latest counts; `None` against a known rate.
    fn compared_with(&self) -> Option<super::judge::ArmCounts> {
        match self.policy.baseline {
            Baseline::Known(_) => None,
            Baseline::Control => Some(self.latest.counts.control),
        }
    }
}

/// The smallest number from 1 to `most` that does, by doubling and halving; `None` when `most`
/// does not.
fn first(most: u64, does: impl Fn(i64) -> bool) -> Option<u64> {
    let most = i64::try_from(most).unwrap_or(i64::MAX / 2);
    let (mut low, mut high) = (0, 1);
    while high < most && !does(high) {
        low = high;
        high = high.saturating_mul(2);
    }
    high = high.min(most);
    if most < 1 || !does(high) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if does(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    u64::try_from(high).ok()
}
