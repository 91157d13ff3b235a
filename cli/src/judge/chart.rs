//! A small chart of evidence over time.

/// Columns of a chart.
const WIDTH: usize = 60;
/// Lines of a chart.
const HEIGHT: usize = 8;

/// Draws values over time with a line at `threshold`; every column shows the highest of its values.
pub(crate) fn draw(values: &[f64], threshold: f64) -> String {
    if values.is_empty() {
        return String::new();
    }
    let width = values.len().min(WIDTH);
    let columns: Vec<f64> = (0..width)
        .map(|column| {
            let from = column * values.len() / width;
            let to = ((column + 1) * values.len() / width).max(from + 1);
            let finite = values[from..to]
                .iter()
                .copied()
                .filter(|value| value.is_finite());
            finite.fold(f64::NEG_INFINITY, f64::max)
        })
        .collect();
    let high = columns.iter().copied().fold(threshold, f64::max);
    let low = columns.iter().copied().fold(0.0, f64::min).max(-high);
    let step = (high - low).max(1e-9) / (HEIGHT - 1) as f64;
    let line_of = |value: f64| ((high - value.max(low)) / step + 0.5) as usize;
    let mut text = String::new();
    for line in 0..HEIGHT {
        let level = high - step * line as f64;
        let marks = columns.iter().map(|value| {
            if line_of(*value) == line {
                '●'
            } else if line_of(threshold) == line {
                '─'
            } else {
                ' '
            }
        });
        let marks: String = marks.collect();
        text.push_str(format!("{level:8.1} │{marks}").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_climbs_to_the_line() {
        let drawn = draw(&[0.0, 2.0, 4.0, 7.0], 7.0);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), HEIGHT);
        assert_eq!(lines[0], "     7.0 │───●");
        assert_eq!(lines[7], "     0.0 │●");
        assert_eq!(draw(&[], 1.0), "");
        assert_eq!(draw(&[f64::NEG_INFINITY; 100], 1.0).lines().count(), HEIGHT);
    }
}
