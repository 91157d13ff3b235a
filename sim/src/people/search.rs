//! The search for the cause: suspects in the order in which they are shown, one look at a time.

use firedrill_core::Micros;

use crate::spec::{LogNormal, Responders, Searching};

use super::dice::{Ask, Dice, stretched};

/// Who searches, when, and with what on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// The first is 0; whoever they escalate to comes after them and errs less.
    pub number: u32,
    /// From the begin of the search to the end of their shift.
    pub shift_ends_in: Micros,
    /// Other alerts on the screen.
    pub alerts: u32,
    /// Other incidents in hand.
    pub incidents: u32,
    /// How much of the tools to look with is there: 1 all, 0 none.
    pub sight: f64,
}

/// A look at a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its place in the list.
    pub suspect: usize,
    /// How long it took.
    pub took: Micros,
    /// Whether it convinced.
    pub convinced: bool,
}

/// How a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a suspect, right or wrong.
    Named(usize),
    /// With none; somebody else must look.
    GaveUp,
}

/// A search, from the acknowledgement or the last wrong turn to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The looks, in order.
    pub looks: Vec<Look>,
    /// In all, with finding one's bearings and telling the next shift.
    pub took: Micros,
    /// How it ends.
    pub end: End,
    /// Whether a shift ended in between.
    pub handed_over: bool,
}

/// Searches `guilty` (the suspects in the order shown; whether each is guilty) for the cause.
/// Suspects of `ruled_out` are not looked at. One pass over the list, or until patience ends.
///
/// A shift that ends in between is handed over: it takes its time, and what was ruled out may be
/// forgotten, so that the pass begins anew.
///
/// # Panics
/// When the lists are not of the same length, or have more than 1000 suspects.
pub fn search(
    dice: &mut Dice<'_>,
    model: &Responders,
    person: &Person,
    guilty: &[bool],
    ruled_out: &[bool],
) -> Search {
    assert_eq!(guilty.len(), ruled_out.len(), "one mark for each suspect");
    assert!(
        guilty.len() <= 1_000,
        "nobody reads {} suspects",
        guilty.len()
    );
    let params = &model.searching;
    let slow = slowness(model, person);
    let errs = libm::pow(model.hand_over.expert, f64::from(person.number));
    // Draws of one person stand apart from those of the next, and of a second pass.
    let address =
        |pass: u64, suspect: usize| (u64::from(person.number) * 2 + pass) * 1_024 + suspect as u64;
    let patience = params.patience;
    let mut found = Search {
        looks: Vec::new(),
        took: dice.time(
            Ask::Orients,
            u64::from(person.number),
            scaled(params.orientation, slow),
        ),
        end: End::GaveUp,
        handed_over: false,
    };
    let (mut next, mut pass) = (0, 0);
    while next < guilty.len() && found.took < patience {
        if found.took >= person.shift_ends_in && !found.handed_over {
            found.handed_over = true;
            let number = u64::from(person.number);
            found.took = found.took + dice.time(Ask::HandsOver, number, model.hand_over.telling);
            if dice.chance(Ask::Forgets, number, model.hand_over.forgotten) {
                (next, pass) = (0, 1);
                continue;
            }
        }
        let suspect = next;
        next += 1;
        if ruled_out[suspect] {
            continue;
        }
        let address = address(pass, suspect);
        let took = dice.time(Ask::Looks, address, scaled(params.look, slow));
        let chance = if guilty[suspect] {
            1.0 - params.overlooked * errs
        } else {
            params.convinced_wrongly * errs
        };
        let convinced = dice.chance(Ask::Convinced, address, chance);
        found.took = found.took + took;
        found.looks.push(Look {
            suspect,
            took,
            convinced,
        });
        if convinced {
            found.end = End::Named(suspect);
            break;
        }
    }
    found
}

/// How many times longer everything takes.
fn slowness(model: &Responders, person: &Person) -> f64 {
    let params = &model.searching;
    let alerts = f64::from(person.alerts.min(params.alerts_at_most));
    let screen = 1.0 + params.per_alert * alerts;
    let load = 1.0 + params.per_incident * f64::from(person.incidents);
    screen * load * params.blindness(person.sight)
}

impl Searching {
    /// How many times longer everything takes with so much of the tools to look with.
    #[must_use]
    pub fn blindness(&self, sight: f64) -> f64 {
        1.0 + (self.blind - 1.0) * (1.0 - sight.clamp(0.0, 1.0))
    }
}

