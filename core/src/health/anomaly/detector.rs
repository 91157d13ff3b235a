//! The detector: four questions about each point, and one calibrated answer.

use libm::exp;
use serde::{Deserialize, Serialize};

use crate::Micros;

use super::clock::{Clock, Turn};
use super::history::{History, POINTS_MAX};
use super::local::{Local, Residual};
use super::policy::{AnomalyPolicy, AnomalyPolicyError, Season};
use super::season::{self, Profile};
use super::tail::{SHAPE_MAX, Tail};

/// The first search for a season comes after this many points; the next ones each time the
/// points have grown by half, and at least every half history.
const SEARCH_FROM: usize = 96;
/// The season is used for deviations while it makes them smaller by this.
const SEASON_HELPS: f64 = 0.85;
/// Scales beyond which a point counts no more in the sum.
const SUM_CLIP: f64 = 4.0;
/// What is taken from the sum at each point, in scales.
const SUM_SLACK: f64 = 0.75;
/// The largest sum.
const SUM_MAX: f64 = 60.0;
/// The weight of a point in the short and the long spread.
const SPREAD_RATES: (f64, f64) = (1.0 / 24.0, 1.0 / 600.0);
/// Scales beyond which a point counts no more in the spreads.
const SPREAD_CLIP: f64 = 5.0;
/// What keeps the ratio of two spreads of nothing at one.
const SPREAD_FLOOR: f64 = 0.05;
/// The heaviest tail of the rarest answer: in nats, tails are exponential.
const WHOLE_SHAPE_MAX: f64 = 0.1;
/// Points of past with which half of what lies beyond it is believed.
const HALF_TRUSTED: f64 = 500.0;
/// The most nats that an answer has: beyond, a score is 1 to its last digit.
const NATS_MAX: f64 = 50.0;
/// What is left of an episode's peak after a point.
const EPISODE_FADE: f64 = 0.99;
/// Nats from which an episode begins.
const EPISODE_FROM: f64 = 6.0;

/// What stood out the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// How far from the forecast.
    Innovation,
    /// How far from the level.
    Deviation,
    /// How far on one side for how long.
    Sum,
    /// How much more or less than usual it moves.
    Spread,
}

const QUESTIONS: [Question; 4] = [
    Question::Innovation,
    Question::Deviation,
    Question::Sum,
    Question::Spread,
];

/// What was done with a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointStanding {
    /// It has a score.
    Scored,
    /// It was learned from, and there is too little past for a score.
    Learning,
    /// It is NaN or infinite: score 0, nothing learned.
    NotFinite,
    /// It has the time of the point before: score 0, nothing learned.
    Again,
    /// It is older than the point before: score 0, nothing learned. Eight such points in a row,
    /// each newer than the one before, are a clock that was set back, which is followed.
    Late,
}

/// What a detector says about one point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AnomalyReading {
    /// What was done with the point.
    pub standing: PointStanding,
    /// From 0 (usual) to 1; a share of about `q` of usual points have `1 - q` or more.
    pub score: f64,
    /// The same as `-ln(1 - score)`, which tells apart what rounds to 1.
    pub nats: f64,
    /// What was forecast.
    pub expected: f64,
    /// How far a forecast is off, usually.
    pub scale: f64,
    /// What stood out the most.
    pub question: Question,
    /// Whether this point confirmed a new level.
    pub shifted: bool,
}

/// Scores the points of one series, one after the other.
#[derive(Clone, Debug)]
pub struct AnomalyDetector {
    policy: AnomalyPolicy,
    clock: Clock,
    history: History,
    until_search: usize,
    profile: Option<Profile>,
    /// The baseline without a season.
    plain: Local,
    /// The baseline of what the profile leaves.
    seasonal: Local,
    quantum: Quantum,
    past: Past,
}

/// What residuals have been.
#[derive(Clone, Debug)]
struct Past {
    sums: (f64, f64),
    spreads: (f64, f64),
    points: f64,
    tails: [Tail; 4],
    whole: Tail,
    episode: f64,
}

/// The smallest step that a series makes.
#[derive(Clone, Copy, Debug, Default)]
struct Quantum {
    last: Option<f64>,
    step: Option<f64>,
}

