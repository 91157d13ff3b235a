//! A run log, indexed for the questions that a post-mortem asks.

use firedrill_core::Micros;
use firedrill_core::config::Document;
use firedrill_core::health::{Outcome, Verdict};
use firedrill_core::ids::{ChangeId, ClassId, ConfigId, PlanId, RolloutId, SloId};
use firedrill_core::plane::NoteBody;
use firedrill_core::rollout::{RollbackReason, Stage, StageKind};
use firedrill_sim::campaign::RunOutcome;
use firedrill_sim::log::{Event, EventBody, RunLog, Sample, VerdictTruth, WorldEvent};
use firedrill_sim::measure::{Anchor, Anchors, Measures};
use firedrill_sim::spec::{ChangeSpec, DrawnDefect, Mechanism, Onset, Scenario, Trigger};

use crate::words::Clock;

use super::model::Source;

/// Everything that the sections are written from.
pub(crate) struct Facts<'a> {
    pub(crate) log: &'a RunLog,
    pub(crate) outcome: &'a RunOutcome,
    pub(crate) scenario: &'a Scenario,
    pub(crate) clock: Clock,
    /// The measured change, when it was proposed.
    pub(crate) change: Option<ChangeFacts<'a>>,
    /// The stages of the measured rollout's plan; of its spec when it never started.
    pub(crate) stages: Vec<StageFacts<'a>>,
    /// Sampling events.
    pub(crate) samples: Vec<(u64, &'a Sample)>,
}

/// The measured change.
pub(crate) struct ChangeFacts<'a> {
    pub(crate) id: ChangeId,
    pub(crate) config: ConfigId,
    pub(crate) spec: Option<&'a ChangeSpec>,
    pub(crate) plan: Option<PlanId>,
    pub(crate) proposed: &'a Event,
    pub(crate) validated: Option<&'a Event>,
    pub(crate) reviewed: Option<&'a Event>,
    pub(crate) started: Option<&'a Event>,
    pub(crate) defect: Option<DefectFacts<'a>>,
}

/// What is wrong with the measured change.
#[derive(Clone, Copy)]
pub(crate) struct DefectFacts<'a> {
    pub(crate) event: &'a Event,
    pub(crate) mechanism: Mechanism,
    pub(crate) story: &'a str,
    /// The events do not hold it; the record of what was drawn does, or the scenario.
    pub(crate) onset: Onset,
    /// The same.
    pub(crate) triggers: &'a [Trigger],
    /// The record, when it was drawn from a mix.
    pub(crate) drawn: Option<&'a DrawnDefect>,
    /// The same: lines that it logs as errors for every request.
    pub(crate) log_lines: f64,
}

/// One stage of the measured rollout.
pub(crate) struct StageFacts<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: StageKind,
    pub(crate) spec: Option<&'a Stage>,
    pub(crate) entered: Option<&'a Event>,
    pub(crate) instances_max: u32,
    pub(crate) verdicts: Vec<(&'a Event, &'a Verdict)>,
    pub(crate) truths: Vec<(&'a Event, &'a VerdictTruth)>,
    pub(crate) end: Option<StageEnd<'a>>,
}

