//! Whether two tables are about the same intervals.
//!
//! Only an interval that both have is judged, so one that a single table has is data that nobody
//! looks at. A few are told; many, or intervals of two lengths, are refused.

use std::fmt::Write as _;

use firedrill_core::Micros;
use firedrill_sim::expect::length;

use crate::problem::Problem;

use super::table::Table;

/// One in so many intervals may lack a partner within the time that both tables cover.
const ALONE_ONE_IN: usize = 20;
/// So few are never too many, as long as there are pairs.
const ALONE_FEW: usize = 2;
/// Gaps from which on the usual one is known: of fewer, half may be where rows are missing.
const GAPS_MIN: usize = 4;
/// Steps that differ by less are one step with some jitter, in percent.
const STEP_JITTER_PERCENT: u64 = 10;

/// A table and the ends of its intervals, ascending.
pub(super) struct Side<'a> {
    pub(super) table: &'a Table,
    pub(super) ends: Vec<Micros>,
}

/// What of two tables cannot be put together, told to the user.
pub(super) struct Partners {
    /// Intervals of the canary that the control lacks.
    pub(super) canary_only: u64,
    /// Intervals of the control that the canary lacks.
    pub(super) control_only: u64,
    /// What is left out, and why; a line each.
    pub(super) warnings: Vec<String>,
}

/// Finds the intervals without a partner.
///
/// # Errors
/// When the tables are not about the same intervals.
pub(super) fn partners(canary: &Side<'_>, control: &Side<'_>) -> Result<Partners, Vec<Problem>> {
    if let Some(problem) = other_step(canary, control) {
        return Err(vec![problem]);
    }
    let mut warnings = Vec::new();
    if let Some(warning) = strangers(canary, control) {
        warnings.push(warning);
    } else {
        let many = [(canary, control), (control, canary)].map(|(side, other)| lonely(side, other));
        let problems: Vec<Problem> = many.into_iter().flatten().collect();
        if !problems.is_empty() {
            return Err(problems);
        }
    }
    let mut left_out = |side: &Side<'_>, other: &Side<'_>| {
        let alone: Vec<Micros> = side.without(other).collect();
        if let Some(first) = alone.first() {
            warnings.push(format!(
                "{} of {} intervals of `{}` are not judged: `{}` has none that ends when they do; \
                 the first ends at {}",
                alone.len(),
                side.ends.len(),
                side.name(),
                other.name(),
                side.written(*first),
            ));
        }
        alone.len() as u64
    };
    let (canary_only, control_only) = (left_out(canary, control), left_out(control, canary));
    Ok(Partners {
        canary_only,
        control_only,
        warnings,
    })
}

impl Side<'_> {
    fn name(&self) -> &str {
        &self.table.source.name
    }

    /// Its intervals that `other` lacks.
    fn without<'b>(&'b self, other: &'b Side<'_>) -> impl Iterator<Item = Micros> + 'b {
        let ends = self.ends.iter().copied();
        ends.filter(|end| other.ends.binary_search(end).is_err())
    }

    /// The first row of an interval, and the column of its time.
    fn row(&self, end: Micros) -> Option<(usize, usize)> {
        let time = self.table.column("timestamp").ok()?;
        let is_it = |row: &usize| self.table.time(*row, time).is_ok_and(|at| at == end);
        (0..self.table.rows()).find(is_it).map(|row| (row, time))
    }

    /// A time as the table has it.
    fn written(&self, end: Micros) -> &str {
        self.row(end)
            .map_or("-", |(row, time)| self.table.text(row, time))
    }

    fn problem(&self, end: Micros, message: String) -> Option<Problem> {
        let (row, time) = self.row(end)?;
        Some(self.table.problem(row, time, message))
    }

    /// The usual time from one interval to the next: the median.
    fn step(&self) -> Option<Micros> {
        let pairs = self.ends.iter().zip(self.ends.iter().skip(1));
        let mut gaps: Vec<Micros> = pairs.map(|(a, b)| *b - *a).collect();
        gaps.sort_unstable();
        (gaps.len() >= GAPS_MIN).then(|| gaps[(gaps.len() - 1) / 2])
    }
}

/// Rows of 5 s beside rows of 10 s: half of them would not be looked at.
fn other_step(canary: &Side<'_>, control: &Side<'_>) -> Option<Problem> {
    let (of_canary, of_control) = (canary.step()?, control.step()?);
    let (finer, fine, other, coarse) = if of_canary < of_control {
        (canary, of_canary, control, of_control)
    } else {
        (control, of_control, canary, of_canary)
    };
    if coarse.0 * 100 <= fine.0 * (100 + STEP_JITTER_PERCENT) {
        return None;
    }
    let message = format!(
        "intervals here are {} long, and {} in `{}`: they cannot be paired",
        length(fine),
        length(coarse),
        other.name()
    );
    let help = format!(
        "export both files with the same interval, such as {}",
        length(coarse)
    );
    Some(finer.problem(finer.ends[1], message)?.help(help))
}

