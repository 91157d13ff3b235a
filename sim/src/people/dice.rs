//! Draws about people: one for each question, addressed by the incident that it is asked in.

use firedrill_core::Micros;

use crate::random::{Draws, Entity, log_normal};
use crate::spec::LogNormal;

/// What is asked. Lanes below these belong to people without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Ask {
    Answers = 16,
    Acknowledges,
    Orients,
    Looks,
    Convinced,
    HandsOver,
    Forgets,
    Hesitates,
    Overrides,
    Escalates,
    Notices,
    NoiseCount,
    NoiseTime,
    NoiseKept,
    NoiseKind,
    NoiseLength,
    ChangeCount,
    ChangeTime,
    ChangeKept,
    ChangeAutomated,
    ToolUp,
    ToolDown,
}

/// The draws of one incident, or of one page.
#[derive(Debug)]
pub struct Dice<'a> {
    draws: &'a mut Draws,
    step: u64,
}

impl<'a> Dice<'a> {
    /// The draws at an address of their own, below 2²⁸: the number of a page, for example.
    pub const fn new(draws: &'a mut Draws, address: u64) -> Self {
        Self {
            draws,
            step: address,
        }
    }

    pub(super) fn uniform(&mut self, ask: Ask, index: u64) -> f64 {
        let lane = ask as u64;
        self.draws.uniform(self.step, Entity { lane, index })
    }

    pub(super) fn chance(&mut self, ask: Ask, index: u64, share: f64) -> bool {
        self.uniform(ask, index) < share
    }

    pub(super) fn time(&mut self, ask: Ask, index: u64, distribution: LogNormal) -> Micros {
        log_normal(self.uniform(ask, index), distribution)
    }
}

/// A time, so many times longer.
pub(super) fn stretched(time: Micros, factor: f64) -> Micros {
    Micros((time.0 as f64 * factor) as u64)
}
