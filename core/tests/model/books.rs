//! The model's own books: what it concludes from notes and commands, in its own simple way.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::Micros;
use firedrill_core::config::VersionId;
use firedrill_core::health::{Outcome, TelemetryWindow, Urgency};
use firedrill_core::ids::{
    ActionId, AlertId, CommandId, ConfigId, PlanId, RegionId, RolloutId, ServiceId, SloId,
};
use firedrill_core::plane::{Command, Issued, Note, NoteBody, Setup};
use firedrill_core::remediation::AutomationMode;
use firedrill_core::rollout::Share;
use firedrill_core::rollout::StageKind;

use super::deeds::Deed;

/// One rollout, as the model sees it.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub(crate) config: ConfigId,
    pub(crate) candidate: VersionId,
    pub(crate) plan: PlanId,
    /// Stages that passed.
    pub(crate) promoted: u32,
    pub(crate) entered_at: Micros,
    pub(crate) verdict: Option<(Micros, u32, Outcome)>,
    /// The stage whose verdict people overruled.
    pub(crate) overruled: Option<u32>,
    /// The widest push ordered of each region.
    pub(crate) ordered: BTreeMap<RegionId, u32>,
    pub(crate) rollback: Option<CommandId>,
    pub(crate) is_rolling_back: bool,
    pub(crate) is_rolled_back: bool,
    pub(crate) has_completed: bool,
    pub(crate) is_halted: bool,
    /// Hosts may run the candidate for another reason than this rollout's pushes: distribution's
    /// own fault, or because the version was in use before.
    pub(crate) is_mixed: bool,
}

/// Everything the model remembers.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    setup: Setup,
    pub(crate) trips: Vec<Trip>,
    landed: BTreeMap<ConfigId, Vec<VersionId>>,
    condemned: BTreeSet<(ConfigId, VersionId)>,
    /// Every command by id, as it was first given.
    pub(crate) issued: BTreeMap<CommandId, Issued>,
    /// Commands that nobody has to remember: done, given up, or withdrawn by a halt.
    pub(crate) closed: BTreeSet<CommandId>,
    /// The objective of every alert that fired.
    pub(crate) alerts: BTreeMap<AlertId, SloId>,
    /// Alerts that should wake somebody, and of which nobody has said yet what became of them,
    /// with the time at which they fired.
    pub(crate) untold: BTreeMap<AlertId, Micros>,
    /// Actions that were begun.
    pub(crate) deeds: BTreeMap<ActionId, Deed>,
    windows: Vec<TelemetryWindow>,
}

impl Books {
    /// Empty books; `initial` tells the first version of each config.
    pub(crate) fn new(setup: Setup, initial: impl Fn(ConfigId) -> VersionId) -> Self {
        let configs = (0..setup.configs.len()).map(|index| ConfigId(index as u16));
        Self {
            landed: configs
                .map(|config| (config, vec![initial(config)]))
                .collect(),
            setup,
            trips: Vec::new(),
            condemned: BTreeSet::new(),
            issued: BTreeMap::new(),
            closed: BTreeSet::new(),
            alerts: BTreeMap::new(),
            untold: BTreeMap::new(),
            deeds: BTreeMap::new(),
            windows: Vec::new(),
        }
    }

    /// The rollout with this id.
    pub(crate) fn trip(&self, id: RolloutId) -> &Trip {
        &self.trips[id.index()]
    }

    /// The service whose instances run a config.
    pub(crate) fn service(&self, config: ConfigId) -> ServiceId {
        self.setup.configs[config.index()].service
    }

    /// The newest landed version that was never taken back; the first one when all were.
    pub(crate) fn last_known_good(&self, config: ConfigId) -> VersionId {
        let landed = &self.landed[&config];
        let is_good = |version: &&VersionId| !self.condemned.contains(&(config, **version));
        *landed.iter().rev().find(is_good).unwrap_or(&landed[0])
    }

    /// The instances of a region that may run the candidate after `promoted` passes, worked out
    /// stage by stage from the plan's own words.
    pub(crate) fn limit(&self, trip: &Trip, region: RegionId) -> u32 {
        let config = &self.setup.configs[trip.config.index()];
        let total = self.setup.instances[&config.service][&region];
        let plan = &config.plans[trip.plan.index()];
        let mut widest = 0;
        for stage in plan.stages.iter().take(trip.promoted as usize + 1) {
            if stage.target.regions.is_empty() || stage.target.regions.contains(&region) {
                widest = widest.max(match stage.target.share {
                    Share::Instances(count) => count.min(total),
                    Share::Ppm(share) => (f64::from(total) * share.as_f64()).ceil() as u32,
                });
            }
        }
        widest
    }

    /// The same for all regions together.
    pub(crate) fn limit_total(&self, trip: &Trip) -> u32 {
        let service = self.service(trip.config);
        let regions = self.setup.instances[&service].keys();
        regions.map(|region| self.limit(trip, *region)).sum()
    }

