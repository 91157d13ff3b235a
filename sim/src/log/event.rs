//! Events: who did what to whom, and because of what.

use firedrill_core::health::Outcome;
use firedrill_core::ids::{ChangeId, CommandId, PageId, RegionId, RolloutId, ServiceId, SloId};
use firedrill_core::plane::{Command, NoteBody};
use firedrill_core::{Micros, Ppm};
use serde::Serialize;

use crate::spec::Mechanism;

use super::tools::ToolEvent;

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The fleet and its users.
    World,
    /// The core.
    Core,
    /// Config distribution.
    Distribution,
    /// The author of a change.
    Author,
    /// The reviewer of a change.
    Reviewer,
    /// Whoever is on call.
    OnCall,
}

/// One line of a log.
///
/// Written as `{seq, t_us, actor, truth, subject, kind, data, cause}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Its number, from 0.
    pub seq: u64,
    /// When it happened, in microseconds since the start of the run.
    pub t_us: Micros,
    /// Who acted.
    pub actor: Actor,
    /// Whether only the world knows it.
    pub truth: bool,
    /// What it is about: a change, a service, an objective.
    pub subject: String,
    /// What happened: `kind` and `data`.
    // Flattened for readers of the file; logs are written by this tool and never by hand.
    #[serde(flatten)]
    pub body: EventBody,
    /// The numbers of the events that led to it.
    pub cause: Vec<u64>,
}

/// What happened, by who says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EventBody {
    /// The core noted it.
    Note(NoteBody),
    /// The core ordered it.
    Command(Command),
    /// The world did it.
    World(WorldEvent),
    /// A person did it.
    Person(PersonEvent),
}

impl EventBody {
    pub(super) const fn is_truth(&self) -> bool {
        match self {
            Self::World(world) => world.is_truth(),
            Self::Note(_) | Self::Command(_) | Self::Person(_) => false,
        }
    }
}

impl From<NoteBody> for EventBody {
    fn from(body: NoteBody) -> Self {
        Self::Note(body)
    }
}

impl From<Command> for EventBody {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl From<WorldEvent> for EventBody {
    fn from(event: WorldEvent) -> Self {
        Self::World(event)
    }
}

impl From<PersonEvent> for EventBody {
    fn from(event: PersonEvent) -> Self {
        Self::Person(event)
    }
}

/// What people did that the core did not see, or not why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum PersonEvent {
    /// Whoever is on call answered a page.
    PageAnswered {
        /// The page.
        page: PageId,
    },
    /// Somebody begins with something that the playbook names.
    PlayBegun {
        /// Its name there.
        play: String,
    },
    /// Somebody was to agree that a verdict is overridden, and does not.
    OverrideDeclined {
        /// The rollout.
        rollout: RolloutId,
    },
    /// Somebody called whoever is on call, since users complain.
    TroubleTold {
        /// So many reports of users came lately.
        reports: u32,
    },
    /// They settled on a cause and what to do about it; nothing when they found no suspect.
    CauseSuspected {
        /// The page they work on.
        page: PageId,
        /// The change they blame.
        rollout: Option<RolloutId>,
    },
}

