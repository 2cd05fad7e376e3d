//! One trace as an SVG group: fast weights as points on a line, slow weights as diamonds, and the drop between them.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::axis::Axis;
use super::super::drawing::{Spot, round};
use super::super::{Measure, Quantity};
use super::super::{TraceKind, TraceRow};
use super::{Trace, Traces};

const LEFT: f64 = 52.0;
const TOP: f64 = 46.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 48.0;

/// How large a panel is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The radius of a point of the fast weights; a diamond is twice as large.
    radius: f64,
    ticks: u32,
}

/// The first trace, to be read in full.
pub(super) const LARGE: Size = Size { width: 760.0, height: 400.0, radius: 2.9, ticks: 6 };
/// The others, to be compared with it.
pub(super) const SMALL: Size = Size { width: 420.0, height: 260.0, radius: 2.0, ticks: 4 };

/// The colours on a light ground, for a picture that stands alone.
pub(super) const LIGHT_CSS: &str = ".fast{color:#0072b2}.slow{color:#8a3fc0}";
/// The colours for both themes of the page.
pub(super) const CSS: &str = ".fast{color:#0072b2}.slow{color:#8a3fc0}\
@media screen and (prefers-color-scheme:dark){.fast{color:#4aa8e8}.slow{color:#d3a4fa}}";

/// What a mark means, and the mark.
pub(super) fn samples() -> [(&'static str, Markup); 3] {
    let sample = |drawn: Markup| {
        html! { svg width="34" height="14" viewBox="0 0 34 14" aria-hidden="true" { (drawn) } }
    };
    [
        (
            "fast weights θ after an inner step",
            sample(html! {
                g.fast {
                    path d="M2 7H32" stroke="currentColor" stroke-width="1.4" {}
                    @for x in [6.0, 17.0, 28.0] { circle cx=(x) cy="7" r="2.9" fill="currentColor" {} }
                }
            }),
        ),
        ("slow weights φ after a sync", sample(html! { g.slow { (diamond([17.0, 7.0], 6.0)) } })),
        ("interpolation", sample(html! { g.slow { (interpolation([2.0, 7.0], [32.0, 7.0])) } })),
    ]
}

/// A trace with its axes.
pub(super) struct Panel<'a> {
    trace: &'a Trace,
    pub(super) size: Size,
    x: Axis,
    y: Axis,
}

impl Traces {
    /// The lowest and the highest accuracy of all of them.
    pub(super) fn range(&self) -> [f64; 2] {
        let accuracies = || self.0.iter().flat_map(|trace| &trace.rows).map(|row| row.accuracy());
        [accuracies().fold(1.0, f64::min), accuracies().fold(0.0, f64::max)]
    }
}

impl<'a> Panel<'a> {
    /// `range` is that of the accuracies of all traces: panels beside each other have the same vertical axis.
    pub(super) fn new(trace: &'a Trace, size: Size, range: [f64; 2]) -> Self {
        let [low, high] = range.map(|accuracy| 100.0 * accuracy);
        let y = Axis::linear(low, high, size.ticks);
        let y = if y.high > 100.0 { Axis::linear(y.low, 100.0, size.ticks) } else { y };
        let last = trace.rows.last().map_or(1, |row| row.update.max(1));
        Self { trace, size, x: Axis::whole(0, last.into(), 2 * size.ticks), y }
    }

    /// The panel in its own coordinates, from (0, 0) to its size.
    pub(super) fn draw(&self) -> Markup {
        let Size { width, height, radius, .. } = self.size;
        let (right, bottom) = (width - RIGHT, height - BOTTOM);
        let rows = &self.trace.rows;
        html! {
            text.plot-title x="4" y="16" { (self.trace.name) }
            text.tick x="4" y="34" { "Test accuracy, %" }
            @for &tick in &self.y.ticks {
                @let y = round(self.pixel_y(tick));
                path.grid d={ "M" (LEFT) " " (y) "H" (right) } {}
                text.tick x=(LEFT - 8.0) y=(y) dy="0.34em" text-anchor="end" { (self.y.label(tick)) }
            }
            @for &tick in &self.x.ticks {
                @let x = round(self.pixel_x(tick));
                path.mark d={ "M" (x) " " (bottom) "v5" } {}
                text.tick x=(x) y=(bottom + 19.0) text-anchor="middle" { (self.x.label(tick)) }
            }
            path.frame d={ "M" (LEFT) " " (bottom) "H" (right) } {}
            text.tick x=(round(0.5 * (LEFT + right))) y=(bottom + 38.0) text-anchor="middle" { "update" }
            g.fast {
                path d=(self.line()) fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" {}
                @for row in rows.iter().filter(|row| row.kind == TraceKind::Inner) {
                    @let [x, y] = self.at(row);
                    circle cx=(x) cy=(y) r=(radius) fill="currentColor" {}
                }
            }
            g.slow {
                @for pair in rows.windows(2).filter(|pair| pair[1].kind == TraceKind::Outer) {
                    (interpolation(self.at(&pair[0]), self.at(&pair[1])))
                }
                @for row in rows.iter().filter(|row| row.kind != TraceKind::Inner) {
                    (diamond(self.at(row), 2.0 * radius))
                }
            }
        }
    }

