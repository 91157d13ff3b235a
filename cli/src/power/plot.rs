//! One panel of a chart: a logarithmic axis across, another or a linear one upwards, lines with a
//! legend. No two labels overlap.

use std::fmt::Write as _;

/// The width of a panel, with what stands around it.
pub(crate) const WIDTH: f64 = 760.0;
/// The height of a panel, with what stands around it.
pub(crate) const HEIGHT: f64 = 340.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 56.0;
/// The least distance of two labels beside each other, in a font of 12.
const LABEL_WIDTH: f64 = 46.0;
/// The least distance of two labels above each other.
const LABEL_HEIGHT: f64 = 16.0;
const COLORS: [&str; 6] = [
    "#0060a0", "#c03000", "#2a7f3f", "#8040a0", "#907000", "#404040",
];

/// How an axis goes from one end to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    /// In equal steps.
    Linear,
    /// In equal factors; its values are above 0.
    Logarithmic,
}

/// An axis: what it tells and in which unit, and its ticks.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
    /// Its ends.
    pub(crate) span: (f64, f64),
}

impl Axis {
    /// The place of a value, from 0 to 1.
    fn at(&self, value: f64) -> f64 {
        let map = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.ln(),
        };
        let (low, high) = (map(self.span.0), map(self.span.1));
        if high > low {
            (map(value) - low) / (high - low)
        } else {
            0.5
        }
    }

    /// Ticks whose labels have room, from the first on.
    fn roomy(&self, length: f64, room: f64) -> impl Iterator<Item = (f64, &str)> {
        let mut free_from = f64::NEG_INFINITY;
        self.ticks.iter().filter_map(move |(value, label)| {
            let at = self.at(*value) * length;
            if !(-0.5..=length + 0.5).contains(&at) || at < free_from {
                return None;
            }
            free_from = at + room;
            Some((at, label.as_str()))
        })
    }
}

/// A line and its name in the legend.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) dashed: bool,
}

/// Draws a panel whose upper edge is at `top`.
pub(crate) fn panel(top: f64, title: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let (left, bottom) = (LEFT, top + HEIGHT - BOTTOM);
    let mut text = format!(
        "<text x=\"{left}\" y=\"{:.1}\" font-size=\"14\">{title}</text>\n",
        top + TOP - 14.0
    );
    for (at, label) in x.roomy(width, LABEL_WIDTH) {
        let (at, low) = (left + at, bottom + 16.0);
        let _ = writeln!(
            text,
            "<path d=\"M{at:.1} {bottom:.1}v4\" stroke=\"#404040\"/><text x=\"{at:.1}\" \
             y=\"{low:.1}\" text-anchor=\"middle\">{label}</text>"
        );
    }
    for (at, label) in y.roomy(height, LABEL_HEIGHT) {
        let at = bottom - at;
        let _ = writeln!(
            text,
            "<path d=\"M{left} {at:.1}h{width}\" stroke=\"#dddddd\"/><text x=\"{:.1}\" \
             y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        text,
        "<path d=\"M{left} {:.1}V{bottom:.1}h{width}\" stroke=\"#404040\" fill=\"none\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        bottom - height,
        left + width / 2.0,
        bottom + 38.0,
        x.title,
        bottom - height / 2.0,
        y.title
    );
    for (index, line) in lines.iter().enumerate() {
        let place = |(a, b): &(f64, f64)| (left + x.at(*a) * width, bottom - y.at(*b) * height);
        let legend = (WIDTH - RIGHT + 12.0, top + TOP + 18.0 * index as f64 + 6.0);
        text.push_str(&draw(line, COLORS[index % COLORS.len()], place, legend));
    }
    text
}

fn draw(
    line: &Line,
    color: &str,
    place: impl Fn(&(f64, f64)) -> (f64, f64),
    (x, y): (f64, f64),
) -> String {
    let places: Vec<(f64, f64)> = line.points.iter().map(place).collect();
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let dash = if line.dashed {
        " stroke-dasharray=\"5 4\""
    } else {
        ""
    };
    let mut text = format!(
        "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"{dash} points=\"{}\"/>\n",
        points.join(" ")
    );
    for (x, y) in places {
        let _ = writeln!(
            text,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"
        );
    }
    let _ = writeln!(
        text,
        "<path d=\"M{x} {y}h18\" stroke=\"{color}\" stroke-width=\"2\"{dash}/><text \
         x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        x + 24.0,
        y + 4.0,
        line.name
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_room() {
        let ticks = [1.1, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0, 1_000.0];
        let axis = Axis {
            title: "effect",
            scale: Scale::Logarithmic,
            ticks: ticks.map(|tick| (tick, format!("×{tick}"))).into(),
            span: (1.1, 1_000.0),
        };
        let drawn: Vec<(f64, &str)> = axis.roomy(540.0, LABEL_WIDTH).collect();
        assert!(drawn.len() >= 5, "{drawn:?}");
        for pair in drawn.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= LABEL_WIDTH, "{pair:?}");
        }
        let one = Axis {
            span: (2.0, 2.0),
            ..axis
        };
        assert_eq!(one.at(2.0), 0.5);
    }
}
