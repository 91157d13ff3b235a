//! One canary under one judge.

use firedrill_core::Micros;
use firedrill_core::health::sequential::{
    ArmCounts, PairedCounts, PairedWindow, SequentialJudge, SequentialPolicy,
};

use crate::random::Draws;

use super::arms::Errors;

/// What the candidate is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference {
    /// A control with so many times the candidate's requests.
    Control(f64),
    /// The error ratio that is known to be usual.
    Known,
}

/// What happens to the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nothing: it is as good as the control.
    None,
    /// It is bad from its first request on.
    AtStart,
    /// It turns bad after so many seconds.
    After(f64),
}

/// A kind of canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// The usual probability that a request is answered badly.
    pub p0: f64,
    /// The probability once the candidate is bad.
    pub p1: f64,
    /// Requests of the candidate a second.
    pub traffic: f64,
    /// What it is compared with.
    pub reference: Reference,
    /// What happens to it.
    pub change: Change,
    /// How often the judge looks, in seconds; at least one request comes in between.
    pub look_s: f64,
    /// How long the canary is watched, in seconds.
    pub horizon_s: f64,
}

impl Case {
    /// Requests of the candidate between two looks.
    #[must_use]
    pub fn look_requests(&self) -> u64 {
        (libm::round(self.traffic * self.look_s) as u64).max(1)
    }

    /// Seconds between two looks: those of whole requests.
    #[must_use]
    pub fn look_seconds(&self) -> f64 {
        self.look_requests() as f64 / self.traffic
    }

    /// Looks until the horizon; one at least.
    #[must_use]
    pub fn looks(&self) -> u64 {
        // A last look that rounding has put behind the horizon counts.
        (libm::floor(self.horizon_s / self.look_seconds() + 1e-9) as u64).max(1)
    }

    /// Seconds from the start until the candidate turns bad.
    #[must_use]
    pub const fn onset_s(&self) -> f64 {
        match self.change {
            Change::None | Change::AtStart => 0.0,
            Change::After(seconds) => seconds,
        }
    }

    /// The errors of the candidate in one run.
    pub fn canary(&self, draws: &mut Draws, run: u64) -> Errors {
        let bad = match self.change {
            Change::None => self.p0,
            Change::AtStart | Change::After(_) => self.p1,
        };
        let changes_at = (self.onset_s() * self.traffic) as u64;
        Errors::new(draws, (run, 0), (self.p0, bad), changes_at)
    }

    /// The errors of the control in one run, and its requests between two looks.
    pub fn control(&self, draws: &mut Draws, run: u64) -> Option<(Errors, u64)> {
        match self.reference {
            Reference::Known => None,
            Reference::Control(ratio) => {
                let requests = libm::round(self.look_requests() as f64 * ratio) as u64;
                let errors = Errors::new(draws, (run, 1), (self.p0, self.p0), 0);
                Some((errors, requests.max(1)))
            }
        }
    }
}

/// When the sequential judge raises its alarm, in seconds from the start; `None` when it does not
/// within the horizon.
///
/// Looks at which neither arm brought an error go into one window with the next look that did:
/// they cannot alarm, and a window may end where an error comes. (It may not end just before one:
/// a judge that is told of a window's end only when an error follows has seen the future.)
///
/// # Panics
/// When the policy asks for nonsense.
pub fn alarm_s(case: &Case, policy: &SequentialPolicy, draws: &mut Draws, run: u64) -> Option<f64> {
    let mut judge = SequentialJudge::new(*policy, 1).expect("the policy has been checked");
    let mut canary = case.canary(draws, run);
    let mut control = case.control(draws, run);
    let (requests, looks) = (case.look_requests(), case.looks());
    let at = |look: u64| Micros((look as f64 * case.look_seconds() * 1e6) as u64 + look);
    let mut done = 0;
    loop {
        let of_canary = canary.next() / requests;
        let of_control = control
            .as_ref()
            .map_or(u64::MAX, |(errors, n)| errors.next() / n);
        let look = of_canary.min(of_control);
        if look >= looks {
            return None;
        }
        let (from, to) = (done, look + 1);
        let canary = ArmCounts {
            requests: requests * (to - from),
            errors: canary.take_below(draws, requests * to),
        };
        let control = control.as_mut().map(|(errors, n)| ArmCounts {
            requests: *n * (to - from),
            errors: errors.take_below(draws, *n * to),
        });
        let counts = PairedCounts {
            canary,
            control: control.unwrap_or_default(),
        };
        let window = PairedWindow {
            start: at(from),
            end: at(to),
            signals: &[counts],
        };
        judge.observe(&window).expect("windows follow each other");
        done = look + 1;
        if judge.has_failed() {
            return Some(done as f64 * case.look_seconds());
        }
    }
}