impl Quantum {
    fn observe(&mut self, value: f64) {
        let step = self.last.map_or(0.0, |last| (value - last).abs());
        if step > 0.0 && step.is_finite() {
            self.step = Some(self.step.map_or(step, |least| least.min(step)));
        }
        self.last = Some(value);
    }

    /// The least scale that makes sense.
    fn floor(&self, value: f64) -> f64 {
        let digits = value.abs().max(1e-290) * 1e-12;
        self.step.map_or(digits, |step| (0.5 * step).max(digits))
    }
}

impl AnomalyDetector {
    /// A detector that has seen nothing.
    ///
    /// # Errors
    /// When the policy cannot be followed.
    pub fn new(policy: AnomalyPolicy) -> Result<Self, AnomalyPolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            clock: Clock::default(),
            history: History::default(),
            until_search: SEARCH_FROM,
            profile: None,
            plain: Local::default(),
            seasonal: Local::default(),
            quantum: Quantum::default(),
            past: Past::new(policy),
        })
    }

    /// The season in use, found or given.
    #[must_use]
    pub fn season(&self) -> Option<Micros> {
        self.profile.as_ref().map(Profile::period)
    }

    /// Scores a point and learns from it.
    pub fn observe(&mut self, at: Micros, value: f64) -> AnomalyReading {
        if !value.is_finite() {
            return self.unscored(PointStanding::NotFinite);
        }
        // Half of the range, so that no difference overflows.
        let value = value.clamp(-f64::MAX / 1e9, f64::MAX / 1e9);
        match self.clock.take(at) {
            Turn::Next => {}
            Turn::SetBack => self.history.clear(),
            Turn::Again => return self.unscored(PointStanding::Again),
            Turn::Late => return self.unscored(PointStanding::Late),
        }
        let reading = self.score(at, value);
        self.history.push(at, value);
        self.search();
        reading
    }

    fn unscored(&self, standing: PointStanding) -> AnomalyReading {
        AnomalyReading {
            standing,
            score: 0.0,
            nats: 0.0,
            expected: self.plain.forecast(),
            scale: self.plain.innovation_scale(),
            question: Question::Innovation,
            shifted: false,
        }
    }

    fn score(&mut self, at: Micros, value: f64) -> AnomalyReading {
        self.quantum.observe(value);
        let floor = self.quantum.floor(value);
        let mut reading = self.unscored(PointStanding::Learning);
        let was_started = self.plain.is_started();
        let mut residual = self.plain.observe(value, floor);
        if let Some((by_profile, expected, scale)) = self.observe_season(at, value, floor) {
            if scale < reading.scale {
                (reading.expected, reading.scale) = (expected, scale);
                residual.innovation = by_profile.innovation;
            }
            if self.seasonal.deviation_scale() < SEASON_HELPS * self.plain.deviation_scale() {
                residual.deviation = by_profile.deviation;
                residual.shifted = by_profile.shifted;
            }
        }
        if was_started {
            let (nats, question) = self.past.ask(residual);
            reading.standing = PointStanding::Scored;
            reading.nats = nats;
            reading.score = 1.0 - exp(-nats);
            reading.question = question;
            reading.shifted = residual.shifted;
        }
        reading
    }

    /// What the point is to the seasonal baseline, its forecast and the scale of that.
    fn observe_season(
        &mut self,
        at: Micros,
        value: f64,
        floor: f64,
    ) -> Option<(Residual, f64, f64)> {
        let profile = self.profile.as_mut()?;
        let usual = profile.at(at);
        let ready = self.seasonal.is_started();
        let expected = usual + self.seasonal.forecast();
        let scale = self.seasonal.innovation_scale();
        let distance = value - usual - self.seasonal.level();
        let residual = self.seasonal.observe(value - usual, floor);
        if ready {
            profile.learn(at, distance, self.seasonal.deviation_scale());
        }
        ready.then_some((residual, expected, scale))
    }

    /// Looks for a season now and then; a profile that is there stays until another is found.
    fn search(&mut self) {
        let period = match self.policy.season {
            Season::None => return,
            Season::Every(_) if self.profile.is_some() => return,
            Season::Every(period) => Some(period),
            Season::Find => None,
        };
        self.until_search = self.until_search.saturating_sub(1);
        if self.until_search > 0 {
            return;
        }
        self.until_search = (self.history.len() / 2).clamp(SEARCH_FROM / 2, POINTS_MAX / 2);
        let Some(period) = period.or_else(|| season::find(&self.history)) else {
            return;
        };
        let current = self.season();
        if current.is_some_and(|current| current.0.abs_diff(period.0) * 20 < current.0) {
            return;
        }
        let Some(profile) = Profile::of(&self.history, period) else {
            return;
        };
        self.adopt(profile);
    }

    /// Uses a profile from now on, and looks at the points kept as it would have looked.
    fn adopt(&mut self, profile: Profile) {
        let (times, values) = self.history.points();
        let cycles = self.history.span().0 as f64 / profile.period().0 as f64;
        self.profile = Some(profile);
        self.plain = Local::default();
        self.seasonal = Local::default();
        let episode = self.past.episode;
        self.past = Past::new(self.policy);
        for (at, value) in times.into_iter().zip(values) {
            self.score(at, value);
        }
        self.past.episode = episode;
        // The profile was taken from these very points, so the next ones fit it less well.
        let less = (cycles + 1.0) / (cycles - 1.0).max(0.5);
        self.seasonal.widen(libm::sqrt(less).min(2.0));
    }
}