    /// What each point says under the pointer.
    pub(super) fn spots(&self) -> Vec<Spot> {
        let loss = |row: &TraceRow| match row.scores.get(Measure::ValidLoss) {
            Some(loss) => format!("loss {}", Quantity::Loss.value(loss)),
            None => "loss not finite".to_owned(),
        };
        let spot = |row: &TraceRow| {
            let weights = match row.kind {
                TraceKind::Start => "start",
                TraceKind::Inner => "fast weights",
                TraceKind::Outer => "slow weights, after the sync",
            };
            let value = format!("{} %, {}", Quantity::Accuracy.value(row.accuracy()), loss(row));
            Spot::mark(
                self.at(row),
                vec![format!("update {}, step {}", row.update, row.step), weights.to_owned(), value],
            )
        };
        self.trace.rows.iter().map(spot).collect()
    }

    /// The trace in words, for those who do not see it.
    pub(super) fn in_words(&self) -> String {
        let rows = &self.trace.rows;
        let value =
            |row: &TraceRow| format!("{} % after update {}", Quantity::Accuracy.value(row.accuracy()), row.update);
        let by_accuracy = |a: &&TraceRow, b: &&TraceRow| a.accuracy().total_cmp(&b.accuracy());
        let syncs = rows.iter().filter(|row| row.kind == TraceKind::Outer).count();
        let mut text = format!(
            "{}: test accuracy after each of {} updates, with {syncs} syncs among them.",
            self.trace.name,
            rows.last().map_or(0, |row| row.update)
        );
        let ends = [("It begins at", rows.first()), ("ends at", rows.last())];
        let extremes = [
            ("is lowest with", rows.iter().min_by(by_accuracy)),
            ("and highest with", rows.iter().max_by(by_accuracy)),
        ];
        for (index, (verb, row)) in ends.into_iter().chain(extremes).enumerate() {
            let Some(row) = row else { continue };
            let _ = write!(text, "{} {verb} {}", if index == 0 { "" } else { "," }, value(row));
        }
        text + "."
    }

    /// The way of the fast weights: each inner loop begins at the slow weights before it.
    fn line(&self) -> String {
        let mut path = String::new();
        for row in &self.trace.rows {
            let command = if row.kind == TraceKind::Inner { 'L' } else { 'M' };
            let [x, y] = self.at(row);
            let _ = write!(path, "{command}{x} {y}");
        }
        path
    }

    fn at(&self, row: &TraceRow) -> [f64; 2] {
        [round(self.pixel_x(row.update.into())), round(self.pixel_y(100.0 * row.accuracy()))]
    }

    fn pixel_x(&self, update: f64) -> f64 {
        LEFT + (self.size.width - RIGHT - LEFT) * self.x.position(update)
    }

    fn pixel_y(&self, percent: f64) -> f64 {
        let bottom = self.size.height - BOTTOM;
        bottom - (bottom - TOP) * self.y.position(percent)
    }
}

fn diamond([x, y]: [f64; 2], radius: f64) -> Markup {
    html! {
        path d={ "M" (x) " " (round(y - radius)) "l" (radius) " " (radius) "l-" (radius) " " (radius) "l-" (radius) " -" (radius) "Z" }
            fill="currentColor" {}
    }
}

/// From the last fast weights of a cycle to the slow weights.
fn interpolation([from_x, from_y]: [f64; 2], [to_x, to_y]: [f64; 2]) -> Markup {
    html! {
        path d={ "M" (from_x) " " (from_y) "L" (to_x) " " (to_y) } stroke="currentColor" stroke-width="1.8"
            stroke-dasharray="3 2.5" {}
    }
}