/// How a stage ended.
#[derive(Clone, Copy)]
pub(crate) enum StageEnd<'a> {
    Promoted(&'a Event),
    Paused(&'a Event),
    Aborted(&'a Event),
    RolledBack(&'a Event, RollbackReason),
}

impl<'a> StageEnd<'a> {
    pub(crate) const fn event(self) -> &'a Event {
        match self {
            Self::Promoted(event)
            | Self::Paused(event)
            | Self::Aborted(event)
            | Self::RolledBack(event, _) => event,
        }
    }
}

impl<'a> StageFacts<'a> {
    pub(crate) const fn promoted(&self) -> bool {
        matches!(self.end, Some(StageEnd::Promoted(_)))
    }

    /// The verdict on which the stage ended; the newest one while it has not.
    pub(crate) fn deciding(&self) -> Option<(&'a Event, &'a Verdict)> {
        let until = self.end.map_or(u64::MAX, |end| end.event().seq);
        let before = || self.verdicts.iter().filter(|(event, _)| event.seq <= until);
        let wanted = |outcome| before().filter(move |(_, verdict)| verdict.outcome == outcome);
        let decided = if self.promoted() {
            wanted(Outcome::Pass).next_back()
        } else {
            wanted(Outcome::Fail).next_back()
        };
        decided.or_else(|| before().next_back()).copied()
    }

    /// What the judge of the deciding verdict could not know.
    pub(crate) fn truth(&self) -> Option<(&'a Event, &'a VerdictTruth)> {
        let (verdict, _) = self.deciding()?;
        let own = |(event, _): &&(&Event, &VerdictTruth)| event.cause.contains(&verdict.seq);
        let later = |(event, _): &&(&Event, &VerdictTruth)| event.seq > verdict.seq;
        let found = self.truths.iter().find(own);
        let found = found.or_else(|| self.truths.iter().find(later));
        found.or_else(|| self.truths.last()).copied()
    }

    pub(crate) const fn kind_word(&self) -> &'static str {
        match self.kind {
            StageKind::Canary => "canary",
            StageKind::Wave => "wave",
        }
    }
}

impl<'a> Facts<'a> {
    pub(crate) fn of(log: &'a RunLog, outcome: &'a RunOutcome, scenario: &'a Scenario) -> Self {
        let mut facts = Self {
            log,
            outcome,
            scenario,
            clock: Clock {
                start: log.header().start_of_day,
            },
            change: None,
            stages: Vec::new(),
            samples: samples(log),
        };
        facts.change = facts.find_change();
        facts.stages = facts.find_stages();
        facts
    }

    pub(crate) const fn measures(&self) -> &'a Measures {
        &self.outcome.measures
    }

    pub(crate) const fn anchors(&self) -> &'a Anchors {
        &self.outcome.measures.anchors
    }

    pub(crate) fn event(&self, seq: u64) -> Option<&'a Event> {
        self.log.events().get(seq as usize)
    }

    pub(crate) fn defect(&self) -> Option<DefectFacts<'a>> {
        self.change.as_ref().and_then(|change| change.defect)
    }

    /// The notes of the log with their events.
    pub(crate) fn notes(&self) -> impl DoubleEndedIterator<Item = (&'a Event, &'a NoteBody)> {
        self.log
            .events()
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::Note(note) => Some((event, note)),
                EventBody::World(_) | EventBody::Command(_) | EventBody::Person(_) => None,
            })
    }

    /// What happened in the world, with its events.
    pub(crate) fn world(&self) -> impl DoubleEndedIterator<Item = (&'a Event, &'a WorldEvent)> {
        world(self.log)
    }

    pub(crate) fn utc(&self, at: Micros) -> String {
        self.clock.utc(at)
    }

    pub(crate) fn class(&self, class: ClassId) -> &'a str {
        let names = &self.log.header().names.classes;
        names.get(class.index()).map_or("unknown", String::as_str)
    }

    pub(crate) fn region(&self, region: firedrill_core::ids::RegionId) -> &'a str {
        let names = &self.log.header().names.regions;
        names.get(region.index()).map_or("unknown", String::as_str)
    }

    pub(crate) fn service(&self, service: firedrill_core::ids::ServiceId) -> &'a str {
        let names = &self.log.header().names.services;
        names
            .get(service.index())
            .map_or("unknown", |service| service.name.as_str())
    }

    /// The name of a team; its number where the scenario has no teams.
    pub(crate) fn team(&self, team: firedrill_core::ids::TeamId) -> String {
        let names = &self.log.header().names.teams;
        let name = names.get(team.index());
        name.map_or_else(|| (team.0 + 1).to_string(), |name| format!("`{name}`"))
    }

    /// Somebody who is paged: by their handle and team, where the scenario has teams.
    pub(crate) fn responder(&self, person: firedrill_core::ids::PersonId) -> String {
        let names = &self.log.header().names;
        names.people.get(usize::from(person.0)).map_or_else(
            || "the on-call engineer".into(),
            |one| format!("`{}` of `{}`", one.name, names.teams[usize::from(one.team)]),
        )
    }

    pub(crate) fn slo(&self, slo: SloId) -> &'a str {
        let names = &self.log.header().names.slos;
        names
            .get(slo.index())
            .map_or("unknown", |slo| slo.name.as_str())
    }

    pub(crate) fn config(&self, config: ConfigId) -> &'a str {
        let names = &self.log.header().names.configs;
        names
            .get(config.index())
            .map_or("unknown", |config| config.name.as_str())
    }

    pub(crate) fn plan(&self, config: ConfigId, plan: PlanId) -> &'a str {
        let names = &self.log.header().names.configs;
        names
            .get(config.index())
            .and_then(|config| config.plans.get(plan.index()))
            .map_or("unknown", |plan| plan.0.as_str())
    }

    /// The index of the service whose instances run `config`.
    pub(crate) fn service_of(&self, config: ConfigId) -> Option<u16> {
        let names = &self.log.header().names.configs;
        names.get(config.index()).map(|config| config.service)
    }

    pub(crate) fn service_name(&self, service: u16) -> &'a str {
        let names = &self.log.header().names.services;
        names
            .get(usize::from(service))
            .map_or("unknown", |service| service.name.as_str())
    }

    /// The name of a stage of any rollout.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
    pub(crate) fn stage(&self, rollout: RolloutId, stage: u32) -> String {
        let started = self.notes().find_map(|(_, note)| match note {
            NoteBody::RolloutStarted {
                rollout: own,
                config,
                plan,
                ..
            } if *own == rollout => Some((*config, *plan)),
            _ => None,
        });
        let names = &self.log.header().names.configs;
        started
            .and_then(|(config, plan)| names.get(config.index())?.plans.get(plan.index()))
            .and_then(|plan| plan.1.get(stage as usize))
            .map_or_else(|| format!("{stage}"), |stage| stage.name.clone())
    }

    /// The change of a rollout, by its title.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one note is looked for")]
    pub(crate) fn rollout_title(&self, rollout: RolloutId) -> &'a str {
        let change = self.notes().find_map(|(_, note)| match note {
            NoteBody::RolloutStarted {
                rollout: own,
                change,
                ..
            } if *own == rollout => Some(*change),
            _ => None,
        });
        change.map_or("an unknown change", |change| self.change_title(change))
    }

    pub(crate) fn change_title(&self, change: ChangeId) -> &'a str {
        self.scenario
            .changes
            .get(change.index())
            .map_or("an unknown change", |spec| spec.title.as_str())
    }

    /// Whether instances still ran the change when its rollback reported completion: those that
    /// distribution cannot reach.
    pub(crate) fn left_behind(&self) -> bool {
        let Some(back) = self.anchors().rollback_completed else {
            return false;
        };
        let after = self.samples.iter().find(|(seq, _)| *seq > back.seq);
        let exposure = after.into_iter().flat_map(|(_, sample)| &sample.exposure);
        let own = self.measures().rollout;
        exposure
            .filter(|exposure| Some(exposure.rollout) == own)
            .any(|exposure| exposure.running > 0)
    }

    /// All samples as a source.
    pub(crate) fn sampled(&self) -> Source {
        let ends = self.samples.first().zip(self.samples.last());
        Source {
            events: Vec::new(),
            samples: ends.map(|(first, last)| [first.0, last.0]),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "notes of later phases")]
    fn find_change(&self) -> Option<ChangeFacts<'a>> {
        let proposed = self.event(self.anchors().proposed?.seq)?;
        let EventBody::Note(NoteBody::ChangeProposed { change, config, .. }) = &proposed.body
        else {
            return None;
        };
        let mut facts = ChangeFacts {
            id: *change,
            config: *config,
            spec: self.scenario.changes.get(change.index()),
            plan: None,
            proposed,
            validated: None,
            reviewed: None,
            started: None,
            defect: None,
        };
        for (event, note) in self.notes() {
            match note {
                NoteBody::ChangeValidated { change: own, .. }
                | NoteBody::ChangeInvalid { change: own, .. }
                    if own == change =>
                {
                    facts.validated = Some(event);
                }
                NoteBody::ChangeReviewed { change: own, .. } if own == change => {
                    facts.reviewed = Some(event);
                }
                NoteBody::RolloutStarted {
                    change: own, plan, ..
                } if own == change => {
                    facts.started = Some(event);
                    facts.plan = Some(*plan);
                }
                _ => {}
            }
        }
        let spec = facts.spec.and_then(|spec| spec.defect.as_ref());
        let records = &self.log.header().drawn;
        facts.defect = self.world().find_map(|(event, world)| match world {
            WorldEvent::DefectArmed {
                change: own,
                mechanism,
                story,
                drawn,
            } if own == change => {
                let drawn = drawn.and_then(|drawn| records.get(drawn as usize));
                let defect = drawn.map(|drawn| &drawn.defect).or(spec);
                Some(DefectFacts {
                    event,
                    mechanism: *mechanism,
                    story,
                    onset: defect.map_or(Onset::AtLoad, |defect| defect.onset),
                    triggers: defect.map_or(&[], |defect| &defect.triggers),
                    log_lines: defect.map_or(0.0, |defect| defect.log_lines),
                    drawn,
                })
            }
            _ => None,
        });
        Some(facts)
    }

    fn find_stages(&self) -> Vec<StageFacts<'a>> {
        let Some(change) = &self.change else {
            return Vec::new();
        };
        let plan = change.plan.or_else(|| change.spec.map(|spec| spec.plan));
        let names = self.log.header().names.configs.get(change.config.index());
        let specs = self.scenario.configs.get(change.config.index());
        let (Some(plan), Some(names)) = (plan, names) else {
            return Vec::new();
        };
        let Some((_, names)) = names.plans.get(plan.index()) else {
            return Vec::new();
        };
        let specs = specs.and_then(|config| config.plans.get(plan.index()));
        let mut stages: Vec<StageFacts<'a>> = names
            .iter()
            .enumerate()
            .map(|(index, stage)| StageFacts {
                name: &stage.name,
                kind: stage.stage_kind,
                spec: specs.and_then(|plan| plan.plan.stages.get(index)),
                entered: None,
                instances_max: 0,
                verdicts: Vec::new(),
                truths: Vec::new(),
                end: None,
            })
            .collect();
        if let Some(rollout) = self.measures().rollout {
            fill_stages(&mut stages, self.log, rollout);
        }
        stages
    }
}

