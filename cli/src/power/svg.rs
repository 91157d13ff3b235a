//! Delay over effect, beside what is possible, on logarithmic axes.

use std::fmt::Write as _;

use super::measure::{Cell, Figures};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const MARGIN: f64 = 60.0;
/// The traffic that is drawn, in requests a second.
const TRAFFIC: f64 = 1_000.0;

pub(crate) fn text(figures: &Figures) -> String {
    let drawn: Vec<&Cell> = figures
        .cells
        .iter()
        .filter(|cell| cell.control && cell.traffic == TRAFFIC && cell.delay.mean_s.is_finite())
        .collect();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>Mean delay by effect, equal control, \
         {TRAFFIC} requests a second</title>\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n"
    );
    let span = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low.ln(), high.ln().max(low.ln() + 1e-9))
    };
    let effects: Vec<f64> = drawn.iter().map(|cell| cell.effect).collect();
    let delays: Vec<f64> = drawn
        .iter()
        .flat_map(|cell| [cell.bound_s, cell.delay.mean_s])
        .collect();
    let (xs, ys) = (span(&effects), span(&delays));
    let x = |effect: f64| MARGIN + (effect.ln() - xs.0) / (xs.1 - xs.0) * (WIDTH - 2.0 * MARGIN);
    let y = |delay: f64| {
        HEIGHT - MARGIN - (delay.ln() - ys.0) / (ys.1 - ys.0) * (HEIGHT - 2.0 * MARGIN)
    };
    for (name, color, of) in [
        (
            "possible",
            "#888888",
            (|cell: &Cell| cell.bound_s) as fn(&Cell) -> f64,
        ),
        ("measured", "#0060a0", |cell: &Cell| cell.delay.mean_s),
    ] {
        let points: Vec<String> = drawn
            .iter()
            .map(|cell| format!("{:.1},{:.1}", x(cell.effect), y(of(cell))))
            .collect();
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" ")
        );
        if let Some(last) = drawn.first() {
            let (left, top) = (x(last.effect) + 6.0, y(of(last)));
            let shift = if name == "possible" { 14.0 } else { -4.0 };
            let _ = writeln!(
                text,
                "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{color}\">{name}</text>",
                top + shift
            );
        }
    }
    for cell in &drawn {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">×{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x(cell.effect),
            HEIGHT - MARGIN / 2.0,
            cell.effect,
            6.0,
            y(cell.delay.mean_s) + 4.0,
            super::human::seconds(cell.delay.mean_s),
        );
    }
    text.push_str("</svg>\n");
    text
}
