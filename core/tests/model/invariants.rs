//! What must hold, one sentence each. An invariant that breaks says what it saw.

use firedrill_core::Micros;
use firedrill_core::health::Outcome;
use firedrill_core::ids::RolloutId;
use firedrill_core::incident::{IncidentRecord, IncidentRole, Phase, Standing};
use firedrill_core::plane::{Command, ControlPlane, Issued, Note, NoteBody};

use firedrill_core::rollout::RollbackReason;

use super::books::Books;
use super::drill::Drill;
use super::setup::{PAGES_MAX, REGIONS, SAMPLE_MIN, STALE_AFTER};
use firedrill_core::ids::RegionId;

/// What an invariant says.
pub(crate) type Checked = Result<(), String>;

pub(crate) fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// A stage is left for the next one at a verdict that passes, or that people overruled, and at
/// nothing else.
pub(crate) fn invariant_only_a_pass_promotes(books: &Books, note: &Note) -> Checked {
    let NoteBody::StagePromoted { rollout, stage } = &note.body else {
        return Ok(());
    };
    let verdict = books.trip(*rollout).verdict;
    let overruled = books.trip(*rollout).overruled == Some(*stage);
    let passed = verdict == Some((note.at, *stage, Outcome::Pass));
    hold(passed || overruled, || {
        format!(
            "stage {stage} of rollout {rollout} was promoted at {} on {verdict:?}",
            note.at
        )
    })
}

/// A failing judge or an alert takes nothing back where automation may not.
pub(crate) fn invariant_automation_keeps_to_its_mode(books: &Books, note: &Note) -> Checked {
    let NoteBody::RollbackStarted {
        rollout,
        reason: RollbackReason::JudgedBad | RollbackReason::Alert,
        ..
    } = &note.body
    else {
        return Ok(());
    };
    let trip = books.trip(*rollout);
    hold(books.may_roll_back(trip), || {
        format!("{:?} although automation may not: {trip:?}", note.body)
    })
}

/// Missing, stale or thin data never promotes, unless people overrule that: there is enough telemetry of the candidate from
/// this very stage, and the newest of it is fresh.
pub(crate) fn invariant_missing_data_never_promotes(books: &Books, note: &Note) -> Checked {
    let NoteBody::StagePromoted { rollout, stage } = &note.body else {
        return Ok(());
    };
    let trip = books.trip(*rollout);
    if trip.overruled == Some(*stage) {
        return Ok(());
    }
    let (mut requests, mut is_fresh) = (0, false);
    for window in books.windows_of_stage(trip) {
        requests += window
            .classes
            .iter()
            .map(|counts| u64::from(counts.requests))
            .sum::<u64>();
        is_fresh = is_fresh || window.end + STALE_AFTER >= note.at;
    }
    hold(requests >= SAMPLE_MIN && is_fresh, || {
        format!(
            "rollout {rollout} was promoted at {} on {requests} requests, fresh: {is_fresh}",
            note.at
        )
    })
}

/// A stage is entered after as many passes as there are stages before it, and says how far it
/// may go.
pub(crate) fn invariant_stages_follow_passes(books: &Books, note: &Note) -> Checked {
    let NoteBody::StageEntered {
        rollout,
        stage,
        instances_max,
    } = &note.body
    else {
        return Ok(());
    };
    let trip = books.trip(*rollout);
    let limit = books.limit_total(trip);
    hold((*stage, *instances_max) == (trip.promoted, limit), || {
        format!(
            "entered stage {stage} up to {instances_max}, after {} passes up to {limit}",
            trip.promoted
        )
    })
}

/// A rollback goes to the version that was last known good, which is never the one it leaves
/// unless there is no other.
pub(crate) fn invariant_rollback_targets_last_known_good(
    books: &Books,
    issued: &Issued,
) -> Checked {
    let Command::RollBack {
        config, from, to, ..
    } = issued.command
    else {
        return Ok(());
    };
    if books.issued.contains_key(&issued.id) {
        return Ok(()); // given again: what was good when it was given first
    }
    let good = books.last_known_good(config);
    hold(to == good, || {
        format!("{:?} leaves {from}; last known good is {good}", issued)
    })
}

