//! Teams, and who of them is on call when.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::RoleFile;
use crate::scalar::{Count, Duration, Name, Scalar, TimeOfDay, UtcOffset};

/// A team: what it is paged for, what it runs, and who is on call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TeamFile {
    /// Its name.
    pub name: Scalar<Name>,
    /// What the pager takes it for the owner of: the first rule of all teams that fits decides.
    /// What nobody owns goes to the first team.
    #[serde(default)]
    pub owns: Vec<OwnsFile>,
    /// The services that it really runs. It takes back their changes and passes on an incident
    /// that another team's change caused. The services that it owns when left out.
    #[serde(default)]
    pub runs: Option<Vec<Scalar<Name>>>,
    /// The people in it.
    pub people: Vec<MemberFile>,
    /// Rotations; a later one hides the ones before it while it has somebody. Everybody in turn,
    /// a week each, when left out.
    #[serde(default)]
    pub rota: Option<Vec<LayerFile>>,
    /// Who stands in, whatever the rotations say; a later one hides an earlier one.
    #[serde(default)]
    pub stand_ins: Vec<StandInFile>,
    /// Who is paged, level by level; whoever is on call, with 5 min to answer, when left out.
    #[serde(default)]
    pub escalation: Option<Vec<LevelFile>>,
    /// How often the whole escalation is repeated; twice when left out.
    #[serde(default)]
    pub repeats: Option<Scalar<Count>>,
    /// After this long without an end, whoever acknowledged is paged again; never when left out.
    #[serde(default)]
    pub acknowledgement_lapses: Option<Scalar<Duration>>,
}

/// Something that a team is taken for the owner of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnsFile {
    /// This service; any when left out.
    #[serde(default)]
    pub service: Option<Scalar<Name>>,
    /// In this region; in any when left out. Alerts that know no region fit no rule with one.
    #[serde(default)]
    pub region: Option<Scalar<Name>>,
}

/// Somebody in a team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MemberFile {
    /// A handle, never a real person; of one team only.
    pub name: Scalar<Name>,
    /// The role in which they act; `site-reliability` when left out.
    #[serde(default)]
    pub role: Option<RoleFile>,
    /// Where they are: local time minus UTC; `0h` when left out.
    #[serde(default)]
    pub site: Option<Scalar<UtcOffset>>,
}

/// A rotation: the same people in the same order, a turn each.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LayerFile {
    /// Who takes turns, in this order.
    pub people: Vec<Scalar<Name>>,
    /// The length of a turn; a week when left out.
    #[serde(default)]
    pub turn: Option<Scalar<Duration>>,
    /// Local time of day at which turns change, the first one on Monday; `"09:00"` when left out.
    #[serde(default)]
    pub starts: Option<Scalar<TimeOfDay>>,
    /// Local time minus UTC by which the rotation reckons; `0h` when left out.
    #[serde(default)]
    pub site: Option<Scalar<UtcOffset>>,
    /// The hours of the day in which it has somebody; all when left out. Follow-the-sun is one
    /// rotation a site, each with its own hours.
    #[serde(default)]
    pub hours: Option<HoursFile>,
}

/// A part of every day, by the clock of the rotation's site; may reach over midnight.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HoursFile {
    /// From.
    pub from: Scalar<TimeOfDay>,
    /// Until; a time before `from` is one of the next day.
    pub until: Scalar<TimeOfDay>,
}

/// Somebody who stands in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StandInFile {
    /// Who.
    pub person: Scalar<Name>,
    /// From the start of the run.
    pub from: Scalar<Duration>,
    /// Until then.
    pub until: Scalar<Duration>,
}

/// A level of an escalation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LevelFile {
    /// Whom it pages by name; whoever is on call when left out.
    #[serde(default)]
    pub page: Vec<Scalar<Name>>,
    /// How long they have to answer before the next level is paged.
    pub answer_within: Scalar<Duration>,
}
