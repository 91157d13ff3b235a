//! What a scenario file may hold, field by field. Everything here is text with a place: what it
//! means is found out in the resolve pass, so that one reading reports every mistake.

mod alerting;
mod change;
mod defect;
mod demand;
mod expect;
mod fleet;
mod judge;
mod people;
mod plan;
mod propagation;
mod response;
mod teams;
mod tools;
mod world;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::place::At;
pub use alerting::{
    AlertingFile, InhibitFile, LabelFile, MatchFile, NotifyFile, OddFile, ReceiverFile, RouteFile,
    SilenceFile, SymptomFile,
};
pub use change::{
    ChangeFile, ConfigFile, DecisionFile, ForbidFile, KeyFile, KeyKindFile, PersonFile, ReviewFile,
    RoleFile,
};
pub use defect::{DefectFile, MechanismFile, MixFile, MixPartFile, OnsetFile, TriggerFile};
pub use demand::{
    DemandEventFile, DemandFile, DriftFile, FlashCrowdFile, RegionFailoverFile, WeekdayFile,
    WeeklyFile,
};
pub use expect::{CatchPointFile, ExpectFile, ExpectationFile};
pub use fleet::{
    BackoffFile, BreakerFile, ClassFile, DistributionFile, EdgeFile, FleetFile, GoldenFile,
    QueueOrderFile, RegionFile, ServiceFile, ThrottleFile,
};
pub use judge::{
    ControlFile, JudgeOnsetFile, MethodFile, NoValueFile, RankMethodFile, RepetitionFile,
    SequentialMethodFile,
};
pub use people::{
    AcknowledgeFile, NoiseLevelFile, OnCallFile, PeopleFile, ResponsePolicyFile, RollbackToolFile,
    SeverityFile,
};
pub use plan::{
    AudienceFile, CheckFile, CountLimit, JudgeFile, LatencyFile, LimitFile, LogFile,
    LowerLimitFile, PlacementFile, PlanFile, ProbesFile, RatioFile, ReactionFile, RelativeFile,
    SaturationFile, ShareLimit, StageFile, StageKindFile, TimeLimit,
};
pub use propagation::{CellFile, PartitionFile, PropagationFile, StragglersFile, TiersFile};
pub use response::{
    ActionToolFile, CueFile, DeedFile, OverrideFile, OverrideReasonFile, PlayFile, PlayerFile,
    ResponseFile, ToolKindFile,
};
pub use teams::{HoursFile, LayerFile, LevelFile, MemberFile, OwnsFile, StandInFile, TeamFile};
pub use tools::{OutageFile, StatusPolicyFile, StatusPostsFile, SupportFile, ToolFile, ToolsFile};
pub use world::{
    BurnRuleFile, CoreFile, FlappingFile, HeterogeneityFile, IndicatorFile, LowTrafficFile,
    NoiseFile, PagingFile, SloFile, TelemetryFile, UrgencyFile, UserReportsFile,
};

use crate::scalar::{Count, Duration, FilePath, Name, Scalar, Words};

