//! The lifecycle: its table, its guards, and walks along it.

use proptest::prelude::*;

use firedrill_core::Micros;
use firedrill_core::ids::PersonId;
use firedrill_core::incident::{Facts, Guard, Lifecycle, MOVES, MoveError, Phase, Reason, dot};

const PHASES: [Phase; 13] = [
    Phase::Detected,
    Phase::Triaged,
    Phase::Declared,
    Phase::Investigating,
    Phase::Identified,
    Phase::Mitigating,
    Phase::Mitigated,
    Phase::Monitoring,
    Phase::Resolved,
    Phase::Review,
    Phase::Closed,
    Phase::Cancelled,
    Phase::Merged,
];

#[test]
fn the_graph() {
    insta::assert_snapshot!(dot());
}

#[test]
fn no_move_stands_twice_in_the_table() {
    for (index, (from, to, _)) in MOVES.iter().enumerate() {
        let again = MOVES[index + 1..]
            .iter()
            .any(|(other, next, _)| (other, next) == (from, to));
        assert!(!again, "{from} -> {to}");
    }
}

#[test]
fn the_long_way_from_the_first_alert_to_the_end() {
    let mut life = Lifecycle::new(Micros(5));
    let all = Facts {
        harm: false,
        firing: false,
        ..every_fact()
    };
    for (at, to) in (6..).zip(&PHASES[1..=10]) {
        let moved = life.go(Micros(at), *to, Reason::Policy, &all).unwrap();
        assert_eq!((moved.at, moved.to), (Micros(at), *to));
    }
    assert_eq!(life.phase(), Phase::Closed);
    assert_eq!(life.first(Phase::Detected), Some(Micros(5)));
    assert_eq!(life.first(Phase::Mitigated), Some(Micros(11)));
    let again = Facts {
        firing: true,
        ..all
    };
    assert!(life.is_declared());
    life.go(Micros(99), Phase::Detected, Reason::HarmReturned, &again)
        .unwrap();
    assert_eq!(life.reopened(), 1);
    assert!(!life.is_declared(), "not since it was reopened");
}

#[test]
fn what_was_declared_cannot_jump_to_its_end() {
    let declared = [
        Phase::Declared,
        Phase::Investigating,
        Phase::Identified,
        Phase::Mitigating,
        Phase::Mitigated,
    ];
    for from in declared {
        for to in [Phase::Resolved, Phase::Review, Phase::Closed] {
            assert_eq!(from.guard(to), None, "{from} -> {to}");
        }
    }
}

#[test]
fn what_harmed_somebody_was_no_false_alarm() {
    for from in PHASES {
        let guard = from.guard(Phase::Cancelled);
        assert!(matches!(guard, None | Some(Guard::NeverHarmed)), "{from}");
    }
}

#[test]
fn every_phase_leads_to_an_end() {
    for from in PHASES {
        let mut reached = vec![from];
        while let Some((_, to, _)) = MOVES
            .iter()
            .find(|(from, to, _)| reached.contains(from) && !reached.contains(to))
        {
            reached.push(*to);
        }
        let ends = [Phase::Closed, Phase::Merged];
        assert!(ends.iter().any(|end| reached.contains(end)), "{from}");
    }
}

#[test]
fn an_earlier_move_is_refused() {
    let mut life = Lifecycle::new(Micros(5));
    let before = life.clone();
    let error = life.go(Micros(4), Phase::Triaged, Reason::Policy, &every_fact());
    let expected = MoveError::Earlier {
        last: Micros(5),
        now: Micros(4),
    };
    assert_eq!(error, Err(expected));
    assert_eq!(life, before);
}

proptest! {
    #![proptest_config(crate::config())]

    /// A move is made exactly when the table has it and its guard holds; a refused one changes
    /// nothing; times never go back.
    #[test]
    fn only_legal_moves_are_made(
        steps in prop::collection::vec((0_usize..13, any_facts(), 0_u64..5), 0..60),
    ) {
        let mut life = Lifecycle::new(Micros::ZERO);
        let mut now = 0;
        for (to, facts, wait) in steps {
            now += wait;
            let (from, to, before) = (life.phase(), PHASES[to], life.clone());
            let expected = from.guard(to).is_some_and(|guard| guard.holds(&facts));
            let result = life.go(Micros(now), to, Reason::Decided(PersonId(0)), &facts);
            prop_assert_eq!(result.is_ok(), expected);
            if result.is_err() {
                prop_assert_eq!(&life, &before);
            }
            prop_assert!(life.moves().is_sorted_by_key(|moved| moved.at));
        }
    }
}

const fn every_fact() -> Facts {
    Facts {
        seen: true,
        severity_known: true,
        commander: true,
        cause_named: true,
        action_begun: true,
        harm: true,
        ever_harmed: true,
        firing: true,
        quiet_for_long: true,
        review_wanted: true,
        review_done: true,
        other_open: true,
    }
}

fn any_facts() -> impl Strategy<Value = Facts> {
    any::<[bool; 12]>().prop_map(|bits| Facts {
        seen: bits[0],
        severity_known: bits[1],
        commander: bits[2],
        cause_named: bits[3],
        action_begun: bits[4],
        harm: bits[5],
        ever_harmed: bits[6],
        firing: bits[7],
        quiet_for_long: bits[8],
        review_wanted: bits[9],
        review_done: bits[10],
        other_open: bits[11],
    })
}