impl Past {
    fn new(policy: AnomalyPolicy) -> Self {
        let memory = f64::from(policy.memory);
        let tail = || Tail::new(memory, SHAPE_MAX);
        Self {
            sums: (0.0, 0.0),
            spreads: (0.0, 0.0),
            points: 0.0,
            tails: [tail(), tail(), tail(), tail()],
            whole: Tail::new(memory, WHOLE_SHAPE_MAX),
            episode: 0.0,
        }
    }

    /// The four questions, each against its own past, and their rarest answer against its past.
    fn ask(&mut self, residual: Residual) -> (f64, Question) {
        let values = [
            residual.innovation.abs(),
            residual.deviation.abs(),
            self.sum(residual.deviation),
            self.spread(residual.innovation),
        ];
        if residual.shifted {
            self.sums = (0.0, 0.0);
        }
        let mut rarest = (0.0, QUESTIONS[0]);
        for ((tail, value), question) in self.tails.iter_mut().zip(values).zip(QUESTIONS) {
            let nats = tail.surprise(value).min(NATS_MAX);
            if nats > rarest.0 {
                rarest = (nats, question);
            }
            tail.learn(value);
        }
        let nats = self.trusted(self.whole.surprise(rarest.0));
        self.whole.learn(rarest.0);
        (self.once_an_episode(nats), rarest.1)
    }

    /// What the fitted tail says beyond the past is believed as far as there is a past.
    fn trusted(&self, nats: f64) -> f64 {
        let points = self.whole.points();
        let rarest_seen = libm::log(points + 1.0);
        let beyond = (nats - rarest_seen).max(0.0);
        nats.min(rarest_seen) + beyond * points / (points + HALF_TRUSTED)
    }

    /// What goes on is no news: within an episode only a new peak is rarer than the past.
    fn once_an_episode(&mut self, nats: f64) -> f64 {
        self.episode *= EPISODE_FADE;
        if nats > self.episode {
            if nats > EPISODE_FROM {
                self.episode = nats;
            }
            return nats;
        }
        nats.min(EPISODE_FROM)
    }

    fn sum(&mut self, deviation: f64) -> f64 {
        let clipped = deviation.clamp(-SUM_CLIP, SUM_CLIP);
        let next = |sum: f64, by: f64| (sum + by - SUM_SLACK).clamp(0.0, SUM_MAX);
        self.sums = (next(self.sums.0, clipped), next(self.sums.1, -clipped));
        self.sums.0.max(self.sums.1)
    }

    fn spread(&mut self, innovation: f64) -> f64 {
        let size = innovation.abs().min(SPREAD_CLIP);
        self.points += 1.0;
        let rate = |rate: f64| rate.max(1.0 / self.points);
        self.spreads.0 += rate(SPREAD_RATES.0) * (size - self.spreads.0);
        self.spreads.1 += rate(SPREAD_RATES.1) * (size - self.spreads.1);
        let ratio = (self.spreads.0 + SPREAD_FLOOR) / (self.spreads.1 + SPREAD_FLOOR);
        libm::log(ratio).abs()
    }
}