/// What happened in the world.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum WorldEvent {
    /// Distribution took a command over.
    CommandTaken {
        /// The command.
        command: CommandId,
    },
    /// The core refused an input.
    InputRefused {
        /// Why.
        error: String,
    },
    /// Something about a tool.
    Tool(ToolEvent),
    /// Truth: a proposed change carries a defect.
    DefectArmed {
        /// The change.
        change: ChangeId,
        /// How it hurts.
        mechanism: Mechanism,
        /// What goes wrong and why.
        story: String,
        /// Where it stands among the drawn defects of the log's header; nothing when it was not
        /// drawn.
        #[serde(skip_serializing_if = "Option::is_none")]
        drawn: Option<u32>,
    },
    /// Truth: the first instances of a region run the defective version.
    DefectActive {
        /// The rollout that brought it.
        rollout: RolloutId,
        /// The region.
        region: RegionId,
        /// Instances, in this step.
        instances: u32,
    },
    /// Truth: the first user request is harmed by the defect.
    HarmStarted {
        /// Requests harmed in this step.
        harmed: u64,
    },
    /// Truth: no request has been harmed for two minutes, or to the end of the run; harm may start
    /// again.
    HarmEnded {
        /// When the last harmed request was seen, in microseconds.
        since: Micros,
        /// Requests harmed so far in the run.
        harmed_total: u64,
    },
    /// Truth: over the last minute users saw more bad requests because of the defect than the
    /// objective allows.
    SloBreached {
        /// The objective.
        slo: SloId,
        /// Requests in that minute.
        requests: u64,
        /// Requests harmed in that minute.
        harmed: u64,
    },
    /// Truth: the objective has held for two minutes, or to the end of the run.
    SloRestored {
        /// The objective.
        slo: SloId,
        /// When it was last breached, in microseconds.
        since: Micros,
    },
    /// Truth: no instance runs the candidate any more, reachable or not, every instance serves,
    /// and no queue is left.
    FleetClean {
        /// The rollout whose candidate is gone.
        rollout: RolloutId,
    },
    /// Truth: what a judge had in front of it, and could not know.
    VerdictTruth(VerdictTruth),
    /// Truth: the state of the fleet at the end of a sampling interval.
    Sample(Box<Sample>),
    /// The run is over.
    RunEnded,
}

impl WorldEvent {
    const fn is_truth(&self) -> bool {
        !matches!(
            self,
            Self::CommandTaken { .. } | Self::InputRefused { .. } | Self::Tool(_) | Self::RunEnded
        )
    }
}

/// What a judge had in front of it, and could not know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictTruth {
    /// The rollout.
    pub rollout: RolloutId,
    /// The stage's index.
    pub stage: u32,
    /// What the judge said.
    pub outcome: Outcome,
    /// Requests that instances on the candidate served since the stage began.
    pub requests: u64,
    /// Those of them that the defect harmed.
    pub harmed: u64,
    /// Requests of the class that the defect hits among them; all when it hits every class.
    pub hit_class_requests: u64,
    /// Instances that run the candidate.
    pub instances: u32,
    /// Utilisation of instances on the candidate, where they were busiest.
    pub utilisation: Ppm,
}

/// The fleet over one sampling interval, by the world's own count.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// When the interval began, in microseconds.
    pub from_us: Micros,
    /// User requests that ended in the interval.
    pub requests: u64,
    /// Those that failed, for whatever reason.
    pub failed: u64,
    /// Those that failed or were slow because of the defect.
    pub harmed: u64,
    /// Requests waiting in front of any service: at the end in congested pools, on average in calm ones.
    pub queued: u64,
    /// Services.
    pub services: Vec<ServiceSample>,
    /// Objectives.
    pub slos: Vec<SloSample>,
    /// Candidates of rollouts so far.
    pub exposure: Vec<ExposureSample>,
}

/// One service over a sampling interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServiceSample {
    /// The service.
    pub service: ServiceId,
    /// Requests served.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Median latency, in microseconds; 0 without requests.
    pub p50_us: u64,
    /// 99th percentile of latency, in microseconds; 0 without requests.
    pub p99_us: u64,
    /// Instances that serve, at the end.
    pub up: u32,
    /// All instances.
    pub instances: u32,
    /// Processor use.
    pub cpu: Ppm,
}

/// One objective over a sampling interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SloSample {
    /// The objective.
    pub slo: SloId,
    /// Requests it counts.
    pub requests: u64,
    /// Bad ones, for whatever reason.
    pub bad: u64,
    /// Those that are bad because of the defect.
    pub harmed: u64,
}

/// One candidate at the end of a sampling interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExposureSample {
    /// The rollout.
    pub rollout: RolloutId,
    /// Instances that run it now.
    pub running: u32,
    /// Instances that ever ran it.
    pub ever: u32,
    /// Instances of the service.
    pub instances: u32,
}