fn fill_stages<'a>(stages: &mut [StageFacts<'a>], log: &'a RunLog, rollout: RolloutId) {
    let mut current = 0;
    for event in log.events() {
        match &event.body {
            EventBody::Note(note) => fill_stage(stages, &mut current, rollout, event, note),
            EventBody::World(WorldEvent::VerdictTruth(truth)) if truth.rollout == rollout => {
                if let Some(stage) = stages.get_mut(truth.stage as usize) {
                    stage.truths.push((event, truth));
                }
            }
            EventBody::World(_) | EventBody::Command(_) | EventBody::Person(_) => {}
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other notes end no stage")]
fn fill_stage<'a>(
    stages: &mut [StageFacts<'a>],
    current: &mut usize,
    measured: RolloutId,
    event: &'a Event,
    note: &'a NoteBody,
) {
    let end = match note {
        NoteBody::StageEntered {
            rollout,
            stage,
            instances_max,
        } if *rollout == measured => {
            *current = *stage as usize;
            if let Some(stage) = stages.get_mut(*current) {
                stage.entered.get_or_insert(event);
                stage.instances_max = *instances_max;
                stage.end = None;
            }
            return;
        }
        NoteBody::VerdictReached {
            rollout,
            stage,
            verdict,
        } if *rollout == measured => {
            if let Some(stage) = stages.get_mut(*stage as usize) {
                stage.verdicts.push((event, verdict));
            }
            return;
        }
        NoteBody::StagePromoted { rollout, .. } | NoteBody::RolloutCompleted { rollout }
            if *rollout == measured =>
        {
            StageEnd::Promoted(event)
        }
        NoteBody::RolloutPaused { rollout, .. } if *rollout == measured => StageEnd::Paused(event),
        NoteBody::RolloutAborted { rollout } if *rollout == measured => StageEnd::Aborted(event),
        NoteBody::RollbackStarted {
            rollout, reason, ..
        } if *rollout == measured => StageEnd::RolledBack(event, *reason),
        _ => return,
    };
    if let Some(stage) = stages.get_mut(*current) {
        stage.end.get_or_insert(end);
    }
}

fn world(log: &RunLog) -> impl DoubleEndedIterator<Item = (&Event, &WorldEvent)> {
    log.events().iter().filter_map(|event| match &event.body {
        EventBody::World(world) => Some((event, world)),
        EventBody::Note(_) | EventBody::Command(_) | EventBody::Person(_) => None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only samples are wanted")]
pub(crate) fn samples(log: &RunLog) -> Vec<(u64, &Sample)> {
    world(log)
        .filter_map(|(event, world)| match world {
            WorldEvent::Sample(sample) => Some((event.seq, &**sample)),
            _ => None,
        })
        .collect()
}

/// The document before the change: initial values and the edits of changes that were rolled out
/// whole before it and stayed.
pub(crate) fn document_before(facts: &Facts<'_>, change: &ChangeFacts<'_>) -> Option<Document> {
    let config = facts.scenario.configs.get(change.config.index())?;
    let mut document = config.schema.initial_document();
    for (index, spec) in facts.scenario.changes.iter().enumerate() {
        let earlier = index < change.id.index() && spec.config == change.config;
        if earlier && stayed_before(facts, ChangeId(index as u32), change.proposed.seq) {
            for edit in &spec.edits {
                document.insert(edit.key.clone(), edit.value.clone());
            }
        }
    }
    Some(document)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other notes keep the document"
)]
fn stayed_before(facts: &Facts<'_>, change: ChangeId, until: u64) -> bool {
    let mut rollout_of_change = None;
    let mut stays = false;
    for (_, note) in facts.notes().filter(|(event, _)| event.seq < until) {
        match note {
            NoteBody::RolloutStarted {
                rollout,
                change: own,
                ..
            } if *own == change => rollout_of_change = Some(*rollout),
            NoteBody::RolloutCompleted { rollout } if Some(*rollout) == rollout_of_change => {
                stays = true;
            }
            NoteBody::RollbackStarted { rollout, .. } if Some(*rollout) == rollout_of_change => {
                stays = false;
            }
            _ => {}
        }
    }
    stays
}

impl Source {
    /// One event.
    pub(crate) fn event(event: &Event) -> Self {
        Self::events([event.seq])
    }

    /// Events, without repetition, in their order.
    pub(crate) fn events(events: impl IntoIterator<Item = u64>) -> Self {
        let ordered: std::collections::BTreeSet<u64> = events.into_iter().collect();
        Self {
            events: ordered.into_iter().collect(),
            samples: None,
        }
    }

    /// The moments that came.
    pub(crate) fn anchors(anchors: impl IntoIterator<Item = Option<Anchor>>) -> Self {
        Self::events(anchors.into_iter().flatten().map(|anchor| anchor.seq))
    }
}
