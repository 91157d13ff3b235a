//! How often the true cause ranks first, and how far "this rollout is to blame" can be trusted.
//!
//! Suspects are ranked 5, 15, 30, 60, 120 and 240 minutes after the first alert. A change that is
//! blamed is rolled back; when it was not the cause the trouble goes on, which acquits it, and the
//! ranking goes on without it. *First* and *top five* are of the first look, five minutes in.
//! *Recall* is the share of guilty rollouts that were blamed within four hours; *precision* the
//! share of right ones among all that were blamed, half of the incidents being nobody's rollout.
//!
//! Measured on 2,000 + 2,000 incidents of `campaign.rs` with 5 to 50 innocent changes in flight,
//! default weights, Wilson's intervals at 95 %; the weights were chosen on other seeds:
//!
//! | | share | interval |
//! | --- | --- | --- |
//! | true cause first | 95.5 % | 94.4 to 96.3 % |
//! | true cause in the top five | 100.0 % | 99.8 to 100.0 % |
//! | precision of blame | 94.4 % | 93.4 to 95.3 % |
//! | recall of blame | 98.6 % | 98.0 to 99.0 % |
//! | incidents without a guilty rollout in which one was blamed | 3.9 % | 3.1 to 4.8 % |
//!
//! By what makes an incident hard (kinds overlap):
//!
//! | | first | recall |
//! | --- | --- | --- |
//! | none of these | 99.6 % | 99.9 % (99.3 to 100.0) |
//! | another change of the service within ten minutes | 74.4 % | 95.8 % |
//! | the same, in another region | 94.1 % | 97.1 % |
//! | versions not told apart | 94.3 % | 97.5 % |
//! | defect shows late | 93.4 % | 95.9 % |
//!
//! Gandalf (Li et al., NSDI 2020) published precision 92.4 % and recall 100 % on its data plane. We
//! reach its precision. Its recall is reached on incidents that are hard in no way, and not on
//! all: a late defect whose service stays silent cannot be told from an accident in four hours.
//! Both figures depend on the made-up world of `campaign.rs`; a fleet of one's own has others.

use firedrill_core::Micros;
use firedrill_core::alerting::suspects::{SuspectPolicy, rank};
use firedrill_core::ids::ChangeId;

use crate::campaign::{Hardness, Incident};

/// Minutes after the first alert at which suspects are ranked, until one is blamed.
const LOOKS: [u64; 6] = [5, 15, 30, 60, 120, 240];

/// What became of an incident.
struct Outcome {
    guilty: Option<ChangeId>,
    hardness: Hardness,
    /// The place of the guilty change at the first look, from one.
    place: Option<usize>,
    /// Who was blamed, one after the other, until it was the guilty change.
    blamed: Vec<ChangeId>,
}

fn outcome(policy: &SuspectPolicy, seed: u64, guilty: bool) -> Outcome {
    let mut incident = Incident::new(seed, guilty);
    let mut outcome = Outcome {
        guilty: incident.guilty,
        hardness: incident.hardness,
        place: None,
        blamed: vec![],
    };
    let mut changes = incident.changes.clone();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let now = incident.first_alert() + Micros::from_mins(look);
        let evidence = incident.evidence(now);
        let suspects = rank(policy, &changes, &evidence, now);
        if n == 0 {
            let guilty = |id| suspects.iter().position(|suspect| suspect.change == id);
            outcome.place = outcome.guilty.and_then(guilty).map(|place| place + 1);
        }
        if let Some(first) = suspects.first().filter(|first| first.blamed) {
            outcome.blamed.push(first.change);
            // Rolled back: either that ends it, or the trouble goes on and acquits the change.
            if outcome.is_caught() {
                break;
            }
            changes.retain(|change| change.id != first.change);
        }
    }
    outcome
}

impl Outcome {
    fn is_caught(&self) -> bool {
        self.guilty
            .is_some_and(|guilty| self.blamed.contains(&guilty))
    }
}

/// A share with Wilson's interval at 95 %.
#[derive(Clone, Copy)]
struct Share {
    hits: usize,
    of: usize,
}

impl Share {
    fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>, hit: impl Fn(&Outcome) -> bool) -> Self {
        let (mut hits, mut of) = (0, 0);
        for outcome in outcomes {
            hits += usize::from(hit(outcome));
            of += 1;
        }
        Self { hits, of }
    }

    fn value(self) -> f64 {
        self.hits as f64 / self.of as f64
    }

    fn interval(self) -> (f64, f64) {
        let (n, p, z) = (self.of as f64, self.value(), 1.96_f64);
        let middle = p + z * z / (2.0 * n);
        let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        ((middle - half) / scale, (middle + half) / scale)
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.interval();
        let percent = |x: f64| 100.0 * x;
        write!(
            f,
            "{}/{} = {:.1} % ({:.1} to {:.1})",
            self.hits,
            self.of,
            percent(self.value()),
            percent(low),
            percent(high)
        )
    }
}

type Kind = fn(&Hardness) -> bool;

/// Incidents with a guilty rollout, and as many without.
const INCIDENTS: u64 = 2_000;

/// What is measured, on seeds that the weights were not chosen on.
#[test]
fn the_true_cause_ranks_first_and_blame_can_be_trusted() {
    let policy = SuspectPolicy::default();
    let caused: Vec<_> = (0..INCIDENTS).map(|n| outcome(&policy, n, true)).collect();
    let others = (0..INCIDENTS).map(|n| outcome(&policy, INCIDENTS + n, false));
    let others: Vec<_> = others.collect();
    let first = Share::of(caused.iter(), |one| one.place == Some(1));
    let five = Share::of(caused.iter(), |one| {
        one.place.is_some_and(|place| place <= 5)
    });
    let recall = Share::of(caused.iter(), Outcome::is_caught);
    let blamed = |outcomes: &[Outcome]| outcomes.iter().map(|one| one.blamed.len()).sum::<usize>();
    let precision = Share {
        hits: recall.hits,
        of: blamed(&caused) + blamed(&others),
    };
    let kinds: [(&str, Kind); 5] = [
        ("none of the below", |hard| {
            !(hard.twin || hard.elsewhere || hard.no_split || hard.latent)
        }),
        ("twin", |hard| hard.twin),
        ("elsewhere", |hard| hard.elsewhere),
        ("no split", |hard| hard.no_split),
        ("latent", |hard| hard.latent),
    ];
    let mut table = format!(
        "first {first:?}, five {five:?}, recall {recall:?}, precision {precision:?}, \
         others blamed {:?}",
        Share::of(others.iter(), |one| !one.blamed.is_empty())
    );
    for (name, is) in kinds {
        let of_kind = || caused.iter().filter(|one| is(&one.hardness));
        let first = Share::of(of_kind(), |one| one.place == Some(1));
        let recall = Share::of(of_kind(), Outcome::is_caught);
        table += &format!("\n{name}: first {first:?}, recall {recall:?}");
    }
    assert!(first.interval().0 >= 0.80, "{table}");
    assert!(five.interval().0 >= 0.97, "{table}");
    assert!(precision.value() >= 0.92, "{table}");
    assert!(recall.interval().0 >= 0.975, "{table}");
}