fn scaled(time: LogNormal, factor: f64) -> LogNormal {
    LogNormal {
        median: stretched(time.median, factor),
        ..time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;

    const RESTED: Person = Person {
        number: 0,
        shift_ends_in: Micros::from_hours(6),
        alerts: 0,
        incidents: 0,
        sight: 1.0,
    };

    fn searches(model: &Responders, person: &Person, guilty: &[bool]) -> Vec<Search> {
        let mut draws = Draws::new(9, "people", None);
        let search = |page| {
            let nothing = vec![false; guilty.len()];
            search(
                &mut Dice::new(&mut draws, page),
                model,
                person,
                guilty,
                &nothing,
            )
        };
        (0..4_000).map(search).collect()
    }

    fn share(searches: &[Search], holds: impl Fn(&Search) -> bool) -> f64 {
        searches.iter().filter(|search| holds(search)).count() as f64 / searches.len() as f64
    }

    /// Four standard deviations: a right share fails once in 16 000.
    fn near(share: f64, expected: f64) {
        let deviation = (expected * (1.0 - expected) / 4_000.0).sqrt();
        assert!(
            (share - expected).abs() <= 4.0 * deviation,
            "{share} instead of {expected}"
        );
    }

    fn patient() -> Responders {
        let mut model = Responders::default();
        model.searching.patience = Micros::from_hours(1_000);
        model
    }

    #[test]
    fn errs_as_often_as_it_is_told_to() {
        let found = searches(&patient(), &RESTED, &[false, true, false]);
        let named = |place| share(&found, |search| search.end == End::Named(place));
        near(named(0), 0.25);
        near(named(1), 0.75 * 0.9);
        near(named(2), 0.75 * 0.1 * 0.25);
        near(share(&found, |s| s.end == End::GaveUp), 0.75 * 0.1 * 0.75);
        let expert = Person {
            number: 1,
            ..RESTED
        };
        let found = searches(&patient(), &expert, &[false, true, false]);
        near(share(&found, |s| s.end == End::Named(0)), 0.125);
    }

    #[test]
    fn every_look_costs_its_time() {
        let model = patient();
        let mean = |person: &Person, guilty: &[bool]| {
            let found = searches(&model, person, guilty);
            found.iter().map(|s| s.took.as_secs_f64()).sum::<f64>() / found.len() as f64
        };
        let quick = mean(&RESTED, &[true]);
        let deep = mean(&RESTED, &[false, false, true]);
        let blind = mean(
            &Person {
                sight: 0.0,
                ..RESTED
            },
            &[true],
        );
        let busy = mean(
            &Person {
                incidents: 1,
                alerts: 100,
                ..RESTED
            },
            &[true],
        );
        assert!(deep > quick * 1.5, "{quick} {deep}");
        // Common random numbers: the same draws, twice and three times as long.
        assert!((blind / quick - 2.0).abs() < 1e-3, "{quick} {blind}");
        assert!((busy / quick - 3.0).abs() < 1e-3, "{quick} {busy}");
    }

    #[test]
    fn patience_ends() {
        let mut model = Responders::default();
        model.searching.convinced_wrongly = 0.0;
        for search in searches(&model, &RESTED, &[false; 100]) {
            assert_eq!(search.end, End::GaveUp);
            let last = search.looks.last().map_or(search.took, |look| look.took);
            assert!(search.took.saturating_sub(last) < model.searching.patience);
            assert!(search.took >= model.searching.patience);
        }
    }

    #[test]
    fn a_shift_that_ends_costs_time_and_memory() {
        let mut model = patient();
        model.searching.convinced_wrongly = 0.0;
        model.searching.orientation.sigma = 0.0; // nobody goes home before the first look
        let late = Person {
            shift_ends_in: Micros::from_mins(10),
            ..RESTED
        };
        let list = [false, false, false, false];
        let whole = searches(&model, &RESTED, &list);
        let parted = searches(&model, &late, &list);
        let mut forgot = 0;
        for (whole, parted) in whole.iter().zip(&parted) {
            assert!(!whole.handed_over);
            if parted.handed_over {
                let forgets = parted.looks.len() > 4;
                assert!(forgets || parted.took > whole.took);
                forgot += u32::from(forgets);
            } else {
                assert_eq!(parted, whole);
            }
        }
        let handed = parted.iter().filter(|search| search.handed_over).count() as f64;
        assert!(handed > 2_000.0, "most searches take longer than that");
        let deviation = (0.3 * 0.7 / handed).sqrt();
        let lost = f64::from(forgot) / handed;
        assert!((0.3 - lost).abs() < 4.0 * deviation, "{lost}");
    }

    #[test]
    fn what_is_ruled_out_is_not_looked_at() {
        let mut draws = Draws::new(1, "people", None);
        for page in 0..100 {
            let mut dice = Dice::new(&mut draws, page);
            let ruled_out = [true, false];
            let found = search(&mut dice, &patient(), &RESTED, &[true, false], &ruled_out);
            assert!(found.looks.iter().all(|look| look.suspect == 1));
        }
    }
}
