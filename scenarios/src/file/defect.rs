//! What is wrong with a change: how it hurts, from when on, and only where or when.
//!
//! A defect of a mix may give ranges, as in `share: 2 %..40 %`; one that stands alone may not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::place::At;
use crate::scalar::{Count, Duration, Literal, Name, Number, Percent, Scalar, TimeOfDay, Words};
use crate::spread::Spread;

/// What is wrong with a change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DefectFile {
    /// What goes wrong and why, in a sentence, for the post-mortem.
    pub story: Scalar<Words>,
    /// How it hurts.
    pub mechanism: MechanismFile,
    /// Lines that it makes an instance log as errors for every thousand requests; none but those
    /// of failed requests when left out.
    #[serde(default)]
    pub log_lines: Option<Scalar<Number>>,
    /// From when on, counted from when an instance loads it; at once when left out.
    #[serde(default)]
    pub onset: OnsetFile,
    /// What must also be so, all of it; nothing when left out.
    #[serde(default)]
    pub triggers: Vec<TriggerFile>,
}

/// How a bad config hurts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum MechanismFile {
    /// Instances that load it answer some requests with an error.
    Errors {
        /// Of this class; of every class when left out.
        #[serde(default)]
        class: Option<Scalar<Name>>,
        /// The share of those requests that fail.
        share: Spread<Percent>,
    },
    /// Instances that load it take longer for every request.
    Latency {
        /// Service time is multiplied by this: from 1 to 1000.
        factor: Spread<Number>,
    },
    /// Instances that load it crash, start again, and crash again until the config is gone.
    CrashOnLoad {
        /// The share of instances that crash.
        share: Spread<Percent>,
    },
    /// Instances that load it burn processor time on the side: less is left for requests.
    CpuBurn {
        /// Capacity is divided by this: from 1 to 1000.
        factor: Spread<Number>,
    },
    /// Memory grows with every request until an instance is killed and starts again.
    MemoryLeak {
        /// Under its full load an instance is out of memory after this long.
        fills_after: Spread<Duration>,
    },
    /// Instances that load it hold on to what a service they call has a limited number of.
    QuotaExhaustion {
        /// The called service that runs out; in a mix, any that it calls when left out.
        #[serde(default)]
        victim: Option<Scalar<Name>>,
        /// Its capacity is divided by this once every instance runs the config: from 1 to 1000.
        factor: Spread<Number>,
    },
    /// Instances that load it try calls to a service more often, or give up on them too early.
    RetryStorm {
        /// The called service; in a mix, any that it calls when left out.
        #[serde(default)]
        callee: Option<Scalar<Name>>,
        /// Tries for one call, the first included, from 1 to 16, and without a retry budget.
        attempts: Spread<Count>,
        /// The new timeout of a try; the old one when left out.
        #[serde(default)]
        timeout: Option<Spread<Duration>>,
    },
    /// Answers are wrong, though fast and without an error: only the business notices.
    WrongData {
        /// Of this class; of every class when left out.
        #[serde(default)]
        class: Option<Scalar<Name>>,
        /// The share of those answers that are wrong.
        share: Spread<Percent>,
    },
    /// Instances that load it forget their cache: the store behind it gets the calls it saved.
    CacheStorm {
        /// The called service behind the cache; in a mix, any that it calls when left out.
        #[serde(default)]
        store: Option<Scalar<Name>>,
        /// Calls to it are multiplied by this at first: from 1 to 1000.
        factor: Spread<Number>,
        /// After this long, 63 % of a cache is filled again.
        refill: Spread<Duration>,
    },
    /// Instances that load it cannot be reached any more: not by users, not by telemetry, not by
    /// config distribution.
    AccessLoss {
        /// The share of instances that are cut off.
        share: Spread<Percent>,
    },
    /// Instances that load it stop telling how they are, and take config slowly.
    ToolingPoison {
        /// The share of their scrapes that are lost.
        scrapes_lost: Spread<Percent>,
        /// Config takes this many times as long to reach them: from 1 to 1000.
        distribution_factor: Spread<Number>,
    },
}

/// From when on a defect hurts, counted from when an instance loads it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnsetFile {
    /// At once.
    #[default]
    AtLoad,
    /// All of it, this much later.
    Delayed(Spread<Duration>),
    /// Evenly more of it, all after this long.
    Ramp(Spread<Duration>),
    /// When the instance next restarts, which it does every so often: this long on average.
    NextRestart(Spread<Duration>),
}

/// What must also be so for a defect to hurt.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum TriggerFile {
    /// Instances are busier than this.
    LoadAbove(Spread<Percent>),
    /// The local time of day is between these.
    LocalTime {
        /// From.
        from: Scalar<TimeOfDay>,
        /// Until; a time before `from` is one of the next day.
        until: Scalar<TimeOfDay>,
    },
    /// The instance is in one of these regions.
    Regions(At<Vec<Scalar<Name>>>),
    /// The instance is of this hardware class.
    Hardware(Scalar<Count>),
    /// Other keys of the same config have these values.
    Key(At<BTreeMap<String, Scalar<Literal>>>),
}

/// A mix of defects, of which each seed draws one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MixFile {
    /// Its name, which changes refer to.
    pub name: Scalar<Name>,
    /// Where its shares and ranges come from: a source, or that they are assumed.
    pub basis: Scalar<Words>,
    /// What may be drawn.
    pub parts: At<Vec<MixPartFile>>,
}

/// One way in which a change may be wrong.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MixPartFile {
    /// How often it is drawn, compared with the other parts: above 0, to 1000000.
    pub weight: Scalar<Number>,
    /// The kind of mistake it counts as; the name of its mechanism when left out.
    #[serde(default)]
    pub kind: Option<Scalar<Name>>,
    /// The defect. Each of its magnitudes and times may be a range, as in `2 %..40 %`: shares and
    /// counts are drawn evenly from it, factors and times evenly on a logarithmic scale.
    pub defect: DefectFile,
}
