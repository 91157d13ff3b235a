//! What is noticed within the bake, and how long it takes beside what is possible, by effect.

use super::curve::Curve;
use super::measure::{Cell, Figures};
use super::plot::{Axis, HEIGHT, Line, Scale, WIDTH, panel};

/// The traffic whose delays are drawn beside what is possible, in requests a second.
const TRAFFIC: f64 = 1_000.0;

pub(crate) fn text(figures: &Figures) -> String {
    let mut panels = Vec::new();
    if let Some(curve) = &figures.curve {
        panels.push(noticed(curve));
    }
    panels.extend(delays(&figures.cells));
    let height = HEIGHT * panels.len().max(1) as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>What is noticed, and when, by \
         effect</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (title, x, y, lines)) in panels.iter().enumerate() {
        text.push_str(&panel(HEIGHT * index as f64, title, x, y, lines));
    }
    text.push_str("</svg>\n");
    text
}

type Panel = (String, Axis, Axis, Vec<Line>);

fn effects(values: impl Iterator<Item = f64>) -> Axis {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let ends = (values.first(), values.last());
    Axis {
        title: "effect: errors as a multiple of the usual ratio",
        scale: Scale::Logarithmic,
        span: (
            ends.0.copied().unwrap_or(1.0),
            ends.1.copied().unwrap_or(1.0),
        ),
        ticks: values.iter().map(|x| (*x, format!("×{x}"))).collect(),
    }
}

/// The share that is noticed within the bake, a line for each traffic.
fn noticed(curve: &Curve) -> Panel {
    let percents = (0..=5).map(|n| f64::from(20 * n));
    let y = Axis {
        title: "noticed within the bake, in percent",
        scale: Scale::Linear,
        span: (0.0, 100.0),
        ticks: percents.map(|y| (y, format!("{y}"))).collect(),
    };
    let lines = curve.bad.chunk_by(|a, b| a.traffic == b.traffic);
    let lines = lines.map(|rows| {
        let mut points: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| (row.effect, 100.0 * row.delay.power()))
            .collect();
        points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        Line {
            name: format!("{} requests/s", rows[0].traffic),
            points,
            dashed: false,
        }
    });
    let title = format!(
        "{}: bad canaries noticed within {} s",
        curve.judge, curve.bake_s
    );
    let x = effects(curve.bad.iter().map(|row| row.effect));
    (title, x, y, lines.collect())
}

/// Mean delays beside an equal control, where everything was noticed.
fn delays(cells: &[Cell]) -> Option<Panel> {
    let is_drawn =
        |cell: &&Cell| cell.control && cell.traffic == TRAFFIC && cell.delay.is_complete();
    let drawn: Vec<&Cell> = cells.iter().filter(is_drawn).collect();
    if drawn.is_empty() {
        return None;
    }
    let line = |name: &str, dashed, of: fn(&Cell) -> f64| Line {
        name: name.into(),
        dashed,
        points: drawn.iter().map(|cell| (cell.effect, of(cell))).collect(),
    };
    let lines = vec![
        line("measured", false, |cell| cell.delay.mean_s),
        line("possible at best", true, |cell| cell.bound_s),
    ];
    let all = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|point| point.1)
    };
    let low = all().fold(f64::INFINITY, f64::min).log10().floor() as i32;
    let high = all().fold(f64::NEG_INFINITY, f64::max).log10().ceil() as i32;
    let decades = (low..=high).map(|n| 10_f64.powi(n));
    let y = Axis {
        title: "mean delay, in seconds",
        scale: Scale::Logarithmic,
        span: (10_f64.powi(low), 10_f64.powi(high)),
        ticks: decades.map(|y| (y, format!("{y}"))).collect(),
    };
    let title = format!("sequential, equal control, {TRAFFIC} requests a second: delay");
    let x = effects(drawn.iter().map(|cell| cell.effect));
    Some((title, x, y, lines))
}
