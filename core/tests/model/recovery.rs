//! Crash recovery: cut the journal anywhere, replay, go on.

use firedrill_core::Micros;
use firedrill_core::plane::{ControlPlane, Input, Issued, Setup};

use super::drill::Drill;
use super::invariants::{Checked, drain};

/// One call of the driver: an input, or a timer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: Micros,
    pub(crate) input: Option<Input>,
    /// Commands given up to and including this call.
    pub(crate) issued_total: usize,
}

/// Where a run is cut.
const CUTS: usize = 5;

/// A plane that is rebuilt from the journal at any point goes on exactly as if it had never
/// stopped: the same orders, the same end.
pub(crate) fn invariant_recovery_is_seamless(drill: &Drill) -> Checked {
    let calls = &drill.calls;
    for cut in (0..=CUTS).map(|part| calls.len() * part / CUTS) {
        let (before, after) = calls.split_at(cut);
        let (now, given) = before
            .last()
            .map_or((Micros::ZERO, 0), |call| (call.at, call.issued_total));
        let mut plane = replay(&drill.setup, before, now)?;
        let remaining = go_on(&mut plane, after);
        if remaining != drill.given[given..] {
            return Err(format!("cut after call {cut}: other commands follow"));
        }
        if plane != drill.plane {
            return Err(format!("cut after call {cut}: another end"));
        }
    }
    Ok(())
}

fn replay(setup: &Setup, calls: &[Call], now: Micros) -> Result<ControlPlane, String> {
    let journal: Vec<(Micros, Input)> = calls
        .iter()
        .filter_map(|call| Some((call.at, call.input.clone()?)))
        .collect();
    ControlPlane::replay(setup.clone(), &journal, now).map_err(|error| error.to_string())
}

fn go_on(plane: &mut ControlPlane, calls: &[Call]) -> Vec<Issued> {
    let mut given = Vec::new();
    for call in calls {
        match &call.input {
            Some(input) => drop(plane.handle(call.at, input.clone())),
            None => plane.handle_timeout(call.at),
        }
        while let Some(issued) = plane.poll_command() {
            given.push(issued);
        }
        drain(plane);
    }
    given
}
