//! Actions against an outage: what people wish for, what the world tells of it, and what the model
//! concludes from notes and commands.

use firedrill_core::Ppm;
use firedrill_core::ids::{ActionId, CommandId, ConfigId, RegionId, RolloutId, ServiceId};
use firedrill_core::plane::{ActionNote, ActionOrder, Command, Input, Issued, Note, NoteBody};
use firedrill_core::remediation::{
    Action as Remedy, ActionKey, ActionKind, FeatureLevel, Input as Fact, KillScope,
    OverrideReason, Precedence, Requester, ToolFailure,
};

use super::books::Books;
use super::drill::Drill;
use super::invariants::{Checked, hold};
use super::setup::{REGIONS, SERVICES, principal};

const DEVELOPER: u8 = 0;
const ON_CALL: u8 = 2;
/// So many wishes have a key of their own.
const KEYS: u8 = 12;

/// An action, as the model sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    what: Remedy,
    under_way: bool,
    in_force: bool,
    begin: Option<CommandId>,
}

impl Deed {
    const fn stands(&self) -> bool {
        self.under_way || self.in_force
    }

    /// Whether nothing of a config may widen while it stands.
    fn stops(&self, books: &Books, config: ConfigId) -> bool {
        let stops = match self.what.kind() {
            ActionKind::FreezeRollouts => true,
            ActionKind::KillSwitch => {
                self.what == Remedy::KillSwitch(KillScope::Config(config))
                    || self.what == Remedy::KillSwitch(KillScope::Service(books.service(config)))
            }
            ActionKind::AutomaticRollback
            | ActionKind::OneClickRollback
            | ActionKind::FeatureDisable
            | ActionKind::Drain
            | ActionKind::Restart
            | ActionKind::Scale
            | ActionKind::TripBreaker => false,
        };
        stops && self.stands()
    }
}

impl Books {
    /// Enters what happened to an action.
    pub(crate) fn add_deed(&mut self, note: &ActionNote) {
        match note {
            ActionNote::Begun { action, what, .. } => {
                let deed = Deed {
                    what: *what,
                    under_way: true,
                    in_force: false,
                    begin: None,
                };
                self.deeds.insert(*action, deed);
            }
            ActionNote::Started { action } if !self.is_drain(*action) => self.put_in_force(*action),
            ActionNote::Finished { action, .. } | ActionNote::StepOrdered { action, .. } => {
                self.put_in_force(*action);
            }
            ActionNote::Verified { action }
            | ActionNote::Failed { action, .. }
            | ActionNote::Cancelled { action, .. } => {
                if let Some(deed) = self.deeds.get_mut(action) {
                    deed.under_way = false;
                }
                let about = |issued: &&Issued| {
                    matches!(&issued.command, Command::Act { action: id, order }
                        if id == action && *order != ActionOrder::Stop)
                };
                let orders = self.issued.values().filter(about).map(|issued| issued.id);
                self.closed.extend(orders);
            }
            ActionNote::Restored { action } => self.deed(*action).in_force = false,
            ActionNote::OverrideGranted { rollout, .. } => {
                let trip = &mut self.trips[rollout.index()];
                trip.overruled = Some(trip.promoted);
            }
            ActionNote::Started { .. }
            | ActionNote::Suggested { .. }
            | ActionNote::Refused { .. }
            | ActionNote::OverrideAsked { .. }
            | ActionNote::OverrideRefused { .. } => {}
        }
    }

    fn is_drain(&self, action: ActionId) -> bool {
        self.deeds[&action].what.kind() == ActionKind::Drain
    }

    fn put_in_force(&mut self, action: ActionId) {
        let deed = self.deed(action);
        deed.in_force = deed.what.kind().stands();
    }

    fn deed(&mut self, action: ActionId) -> &mut Deed {
        self.deeds.get_mut(&action).expect("it was begun")
    }

    /// Enters the order to begin an action.
    pub(crate) fn add_order(&mut self, issued: &Issued) {
        if let Command::Act {
            action,
            order: ActionOrder::Begin(_),
        } = issued.command
        {
            self.deed(action).begin = Some(issued.id);
        }
    }
}

