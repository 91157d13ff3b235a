//! Reviewers and whoever is on call.
//!
//! What is called an assumption here is one: nothing was published that could be copied. The
//! defaults of [`Responders`] together must meet published times, see `sim/tests/people.rs`.

use firedrill_core::Micros;
use firedrill_core::config::{Decision, Principal};
use firedrill_core::incident::Severity;
use serde::{Deserialize, Serialize};

use super::{LogNormal, NoiseLevel};

/// How a change is reviewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The reviewer.
    pub reviewer: Principal,
    /// How long it takes.
    pub delay: LogNormal,
    /// What they decide.
    pub decision: Decision,
}

/// The person on call: acknowledges a page, looks for the cause, rolls back the likeliest change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnCall {
    /// Who.
    pub principal: Principal,
    /// From page to acknowledgement; not asked where there is a model.
    pub acknowledge: LogNormal,
    /// From acknowledgement to knowing what to do, and daring to do it; not asked where there is a
    /// model.
    pub diagnose: LogNormal,
    /// People who sleep, tire, doubt and err; without it they take the two times above and go for
    /// the first suspect. Absent, it leaves no trace in the serialised form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<Responders>>,
}

/// People who sleep, tire, doubt and err.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Responders {
    /// Where they are, and when they work.
    pub site: Site,
    /// How bad what they are paged for looks to them.
    pub severity: Severity,
    /// What else their pager tells them.
    pub noise: NoiseLevel,
    /// From page to acknowledgement.
    pub acknowledging: Acknowledging,
    /// Which pages they answer at all.
    pub trust: Trust,
    /// The search for the cause.
    pub searching: Searching,
    /// From a named cause to the order.
    pub hesitating: Hesitating,
    /// A second person, and a shift that ends.
    pub hand_over: HandOver,
}

impl Default for Responders {
    /// An ordinary outage and a typical pager.
    fn default() -> Self {
        Self {
            site: Site::default(),
            severity: Severity::Sev2,
            noise: NoiseLevel::default(),
            acknowledging: Acknowledging::default(),
            trust: Trust::default(),
            searching: Searching::default(),
            hesitating: Hesitating::default(),
            hand_over: HandOver::default(),
        }
    }
}

/// Where people are, and when they work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Local time minus UTC, in seconds.
    pub utc_offset_s: i64,
    /// Local time of day at which people go to sleep. Assumption: 22:00.
    pub night_from: Micros,
    /// Local time of day at which they are up again. Assumption: 07:00.
    pub night_to: Micros,
    /// Local time of day at which a shift ends.
    pub shift_ends: Micros,
    /// From the end of one shift to that of the next; at least one hour. Twelve hours are the
    /// shift that the SRE book plans with (<https://sre.google/sre-book/being-on-call/>).
    pub shift_length: Micros,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            utc_offset_s: 0,
            night_from: Micros::from_hours(22),
            night_to: Micros::from_hours(7),
            shift_ends: Micros::from_hours(9),
            shift_length: Micros::from_hours(12),
        }
    }
}

/// From page to acknowledgement: log-normal, by severity, day or night, and what the pager did in
/// the last hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledging {
    /// The median by day, of an ordinary outage. Assumption: 2 min. Nobody published a
    /// distribution; incident tools show samples of about 4 min with all misses and nights in it.
    pub day: Micros,
    /// The median at night. Assumption: 5 min. Performance is half of the daytime's in the first
    /// three minutes after waking (Circadian, "Managing 24/7", n = 12).
    pub night: Micros,
    /// The standard deviation of the logarithm. Assumption: 1.
    pub sigma: f64,
    /// How many times longer it takes, from Sev-0 to Sev-4. Assumption, but for the ends: the SRE
    /// book answers in 5 min what users see and in 30 min what is less urgent.
    pub by_severity: [f64; 5],
    /// How far back tiredness looks: two hours, as measured at the bedside
    /// (<https://pmc.ncbi.nlm.nih.gov/articles/PMC4456276>).
    pub tired_over: Micros,
    /// How much longer it takes for each page in that time that needed nobody. The same study
    /// finds that it gets longer, in no unit that fits. Assumption: 5 %.
    pub tired_by: f64,
    /// How many times longer it gets at most. One team saw its acknowledgements drift from under
    /// 2 min to over 15 min as noise grew (Webstack Builders, an anecdote).
    pub tired_at_most: f64,
}

impl Default for Acknowledging {
    fn default() -> Self {
        Self {
            day: Micros::from_mins(2),
            night: Micros::from_mins(5),
            sigma: 1.0,
            by_severity: [0.8, 0.8, 1.0, 3.0, 6.0],
            tired_over: Micros::from_hours(2),
            tired_by: 0.05,
            tired_at_most: 7.5,
        }
    }
}