/// Files without a moment in common, or without rows.
fn strangers(canary: &Side<'_>, control: &Side<'_>) -> Option<String> {
    for side in [canary, control] {
        if side.ends.is_empty() {
            return Some(format!("`{}` has no rows", side.name()));
        }
    }
    let (earlier, later) = if canary.ends[0] < control.ends[0] {
        (canary, control)
    } else {
        (control, canary)
    };
    let (end, start) = (*earlier.ends.last()?, later.ends[0]);
    (end < start).then(|| {
        format!(
            "`{}` ends at {}, before `{}` begins at {}: export both for the same time",
            earlier.name(),
            earlier.written(end),
            later.name(),
            later.written(start)
        )
    })
}

/// Many intervals without a partner, in the time that both tables cover.
fn lonely(side: &Side<'_>, other: &Side<'_>) -> Option<Problem> {
    let from = (*side.ends.first()?).max(*other.ends.first()?);
    let to = (*side.ends.last()?).min(*other.ends.last()?);
    let covered = |end: &Micros| (from..=to).contains(end);
    let all = side.ends.iter().filter(|end| covered(end)).count();
    let alone: Vec<Micros> = side.without(other).filter(covered).collect();
    let first = *alone.first()?;
    let few = alone.len() <= ALONE_FEW || alone.len() * ALONE_ONE_IN <= all;
    if few && alone.len() < all {
        return None;
    }
    let mut message = format!(
        "{} of {all} intervals have no partner in `{}`, and this is the first",
        alone.len(),
        other.name()
    );
    let at = other.ends.partition_point(|end| *end < first);
    let after = other.ends.get(at).map(|end| (*end - first, "later"));
    let before = at.checked_sub(1).map(|at| other.ends[at]);
    let before = before.map(|end| (first - end, "earlier"));
    if let Some((away, way)) = after.into_iter().chain(before).min() {
        let _ = write!(
            message,
            ": the nearest one there ends {} {way}",
            length(away)
        );
    }
    let help = "export both files for the same time, with intervals that end at the same moments";
    Some(side.problem(first, message)?.help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, ends: impl Iterator<Item = u64>) -> (Table, Vec<Micros>) {
        let ends: Vec<u64> = ends.collect();
        let mut text = String::from("timestamp\n");
        for end in &ends {
            writeln!(text, "{end}").unwrap();
        }
        let micros = ends.into_iter().map(Micros::from_secs).collect();
        (Table::parse(name, &text).unwrap(), micros)
    }

    fn found(
        canary: impl Iterator<Item = u64>,
        control: impl Iterator<Item = u64>,
    ) -> Result<Partners, String> {
        let (a, b) = (table("b.csv", canary), table("c.csv", control));
        let side = |(table, ends): &(Table, Vec<Micros>)| (table.clone(), ends.clone());
        let ((a, a_ends), (b, b_ends)) = (side(&a), side(&b));
        let canary = Side {
            table: &a,
            ends: a_ends,
        };
        let control = Side {
            table: &b,
            ends: b_ends,
        };
        partners(&canary, &control).map_err(|problems| problems[0].to_string())
    }

    fn tens(from: u64, to: u64) -> impl Iterator<Item = u64> {
        (from..=to).map(|n| 10 * n)
    }

    #[test]
    fn intervals_of_two_lengths_are_refused() {
        let said = found((1..=120).map(|n| 5 * n), tens(1, 60)).err().unwrap();
        let expected = "b.csv:3:1: intervals here are 5s long, and 10s in `c.csv`";
        assert!(said.starts_with(expected), "{said}");
        let said = found(tens(1, 60), (1..=120).map(|n| 5 * n)).err().unwrap();
        assert!(said.starts_with("c.csv:3:1: "), "{said}");
    }

    #[test]
    fn timestamps_that_never_meet_are_refused() {
        let said = found(tens(1, 60).map(|end| end + 3), tens(1, 60))
            .err()
            .unwrap();
        assert!(
            said.contains("59 of 59 intervals have no partner"),
            "{said}"
        );
        assert!(
            said.contains("the nearest one there ends 3s earlier"),
            "{said}"
        );
    }

    /// Three of sixty are one in twenty, four are more.
    #[test]
    fn a_few_are_told_and_many_are_refused() {
        let without = |gaps: u64| tens(1, 60).filter(move |end| *end % 70 != 0 || *end > gaps * 70);
        let few = found(tens(1, 60), without(3)).unwrap();
        assert_eq!((few.canary_only, few.control_only), (3, 0));
        assert_eq!(few.warnings.len(), 1);
        assert!(
            few.warnings[0].contains("the first ends at 70"),
            "{:?}",
            few.warnings
        );
        let many = found(tens(1, 60), without(4)).err().unwrap();
        assert!(many.contains("b.csv:8:1: 4 of 60 intervals"), "{many}");
    }

    #[test]
    fn a_longer_control_is_no_fault() {
        let found = found(tens(31, 60), tens(1, 60)).unwrap();
        assert_eq!((found.canary_only, found.control_only), (0, 30));
    }

    #[test]
    fn tables_of_other_days_say_so() {
        let apart = found(tens(1, 3), tens(9, 12)).unwrap();
        let expected = "`b.csv` ends at 30, before `c.csv` begins at 90";
        assert!(apart.warnings[0].contains(expected), "{:?}", apart.warnings);
        let empty = found(tens(1, 3), tens(1, 0)).unwrap();
        assert!(empty.warnings[0].contains("`c.csv` has no rows"));
    }
}