/// While a kill switch or a freeze stands, nothing that it covers is on its way out.
pub(crate) fn invariant_nothing_widens_under_a_stop(drill: &Drill) -> Checked {
    for (index, trip) in drill.books.trips.iter().enumerate() {
        let id = RolloutId(index as u32);
        let state = drill.plane.rollout(id).ok_or("never forgotten")?.state();
        let mut deeds = drill.books.deeds.values();
        let stop = deeds.find(|deed| deed.stops(&drill.books, trip.config));
        hold(stop.is_none() || !state.is_advancing(), || {
            format!("rollout {id} is {state} under {stop:?}")
        })?;
    }
    Ok(())
}

/// Nothing is pushed under a kill switch or a freeze, not even again.
pub(crate) fn invariant_no_push_under_a_stop(books: &Books, issued: &Issued) -> Checked {
    let Command::Push { config, .. } = issued.command else {
        return Ok(());
    };
    let stop = books.deeds.values().find(|deed| deed.stops(books, config));
    hold(stop.is_none(), || format!("{issued:?} under {stop:?}"))
}

/// Nothing but another kill switch begins on what a kill switch is being turned on for.
pub(crate) fn invariant_a_kill_switch_comes_first(books: &Books, note: &Note) -> Checked {
    let NoteBody::Action(ActionNote::Begun { what, .. }) = &note.body else {
        return Ok(());
    };
    let kill = |deed: &&Deed| {
        deed.under_way
            && deed.what.kind().precedence() == Precedence::KillSwitch
            && deed.what.collides(what)
    };
    let first = books.deeds.values().find(kill);
    hold(first.is_none(), || {
        format!("{what:?} began under {first:?}")
    })
}

/// An action is begun by one command, however often that is given.
pub(crate) fn invariant_no_action_runs_twice(books: &Books, issued: &Issued) -> Checked {
    let Command::Act {
        action,
        order: ActionOrder::Begin(_),
    } = issued.command
    else {
        return Ok(());
    };
    let deed = books.deeds.get(&action).ok_or("it was never begun")?;
    hold(deed.begin.is_none_or(|first| first == issued.id), || {
        format!("{issued:?} after {deed:?}")
    })
}

/// No two regions are without their users, or about to be.
pub(crate) fn invariant_one_region_out(books: &Books) -> Checked {
    let drained = |deed: &Deed| match deed.what.kind() {
        ActionKind::Drain if deed.stands() => Some(deed.what),
        ActionKind::Drain
        | ActionKind::AutomaticRollback
        | ActionKind::OneClickRollback
        | ActionKind::FeatureDisable
        | ActionKind::Restart
        | ActionKind::Scale
        | ActionKind::KillSwitch
        | ActionKind::TripBreaker
        | ActionKind::FreezeRollouts => None,
    };
    let mut out = books.deeds.values().filter_map(drained);
    let first = out.next();
    hold(out.all(|other| Some(other) == first), || {
        "two regions are out".into()
    })
}

/// A verdict is overridden by two people in two roles.
pub(crate) fn invariant_two_roles_override(note: &Note) -> Checked {
    let NoteBody::Action(ActionNote::OverrideGranted {
        asked_by,
        seconded_by,
        ..
    }) = &note.body
    else {
        return Ok(());
    };
    let two = asked_by.role != seconded_by.role && asked_by.name != seconded_by.name;
    hold(two, || format!("{asked_by:?} and {seconded_by:?}"))
}