/// Which pages are answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// The share of pages that are answered even by somebody who never saw a true one, in `0..=1`.
    /// Without a way to look, people answer about the share that is true (Bliss 1995, n = 138,
    /// <https://www.ncbi.nlm.nih.gov/pubmed/7498189>); with one they do much better.
    /// Assumption: 90 %.
    pub floor: f64,
    /// The weight of the newest page in what they remember, in `0..=1`. Assumption: a tenth.
    pub newest: f64,
    /// What they expect before their first page, in `0..=1`. Assumption: that pages are true.
    pub at_first: f64,
    /// What is left of the chance of an answer for each page that is open already, in `0..=1`:
    /// each further reminder is followed 30 % less often (Ancker 2017, n = 112,
    /// <https://pmc.ncbi.nlm.nih.gov/articles/PMC5387195>).
    pub per_open_page: f64,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            floor: 0.9,
            newest: 0.1,
            at_first: 1.0,
            per_open_page: 0.7,
        }
    }
}

/// The search for the cause: suspects are looked at in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Searching {
    /// Getting to the screen and seeing what is wrong. Assumption: 5 min, sigma 0.7.
    pub orientation: LogNormal,
    /// One look at a suspect. Assumption: 5 min, sigma 0.7.
    pub look: LogNormal,
    /// The chance that a look at an innocent change convinces, in `0..=1`. Assumption: a quarter,
    /// which gives about as many wrong first diagnoses as public reviews tell of (7 of 72).
    pub convinced_wrongly: f64,
    /// The chance that a look at the guilty one does not, in `0..=1`. Assumption: a tenth.
    pub overlooked: f64,
    /// How much longer everything takes for each other alert on the screen. Assumption: 1 %.
    pub per_alert: f64,
    /// How many alerts count at most; beyond that nobody reads them. Assumption: 100.
    pub alerts_at_most: u32,
    /// How much longer everything takes for each other incident in hand. Assumption: 50 %; an
    /// incident is half of what the SRE book lets a person do in a shift.
    pub per_incident: f64,
    /// How many times longer everything takes with no dashboards. Assumption: twice; outages whose
    /// response lacked tools or access lasted 150 min against 68 (72 public reviews).
    pub blind: f64,
    /// After this long without a cause somebody else is asked. Assumption: 30 min.
    pub patience: Micros,
}

impl Default for Searching {
    fn default() -> Self {
        Self {
            orientation: LogNormal {
                median: Micros::from_mins(5),
                sigma: 0.7,
            },
            look: LogNormal {
                median: Micros::from_mins(5),
                sigma: 0.7,
            },
            convinced_wrongly: 0.25,
            overlooked: 0.1,
            per_alert: 0.01,
            alerts_at_most: 100,
            per_incident: 0.5,
            blind: 2.0,
            patience: Micros::from_mins(30),
        }
    }
}

/// From a named cause to the order that takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hesitating {
    /// The median from Sev-0 to Sev-4, with a tool of several steps and no policy. Assumption.
    pub median: [Micros; 5],
    /// The standard deviation of the logarithm. Assumption: 0.7.
    pub sigma: f64,
    /// How a rollback is ordered.
    pub tool: RollbackTool,
    /// What is left of the hesitation with one click, in `0..=1`. Assumption: half.
    pub one_click: f64,
    /// What people are told to do.
    pub policy: ResponsePolicy,
    /// What is left of the hesitation where they are told to roll back first, in `0..=1`.
    /// Assumption: half.
    pub roll_back_first: f64,
    /// The chance that a true alarm of a canary is overridden, in `0..=1`; plausible up to 20 %.
    /// One case is published (Configerator, SOSP 2015: an engineer took a crash for a false alarm);
    /// the rate is an assumption: 5 %.
    pub overrides: f64,
}

impl Default for Hesitating {
    fn default() -> Self {
        Self {
            median: [2, 3, 6, 12, 30].map(Micros::from_mins),
            sigma: 0.7,
            tool: RollbackTool::OneClick,
            one_click: 0.5,
            policy: ResponsePolicy::UnderstandFirst,
            roll_back_first: 0.5,
            overrides: 0.05,
        }
    }
}

/// How a rollback is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackTool {
    /// One click.
    OneClick,
    /// A change backwards, written and started by hand.
    ByHand,
}

/// What people are told to do first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponsePolicy {
    /// Roll back what may be guilty, then understand.
    RollBackFirst,
    /// Understand, then act.
    UnderstandFirst,
}

/// A second person, and a shift that ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandOver {
    /// Telling the next shift where things stand. Assumption: 10 min, sigma 0.5.
    pub telling: LogNormal,
    /// The chance that what was ruled out is not told, and is looked at again, in `0..=1`.
    /// Assumption: 30 %.
    pub forgotten: f64,
    /// From giving up to somebody else's first look. Atlassian's sample figures have the right
    /// expert 20 min after the first acknowledgement; sigma 0.5 is an assumption.
    pub escalating: LogNormal,
    /// How many people look in all; at least one. Incident tools ship with three levels.
    pub people_max: u32,
    /// What is left of the chances to err for each further person, who knows more, in `0..=1`.
    /// Assumption: half.
    pub expert: f64,
    /// From the rollback of an innocent change to seeing that it did not help. Assumption: 10 min,
    /// sigma 0.5.
    pub noticing: LogNormal,
}

impl Default for HandOver {
    fn default() -> Self {
        let minutes = |minutes| LogNormal {
            median: Micros::from_mins(minutes),
            sigma: 0.5,
        };
        Self {
            telling: minutes(10),
            forgotten: 0.3,
            escalating: minutes(20),
            people_max: 3,
            expert: 0.5,
            noticing: minutes(10),
        }
    }
}