/// A rollout is rolled back by one command, however often it is ordered, and pushes nothing
/// after it.
pub(crate) fn invariant_one_rollback(books: &Books, issued: &Issued) -> Checked {
    let Some(rollout) = issued.command.rollout() else {
        return Ok(());
    };
    let rollback = books.trip(rollout).rollback;
    hold(rollback.is_none_or(|first| first == issued.id), || {
        format!("{issued:?} after rollback {rollback:?}")
    })
}

/// What is pushed never goes beyond the limit of the stage that the passes so far opened, and
/// nothing is pushed while a rollout is halted.
pub(crate) fn invariant_pushes_within_the_limit(books: &Books, issued: &Issued) -> Checked {
    let Command::Push {
        rollout,
        region,
        instances,
        ..
    } = issued.command
    else {
        return Ok(());
    };
    let trip = books.trip(rollout);
    let limit = books.limit(trip, region);
    hold(instances <= limit && !trip.is_halted, || {
        format!("{issued:?} with limit {limit}, halted: {}", trip.is_halted)
    })
}

/// A command that is given again is the same command.
pub(crate) fn invariant_commands_repeat_safely(books: &Books, issued: &Issued) -> Checked {
    let first = books.issued.get(&issued.id);
    hold(first.is_none_or(|first| first == issued), || {
        format!("{issued:?} was first given as {first:?}")
    })
}

/// A page names the alert that opened the incident and the objective of that alert, also when it
/// is sent again after the alert stopped.
pub(crate) fn invariant_page_names_its_objective(books: &Books, issued: &Issued) -> Checked {
    let Command::Page { alert, slo, .. } = issued.command else {
        return Ok(());
    };
    let fired = books.alerts.get(&alert);
    hold(fired == slo.as_ref(), || {
        format!("{issued:?} is about an alert on {fired:?}")
    })
}

/// Whoever should be woken by an alert is: at once, or when its group is next looked at; or the
/// log says why not.
pub(crate) fn invariant_no_alert_is_lost(drill: &Drill) -> Checked {
    let patience = match &drill.setup.notifying {
        Some(policy) => policy.pipeline.routes.timing.interval.unwrap_or_default(),
        None => Micros::ZERO,
    };
    let now = drill.plane.now();
    let lost = drill.books.untold.iter();
    let mut lost = lost.filter(|(_, fired_at)| **fired_at + patience < now);
    match lost.next() {
        None => Ok(()),
        Some((alert, fired_at)) => Err(format!(
            "at {now} nobody knows of alert {alert}, which fired at {fired_at}"
        )),
    }
}

/// The pushes ordered so far never add up above the current stage's limit, and no more hosts
/// run the candidate than that, unless distribution itself went too far.
pub(crate) fn invariant_exposure_within_the_stage(drill: &Drill) -> Checked {
    for trip in &drill.books.trips {
        let ordered: u32 = trip.ordered.values().sum();
        let limit = drill.books.limit_total(trip);
        hold(ordered <= limit, || {
            format!("{ordered} instances ordered of {limit}: {trip:?}")
        })?;
        for region in (0..REGIONS).map(RegionId) {
            let running = drill
                .fleet
                .count(trip.config, region, trip.candidate)
                .running;
            let limit = drill.books.limit(trip, region);
            hold(running <= limit || trip.is_mixed, || {
                format!(
                    "{running} hosts of region {region} run a candidate with limit {limit}: {trip:?}"
                )
            })?;
        }
    }
    Ok(())
}

/// The limit of a rollout grows only in a call in which a stage passed.
pub(crate) fn invariant_limit_grows_after_a_pass(drill: &Drill) -> Checked {
    for (index, before) in drill.step.limits_before.iter().enumerate() {
        let id = RolloutId(index as u32);
        let rollout = drill
            .plane
            .rollout(id)
            .ok_or("rollouts are never forgotten")?;
        let now: u32 = rollout.limits().values().sum();
        let passed = drill.step.notes.iter().any(
            |note| matches!(note.body, NoteBody::StagePromoted { rollout, .. } if rollout == id),
        );
        hold(now == *before || (now > *before && passed), || {
            format!("the limit of rollout {id} went from {before} to {now}")
        })?;
    }
    Ok(())
}