    /// Whether the rollout of a trip may go back by itself in the stage that it is in.
    pub(crate) fn may_roll_back(&self, trip: &Trip) -> bool {
        let plan = &self.setup.configs[trip.config.index()].plans[trip.plan.index()];
        let kind = plan.stages[trip.promoted as usize].kind;
        match self.setup.automation {
            AutomationMode::Off | AutomationMode::Suggest => false,
            AutomationMode::AutomaticForCanary => kind == StageKind::Canary,
            AutomationMode::AutomaticForAll => true,
        }
    }

    /// Telemetry of the candidate that arrived since the stage began.
    pub(crate) fn windows_of_stage(&self, trip: &Trip) -> impl Iterator<Item = &TelemetryWindow> {
        let service = self.service(trip.config);
        self.windows.iter().filter(move |window| {
            window.service == service
                && window.version == trip.candidate
                && window.start >= trip.entered_at
        })
    }

    /// Enters a scrape that the plane took.
    pub(crate) fn add_window(&mut self, window: TelemetryWindow) {
        self.windows.push(window);
    }

    /// Enters a command.
    pub(crate) fn add_command(&mut self, issued: &Issued) {
        if let Command::Push {
            rollout,
            region,
            instances,
            ..
        } = issued.command
        {
            let widest = self.trips[rollout.index()]
                .ordered
                .entry(region)
                .or_default();
            *widest = instances.max(*widest);
        }
        if let Command::RollBack { rollout, .. } = issued.command {
            self.trips[rollout.index()].rollback = Some(issued.id);
        }
        self.add_order(issued);
        self.issued
            .entry(issued.id)
            .or_insert_with(|| issued.clone());
    }

    /// Enters a note. `is_running` tells whether some host runs a version now.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most notes change no books")]
    pub(crate) fn add_note(
        &mut self,
        note: &Note,
        is_running: impl Fn(ConfigId, VersionId) -> bool,
    ) {
        match &note.body {
            NoteBody::RolloutStarted {
                config,
                candidate,
                plan,
                ..
            } => {
                let is_mixed = is_running(*config, *candidate);
                self.start_trip(note.at, *config, *candidate, *plan, is_mixed);
            }
            NoteBody::StageEntered { rollout, .. } => {
                let trip = &mut self.trips[rollout.index()];
                (trip.entered_at, trip.is_halted) = (note.at, false);
            }
            NoteBody::VerdictReached {
                rollout,
                stage,
                verdict,
            } => {
                self.trips[rollout.index()].verdict = Some((note.at, *stage, verdict.outcome));
            }
            NoteBody::StagePromoted { rollout, .. } => self.trips[rollout.index()].promoted += 1,
            NoteBody::RolloutPaused { rollout, .. } | NoteBody::RolloutAborted { rollout } => {
                self.trips[rollout.index()].is_halted = true;
                self.withdraw_pushes(*rollout);
            }
            NoteBody::RolloutCompleted { rollout } => {
                let trip = &mut self.trips[rollout.index()];
                trip.has_completed = true;
                let landed = self
                    .landed
                    .get_mut(&trip.config)
                    .expect("the config exists");
                landed.push(trip.candidate);
            }
            NoteBody::RollbackStarted { rollout, .. } => {
                let trip = &mut self.trips[rollout.index()];
                trip.is_rolling_back = true;
                self.condemned.insert((trip.config, trip.candidate));
                self.withdraw_pushes(*rollout);
            }
            NoteBody::RollbackCompleted { rollout } => {
                self.trips[rollout.index()].is_rolled_back = true;
                self.closed.extend(self.trips[rollout.index()].rollback);
            }
            NoteBody::AlertFired { alert } => {
                self.alerts.insert(alert.id, alert.slo);
                if alert.rule.urgency == Urgency::Page {
                    self.untold.insert(alert.id, note.at);
                }
            }
            NoteBody::SymptomFired { alert, rule, .. } => {
                let rule = &self.setup.symptoms.rules[usize::from(*rule)];
                if rule.urgency == Urgency::Page {
                    self.untold.insert(*alert, note.at);
                }
            }
            NoteBody::AlertResolved { alert, .. }
            | NoteBody::SymptomGone { alert }
            | NoteBody::AlertMuted { alert, .. }
            | NoteBody::IncidentOpened { alert, .. }
            | NoteBody::IncidentJoined { alert, .. } => {
                self.untold.remove(alert);
            }
            NoteBody::Action(note) => self.add_deed(note),
            NoteBody::CommandGivenUp { command } => {
                self.closed.insert(*command);
            }
            _ => {}
        }
    }

    fn start_trip(
        &mut self,
        at: Micros,
        config: ConfigId,
        candidate: VersionId,
        plan: PlanId,
        is_mixed: bool,
    ) {
        self.trips.push(Trip {
            config,
            candidate,
            plan,
            promoted: 0,
            entered_at: at,
            verdict: None,
            overruled: None,
            ordered: BTreeMap::new(),
            rollback: None,
            is_rolling_back: false,
            is_rolled_back: false,
            has_completed: false,
            is_halted: false,
            is_mixed: is_mixed || self.landed[&config].contains(&candidate),
        });
    }

    fn withdraw_pushes(&mut self, id: RolloutId) {
        let pushes = self.issued.values().filter(
            |issued| matches!(issued.command, Command::Push { rollout, .. } if rollout == id),
        );
        self.closed.extend(pushes.map(|issued| issued.id));
    }
}
