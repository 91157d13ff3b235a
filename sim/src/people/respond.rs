//! From an acknowledgement to the rollback that helps, with every wrong turn on the way.

use firedrill_core::Micros;

use crate::spec::Responders;

use super::dice::{Ask, Dice, stretched};
use super::hesitate::hesitate;
use super::search::{End, Person, search};
use super::shift_ends_in;

/// How many times longer it takes to find somebody else without the place where people talk.
/// Assumption: as much as blindness slows a search down.
const SILENCE: f64 = 2.0;

/// What people find when they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scene {
    /// When, counted from any midnight, UTC.
    pub utc: Micros,
    /// Other alerts on the screen.
    pub alerts: u32,
    /// Other incidents in hand of the first person; whoever is asked later has none.
    pub incidents: u32,
    /// How much of the tools to look with is there: 1 all, 0 none.
    pub sight: f64,
    /// Whether people reach each other as always.
    pub can_talk: bool,
    /// When the shift of the first person ends by their schedule; by the usual one of their site
    /// when absent.
    pub shift_ends_in: Option<Micros>,
}

/// Something that people try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// After the acknowledgement.
    pub after: Micros,
    /// The suspect that is rolled back, by its place in the list; absent when they are at their
    /// wits' end, which is the last attempt.
    pub suspect: Option<usize>,
}

/// What people try, in order, up to the rollback of a guilty suspect or to the last person's end.
///
/// Whoever rolled back an innocent change finds that out after a while, rules it out, and searches
/// on. Whoever gives up asks somebody who knows more, and who starts at the top of the list.
/// The last person is not patient for ever either: then nobody knows.
pub fn respond(
    dice: &mut Dice<'_>,
    model: &Responders,
    scene: &Scene,
    guilty: &[bool],
) -> Vec<Attempt> {
    let mut ruled_out = vec![false; guilty.len()];
    let mut attempts = Vec::new();
    let mut after = Micros::ZERO;
    let mut people = 1;
    for number in 0.. {
        let person = Person {
            number,
            shift_ends_in: shift(model, scene, after),
            alerts: scene.alerts,
            incidents: if people == 1 { scene.incidents } else { 0 },
            sight: scene.sight,
        };
        let found = search(dice, model, &person, guilty, &ruled_out);
        after = after + found.took;
        match found.end {
            End::Named(suspect) => {
                let turn = u64::from(number);
                after = after + hesitate(dice, &model.hesitating, model.severity, turn);
                let suspect_named = Some(suspect);
                attempts.push(Attempt {
                    after,
                    suspect: suspect_named,
                });
                if guilty[suspect] {
                    break;
                }
                ruled_out[suspect] = true;
                after = after + dice.time(Ask::Notices, turn, model.hand_over.noticing);
            }
            End::GaveUp if people < model.hand_over.people_max => {
                people += 1;
                let turn = u64::from(number);
                let asking = dice.time(Ask::Escalates, turn, model.hand_over.escalating);
                after = after + stretched(asking, if scene.can_talk { 1.0 } else { SILENCE });
            }
            End::GaveUp => {
                attempts.push(Attempt {
                    after,
                    suspect: None,
                });
                break;
            }
        }
    }
    attempts
}

/// From `after` the acknowledgement to the end of whoever's shift it is then.
fn shift(model: &Responders, scene: &Scene, after: Micros) -> Micros {
    match scene.shift_ends_in {
        Some(end) if after < end => end - after,
        Some(_) => model.site.shift_length,
        None => shift_ends_in(&model.site, scene.utc + after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;

    const SCENE: Scene = Scene {
        utc: Micros::from_hours(14),
        alerts: 0,
        incidents: 0,
        sight: 1.0,
        can_talk: true,
        shift_ends_in: None,
    };

    fn responses(model: &Responders, guilty: &[bool]) -> Vec<Vec<Attempt>> {
        let mut draws = Draws::new(6, "people", None);
        (0..3_000)
            .map(|page| respond(&mut Dice::new(&mut draws, page), model, &SCENE, guilty))
            .collect()
    }

    #[test]
    fn every_response_ends_and_only_the_last_attempt_helps() {
        let guilty = [false, true, false, false];
        let all = responses(&Responders::default(), &guilty);
        let (mut first_wrong, mut lost) = (0, 0);
        for attempts in &all {
            assert!(attempts.is_sorted_by_key(|attempt| attempt.after));
            let (last, before) = attempts.split_last().expect("something comes of it");
            assert!(before.iter().all(|a| a.suspect.is_some_and(|s| !guilty[s])));
            let mut tried: Vec<_> = attempts.iter().filter_map(|a| a.suspect).collect();
            tried.sort_unstable();
            assert!(
                tried.is_sorted_by(|a, b| a < b),
                "nobody errs twice the same way"
            );
            first_wrong += usize::from(attempts[0].suspect == Some(0));
            lost += usize::from(last.suspect.is_none());
        }
        // The first suspect is innocent, and convinces one person in four, or the next if the
        // first gave up; four standard deviations are 95.
        assert!((655..=880).contains(&first_wrong), "{first_wrong}");
        assert!(lost < 60, "{lost} never find it");
    }

    #[test]
    fn nobody_is_found_guilty_where_nobody_is() {
        for attempts in responses(&Responders::default(), &[]) {
            assert_eq!(attempts.len(), 1);
            assert_eq!(attempts[0].suspect, None);
            let escalations = attempts[0].after;
            assert!(escalations > Micros::from_mins(10), "three people looked");
        }
        let innocents = responses(&Responders::default(), &[false, false]);
        assert!(
            innocents
                .iter()
                .all(|a| a.last().is_some_and(|a| a.suspect.is_none()))
        );
    }
}
