//! A small chart of evidence over time.

use firedrill_core::Micros;

use crate::units::duration;

/// Columns of a chart, at the most.
const WIDTH: usize = 60;
/// Lines from zero up to the threshold, so that both lie on a line exactly.
const LINES: f64 = 4.0;
/// The chart ends at so many thresholds above zero, and at one below it.
const TOP: f64 = 2.0;

/// Draws values over time with a line at `threshold`, which is above 0; every column shows the
/// highest of its values. A mark on the line or above has reached it; an arrow lies outside.
pub(crate) fn draw(points: &[(Micros, f64)], threshold: f64) -> String {
    let Some((end, _)) = points.last() else {
        return String::new();
    };
    let width = points.len().min(WIDTH);
    let columns = columns(points, *end, width);
    let line_of = |value: f64| line_of(value, threshold);
    let seen = || columns.iter().flatten().copied();
    let highest = seen().fold(0.0, f64::max);
    let lowest = seen().fold(0.0, f64::min);
    let top = line_of(highest).clamp(LINES, LINES * TOP) as i32;
    let bottom = line_of(lowest).max(-LINES) as i32;
    let mut text = String::new();
    for line in (bottom..=top).rev() {
        let level = threshold * f64::from(line) / LINES;
        let is_threshold = line == LINES as i32;
        let marks = columns.iter().map(|value| {
            let Some(value) = value else {
                return if is_threshold { '─' } else { ' ' };
            };
            let reached = line_of(*value);
            if reached > f64::from(top) && line == top {
                '▲'
            } else if reached < f64::from(bottom) && line == bottom {
                '▼'
            } else if reached == f64::from(line) {
                '●'
            } else if is_threshold {
                '─'
            } else {
                ' '
            }
        });
        let marks: String = marks.collect();
        text.push_str(format!("{level:8.2} │{marks}").trim_end());
        text.push('\n');
    }
    text.push_str(&axis(*end, width));
    text
}

/// The nearest line, 0 for the level 0; but the threshold's only for what has reached it.
fn line_of(value: f64, threshold: f64) -> f64 {
    let line = (value / threshold * LINES).round();
    if value < threshold {
        line.min(LINES - 1.0)
    } else {
        line
    }
}

/// The highest value of each column, of those that have any.
fn columns(points: &[(Micros, f64)], end: Micros, width: usize) -> Vec<Option<f64>> {
    let mut columns = vec![None; width];
    for (at, value) in points {
        // A point is the end of an interval: it belongs to the column before.
        let share = u128::from(at.0) * width as u128;
        let column = share.div_ceil(u128::from(end.0.max(1))).max(1) as usize - 1;
        let highest = &mut columns[column.min(width - 1)];
        *highest = Some(highest.unwrap_or(f64::NEG_INFINITY).max(*value));
    }
    columns
}

fn axis(end: Micros, width: usize) -> String {
    let end = duration(end);
    let gap = width
        .saturating_sub("0s".len())
        .max(end.chars().count() + 1);
    format!("{0:8} └{1}\n{0:8}  0s{end:>gap$}\n", "", "─".repeat(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[f64], threshold: f64) -> Vec<String> {
        let ends = (1..).map(|n| Micros::from_secs(10 * n));
        let points: Vec<(Micros, f64)> = ends.zip(values.iter().copied()).collect();
        draw(&points, threshold)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn evidence_climbs_to_the_line() {
        let lines = drawn(&[0.0, 2.0, 4.0, 6.9, 7.0], 6.91);
        let expected = [
            "    6.91 │────●",
            "    5.18 │   ●",
            "    3.46 │  ●",
            "    1.73 │ ●",
            "    0.00 │●",
            "         └─────",
            "          0s 50s",
        ];
        assert_eq!(lines, expected);
        assert!(drawn(&[], 1.0).is_empty());
    }

    /// What lies beyond the chart does not flatten what lies within, and is not left out.
    #[test]
    fn values_without_bounds_are_arrows() {
        let lines = drawn(
            &[-3.0, 3.0, 8.5, 3e4, f64::INFINITY, f64::NEG_INFINITY],
            8.0,
        );
        assert_eq!(lines[0], "   16.00 │   ▲▲");
        assert_eq!(lines[4], "    8.00 │──●───");
        assert_eq!(lines[12], "   -8.00 │     ▼");
        assert_eq!(lines[10], "   -4.00 │●");
        assert_eq!(lines.len(), 15);
    }

    #[test]
    fn columns_are_moments() {
        let secs = Micros::from_secs;
        let draw = |points: &[(Micros, f64)]| draw(points, 4.0);
        let text = draw(&[
            (secs(10), 0.0),
            (secs(20), 1.0),
            (secs(80), 4.0),
            (secs(90), 0.0),
        ]);
        assert!(text.contains("    4.00 │───●"), "{text}");
        assert!(text.contains("    1.00 │●\n"), "{text}");
        let many: Vec<(Micros, f64)> = (1..=600).map(|n| (secs(n), 1.0)).collect();
        let text = draw(&many);
        assert!(text.contains(&"●".repeat(WIDTH)), "{text}");
        assert!(text.ends_with("10m 00s\n"), "{text}");
    }
}