/// A scenario: a fleet, what is changed in it, and what must come out.
///
/// Sections that the file leaves out come from the world preset it names; a section that it
/// gives replaces the preset's whole section. Durations are written like `10m` or `1h 30m`,
/// shares like `0.5 %`, rates like `300/s`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// A short name: the file's name without `.yaml`, by custom.
    pub name: Scalar<Name>,
    /// One line that says what happens.
    pub title: Scalar<Words>,
    /// What the scenario teaches, in a few sentences.
    pub summary: Scalar<Words>,
    /// How much simulated time a run lasts.
    pub duration: Scalar<Duration>,
    /// The world preset that fills in what this file leaves out.
    #[serde(default)]
    pub world: Option<WorldReference>,
    /// Instances of all services together, from 100 to 10 000 000: the fleet is made so large,
    /// each service in proportion and with at least one instance in each cell, and request rates
    /// follow by one factor, so that instances are as busy as before. Employees stay as many as
    /// they were. The fleet's own size when left out.
    #[serde(default)]
    pub size: Option<Scalar<Count>>,
    /// The step in which fleet and demand move; at least `100ms`.
    #[serde(default)]
    pub step: Option<Scalar<Duration>>,
    /// Regions, services and request classes.
    #[serde(default)]
    pub fleet: Option<FleetFile>,
    /// How demand moves.
    #[serde(default)]
    pub demand: Option<DemandFile>,
    /// Config documents: keys, types, ranges.
    #[serde(default)]
    pub configs: Option<Vec<ConfigFile>>,
    /// Service-level objectives.
    #[serde(default)]
    pub slos: Option<Vec<SloFile>>,
    /// How config gets to instances.
    #[serde(default)]
    pub propagation: Option<PropagationFile>,
    /// How numbers get from instances to whoever judges.
    #[serde(default)]
    pub telemetry: Option<TelemetryFile>,
    /// Noise that has nothing to do with any change.
    #[serde(default)]
    pub noise: Option<NoiseFile>,
    /// Who is on call.
    #[serde(default)]
    pub on_call: Option<OnCallFile>,
    /// Teams, and who of them is on call; whoever `on-call` names is for everything when left out.
    #[serde(default)]
    pub teams: Option<Vec<TeamFile>>,
    /// The tools that people respond with; they always work when left out.
    #[serde(default)]
    pub tools: Option<ToolsFile>,
    /// Who listens to users; nobody when left out.
    #[serde(default)]
    pub support: Option<SupportFile>,
    /// What those outside are told, and by when; nothing when left out.
    #[serde(default)]
    pub status_posts: Option<At<StatusPostsFile>>,
    /// How the control plane alerts and pages.
    #[serde(default)]
    pub core: Option<CoreFile>,
    /// What raises alerts beside objectives, and how alerts are told. Objectives alone raise
    /// them, and each is told at once, when left out.
    #[serde(default)]
    pub alerting: Option<AlertingFile>,
    /// How far automation is trusted to act; `all` when left out. Where it is not, a rollout
    /// that should go back pauses, and somebody is paged.
    #[serde(default)]
    pub automation: Option<AutomationFile>,
    /// Rollout plans of this file; a change may also name a plan of a file beside it, or of the
    /// catalogue.
    #[serde(default)]
    pub plans: Vec<PlanFile>,
    /// Mixes of defects of this file; a change may also name a mix of the catalogue.
    #[serde(default)]
    pub mixes: Vec<MixFile>,
    /// Files with one rollout plan each, named from the folder of this file.
    #[serde(default)]
    pub plan_files: Vec<Scalar<FilePath>>,
    /// What is changed during the run, in the order of time.
    pub changes: Vec<ChangeFile>,
    /// What is done about outages beside taking changes back; nothing when left out.
    #[serde(default)]
    pub response: Option<ResponseFile>,
    /// What must come out.
    #[serde(default)]
    pub expect: Vec<ExpectFile>,
}

/// How far automation is trusted to roll back.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AutomationFile {
    /// People only.
    Off,
    /// It proposes, a person decides.
    Suggest,
    /// It takes canaries back by itself, and proposes everything else.
    Canary,
    /// It takes everything back by itself.
    All,
}

/// A reference to a world of the catalogue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorldReference {
    /// The preset's name.
    pub preset: Scalar<Name>,
}

/// A world preset: the sections a scenario may leave out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorldFile {
    /// The step in which fleet and demand move.
    pub step: Scalar<Duration>,
    /// Regions, services and request classes.
    pub fleet: FleetFile,
    /// How demand moves.
    pub demand: DemandFile,
    /// Config documents.
    pub configs: Vec<ConfigFile>,
    /// Service-level objectives.
    pub slos: Vec<SloFile>,
    /// How config gets to instances.
    pub propagation: PropagationFile,
    /// How numbers get from instances to whoever judges.
    pub telemetry: TelemetryFile,
    /// Noise that has nothing to do with any change.
    #[serde(default)]
    pub noise: Option<NoiseFile>,
    /// Who is on call.
    pub on_call: OnCallFile,
    /// How the control plane alerts and pages.
    pub core: CoreFile,
}
