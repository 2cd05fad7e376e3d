//! Plots of one quantity against another, in the form of the paper's Fig. 3, 4 and 11.

mod colour;
mod labels;
mod panel;
mod standalone;

pub use colour::Tone;
pub(super) use colour::{mix, palette_css};
pub(super) use panel::panel;
pub(super) use standalone::standalone;

use serde::Deserialize;

use super::axis::Axis;
pub use super::axis::AxisScale;
use super::frame::with_scale;

/// Curves over a common horizontal axis.
#[derive(Debug, Clone)]
pub struct XyPlot {
    /// A heading over the plot, such as `(a) alpha = 0.4`; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: XyAxis,
    /// The vertical axis.
    pub y: XyAxis,
    /// The curves, in the order of the legend. Curves of the same label are one entry, also over several plots.
    pub curves: Vec<XyCurve>,
    /// Vertical lines.
    pub marks: Vec<Mark>,
    /// The horizontal line that decides, such as a ratio of 1; the vertical axis includes it.
    pub level: Option<Level>,
}

/// What an axis measures, and on which scale.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XyAxis {
    /// The quantity, in words.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: AxisScale,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct XyCurve {
    /// Its name in the legend.
    pub label: String,
    /// Its colour.
    pub tone: Tone,
    /// Whether it is dashed.
    pub stroke: Stroke,
    /// Its points, from left to right. What an axis has no place for is left out; the page says so.
    pub points: Vec<[f64; 2]>,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// Without gaps.
    Solid,
    /// With gaps.
    Dashed,
}

/// A vertical line between two parts of the plot.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where it stands.
    pub at: f64,
    /// What the part left of it is called.
    pub left: &'static str,
    /// What the part right of it is called.
    pub right: &'static str,
}

/// A horizontal line between two parts of the plot.
#[derive(Debug, Clone)]
pub struct Level {
    /// Where it lies.
    pub at: f64,
    /// What the part above it is called.
    pub above: &'static str,
    /// What the part below it is called.
    pub below: &'static str,
}

impl Stroke {
    pub(super) fn dash(self) -> Option<&'static str> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some("7 4"),
        }
    }
}

impl XyPlot {
    /// What the axes have no place for, one sentence for each curve it concerns.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |curve: &XyCurve| {
            let left_out = curve.points.len() - self.drawable(curve).count();
            (left_out > 0).then(|| {
                format!(
                    "{}: {left_out} of {} points have no place on the axes (they are in the data).",
                    curve.label,
                    curve.points.len()
                )
            })
        };
        self.curves.iter().filter_map(note).collect()
    }

    /// The points of a curve that the axes have a place for.
    fn drawable<'a>(&'a self, curve: &'a XyCurve) -> impl Iterator<Item = [f64; 2]> + 'a {
        curve.points.iter().copied().filter(|&[x, y]| self.x.has_place_for(x) && self.y.has_place_for(y))
    }

    /// The axes, around all points that they have a place for.
    fn axes(&self) -> [Axis; 2] {
        [(&self.x, 0), (&self.y, 1)].map(|(axis, side)| {
            let level = self.level.iter().map(|level| level.at).filter(|&at| side == 1 && axis.has_place_for(at));
            let points = self.curves.iter().flat_map(|curve| self.drawable(curve)).map(|point| point[side]);
            let values: Vec<f64> = points.chain(level).collect();
            let values = || values.iter().copied();
            let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            let (low, high) = if low <= high { (low, high) } else { (1.0, 1.0) };
            // Curves do not touch the frame from above or below.
            let room = if side == 1 { (high / low).powf(ROOM) } else { 1.0 };
            match axis.scale {
                AxisScale::Linear => Axis::linear(low, high, 7),
                AxisScale::Log if low < high => Axis::log(low / room, high * room),
                AxisScale::Log => Axis::log(low / 2.0, high * 2.0),
            }
        })
    }
}

impl XyAxis {
    fn has_place_for(&self, value: f64) -> bool {
        match self.scale {
            AxisScale::Linear => value.abs() <= LARGEST,
            AxisScale::Log => (1.0 / LARGEST..=LARGEST).contains(&value),
        }
    }

    fn title(&self) -> String {
        with_scale(&self.label, self.scale)
    }
}

/// The part of a vertical log axis that stays empty at each end.
const ROOM: f64 = 0.04;

/// Beyond it, and on a log scale below its inverse, the arithmetic of the axes would not stay finite.
const LARGEST: f64 = 1e200;

/// An entry of the legend that several plots share.
pub(super) struct Entry<'a> {
    pub(super) label: &'a str,
    pub(super) tone: Tone,
    pub(super) stroke: Stroke,
}

/// The legend of several plots: every label once, in the order of the plot with the most of them.
pub(super) fn legend(plots: &[XyPlot]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut fullest: Vec<&XyPlot> = plots.iter().collect();
    fullest.sort_by_key(|plot| std::cmp::Reverse(plot.curves.len()));
    for curve in fullest.into_iter().flat_map(|plot| &plot.curves) {
        if entries.iter().all(|entry| entry.label != curve.label) {
            entries.push(Entry { label: &curve.label, tone: curve.tone, stroke: curve.stroke });
        }
    }
    entries
}

/// The place of a label in the legend.
fn index_of(legend: &[Entry<'_>], label: &str) -> usize {
    legend.iter().position(|entry| entry.label == label).unwrap_or(0)
}