/// What people and the world do about actions.
impl Drill {
    /// Somebody wants something.
    pub(crate) fn wish(&mut self, what: u8, target: u8, by: u8, key: u8) {
        let service = ServiceId(u16::from(target) % SERVICES);
        let region = RegionId(u16::from(target) % REGIONS);
        let config = ConfigId(u16::from(target) % SERVICES);
        let action = match what % 9 {
            0 => Remedy::KillSwitch(KillScope::Config(config)),
            1 => Remedy::KillSwitch(KillScope::Service(service)),
            2 => Remedy::FreezeRollouts,
            3 => Remedy::Drain { region },
            4 => Remedy::Restart { service, region },
            5 => Remedy::Scale {
                service,
                region,
                by: Ppm::percent(50),
            },
            6 => Remedy::FeatureDisable {
                service,
                level: FeatureLevel::Level4,
            },
            7 => Remedy::TripBreaker {
                caller: ServiceId(0),
                callee: ServiceId(1),
            },
            _ => {
                let Some(rollout) = self.pick_rollout(target) else {
                    return;
                };
                let config = self.books.trip(rollout).config;
                Remedy::OneClickRollback {
                    rollout,
                    config,
                    service: self.books.service(config),
                }
            }
        };
        let by = match by % 6 {
            5 => Requester::Automation { stage: None },
            person => Requester::Person(principal(person)),
        };
        let key = ActionKey(u64::from(key % KEYS));
        self.fact(Fact::Requested { key, action, by });
    }

    /// The world, or somebody, tells about an action.
    pub(crate) fn tell(&mut self, action: u8, fact: u8) {
        let count = self.plane.remediation().actions().len() as u32;
        let action = ActionId(u32::from(action) % (count + 1));
        let by = principal(ON_CALL);
        let (why, worked) = (ToolFailure::ToolDown, true);
        self.fact(match fact % 10 {
            0 | 1 => Fact::Started { action },
            2 | 3 => Fact::Finished { action },
            4 => Fact::Failed { action, why },
            5 => Fact::Evidence { action, worked },
            6 => Fact::Evidence {
                action,
                worked: false,
            },
            7 => Fact::Withdrawn { action, by },
            8 => Fact::Approved { action, by },
            _ => Fact::Restored { action },
        });
    }

    /// Regions report, one is drained, and steps are taken.
    pub(crate) fn drain_region(&mut self, region: u8, steps: u8) {
        let region = RegionId(u16::from(region) % REGIONS);
        self.report_capacity();
        let key = ActionKey(u64::from(KEYS) + self.calls.len() as u64);
        let by = Requester::Person(principal(ON_CALL));
        let action = Remedy::Drain { region };
        self.fact(Fact::Requested { key, action, by });
        let newest = self.plane.remediation().actions().last();
        let Some(action) = newest.map(|record| record.id) else {
            return;
        };
        self.fact(Fact::Started { action });
        for _ in 0..steps % 4 {
            self.fact(Fact::Stepped { action });
            self.wait(firedrill_core::Micros::from_secs(115), true);
            self.report_capacity();
            self.wait(firedrill_core::Micros::from_secs(10), true);
        }
    }

    fn report_capacity(&mut self) {
        for region in (0..REGIONS).map(RegionId) {
            self.fact(Fact::CapacityReported {
                region,
                load: 100,
                capacity: 1_000,
            });
        }
    }

    /// Two people want a verdict overridden, allowed or not.
    pub(crate) fn overrule(&mut self, rollout: u8, asks: u8, seconds: u8) {
        let Some(rollout) = self.pick_rollout(rollout) else {
            return;
        };
        self.fact(Fact::OverrideAsked {
            rollout,
            reason: OverrideReason::FalseAlarm,
            by: principal(asks % 4),
        });
        self.fact(Fact::OverrideSeconded {
            rollout,
            by: principal(seconds),
        });
    }

    /// People take back whatever stands, so that rollouts may go on.
    pub(crate) fn restore_all(&mut self) {
        let ids: Vec<ActionId> = self.books.deeds.keys().copied().collect();
        for action in ids {
            let by = principal(ON_CALL);
            if self.books.deeds[&action].under_way {
                self.fact(Fact::Withdrawn { action, by });
            }
            if self.books.deeds[&action].in_force {
                self.fact(Fact::Restored { action });
            }
        }
    }

    fn fact(&mut self, fact: Fact) {
        self.call(Some(Input::Remediation { fact }));
    }
}

/// A developer asks, somebody on call agrees.
pub(crate) const OVERRIDE_BY: (u8, u8) = (DEVELOPER, ON_CALL);