/// After a completed rollback no reachable host runs the version that was taken back, unless
/// no other is known good.
///
/// FIXME: a host that got the version by a mistake of distribution, in a region that was never
/// ordered to have it and that reports it only after the rollback was complete, is drift that the
/// core does not act on yet.
pub(crate) fn invariant_rolled_back_is_gone(drill: &Drill) -> Checked {
    for trip in drill.books.trips.iter().filter(|trip| trip.is_rolled_back) {
        if drill.books.last_known_good(trip.config) == trip.candidate {
            continue;
        }
        let left = drill.fleet.hosts.iter().find(|host| {
            let is_drift = trip.is_mixed && !trip.ordered.contains_key(&host.region);
            let runs = host.config == trip.config && host.version == trip.candidate;
            runs && host.reachable && !is_drift
        });
        hold(left.is_none(), || {
            format!("{left:?} still runs the candidate of {trip:?}")
        })?;
    }
    Ok(())
}

/// A refused input changes nothing but time.
pub(crate) fn invariant_refusal_changes_only_time(drill: &Drill) -> Checked {
    if !drill.step.is_refused {
        return Ok(());
    }
    let mut without = drill.twin.clone();
    without.handle_timeout(drill.plane.now());
    drain(&mut without);
    hold(without == drill.plane, || {
        "a refused input left a trace".into()
    })
}

/// The inputs alone rebuild the plane, also when its driver wakes late or not at all between
/// them.
pub(crate) fn invariant_replay_equals_live(drill: &Drill) -> Checked {
    let mut replayed = drill.twin.clone();
    replayed.handle_timeout(drill.plane.now());
    drain(&mut replayed);
    hold(replayed == drill.plane, || {
        "the replayed plane differs from the live one".into()
    })
}

/// Every command is remembered until it was reported done, given up, or overtaken by a pause,
/// an abort or a rollback.
pub(crate) fn invariant_nothing_is_forgotten(drill: &Drill) -> Checked {
    let outstanding: Vec<_> = drill.plane.outstanding().map(|issued| issued.id).collect();
    let forgotten = drill
        .books
        .issued
        .keys()
        .find(|id| !drill.books.closed.contains(id) && !outstanding.contains(id));
    hold(forgotten.is_none(), || {
        format!("command {forgotten:?} is forgotten")
    })
}

/// At most one person commands an incident, and nobody one that was merged or cancelled.
pub(crate) fn invariant_one_commander(drill: &Drill) -> Checked {
    for record in drill.plane.incidents().incidents() {
        let tenures = record.roles.tenures().iter();
        let commanding = tenures.filter(|t| t.role == IncidentRole::Commander && t.is_active());
        let count = commanding.count();
        let over = matches!(record.lifecycle.phase(), Phase::Merged | Phase::Cancelled);
        hold(count <= usize::from(!over), || {
            format!("{count} people command incident {}", record.id)
        })?;
    }
    Ok(())
}

/// A team is paged as often as its policy says, and no more.
pub(crate) fn invariant_paging_is_bounded(drill: &Drill) -> Checked {
    let book = drill.plane.incidents();
    for record in book.incidents() {
        let escalation = book
            .pager()
            .escalation(record.id)
            .ok_or("it was paged for")?;
        let teams = escalation.hops.len() as u32 + 1;
        hold(escalation.pages <= teams * PAGES_MAX, || {
            format!("{} pages to {teams} teams", escalation.pages)
        })?;
    }
    Ok(())
}

/// Nobody is paged for ever: when the longest escalation is over, every incident is in hand, or
/// over, or given up.
pub(crate) fn invariant_escalations_end(drill: &Drill) -> Checked {
    let book = drill.plane.incidents();
    let pages = |record: &&IncidentRecord| {
        let escalation = book.pager().escalation(record.id);
        escalation.is_some_and(|e| matches!(e.standing, Standing::Paging { .. }))
    };
    let paging = book.incidents().iter().find(pages);
    hold(paging.is_none(), || {
        format!("still paging: {:?}", paging.map(|record| record.id))
    })
}

/// The plane's store knows the same good version as the model.
pub(crate) fn invariant_store_agrees(drill: &Drill) -> Checked {
    for trip in &drill.books.trips {
        let ours = drill.books.last_known_good(trip.config);
        let theirs = drill.plane.store().last_known_good(trip.config);
        hold(ours == theirs, || {
            format!("last known good is {ours}, the store says {theirs}")
        })?;
    }
    Ok(())
}

/// Drops what a plane wants to say.
pub(crate) fn drain(plane: &mut ControlPlane) {
    while plane.poll_command().is_some() {}
    while plane.poll_note().is_some() {}
}
