//! One plot as an SVG group: grid, labels, bands of one standard deviation, lines.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use super::super::axis::{Axis, AxisScale};
use super::super::drawing::round;
use super::super::end_labels::EndLabels;
use super::super::frame::{Frame, with_scale};
use super::range::{LARGEST, vertical_axis};
use super::{Curve, Plot, Point};
use lookahead_runs::statistics::Spread;

const WIDTH: f64 = 420.0;
/// With names at the ends of the curves.
const CROWDED_WIDTH: f64 = 480.0;
pub(crate) const HEIGHT: f64 = 290.0;

/// A plot with its axes.
pub(super) struct Axes<'a> {
    pub(super) plot: &'a Plot,
    frame: Frame,
    names: EndLabels,
    pub(super) width: f64,
}

/// The plot as an SVG image for the page, with the values that the page's script shows under the pointer.
pub(crate) fn panel(plot: &Plot) -> Markup {
    let panel = Axes::new(plot);
    html! {
        svg viewBox={ "0 0 " (panel.width) " " (HEIGHT) } role="img" aria-label=(plot.in_words())
            data-places=(panel.places()) data-width=(panel.width) {
            (panel.draw())
            path class="pointer" d={ "M0 " (panel.frame.top) "V" (panel.frame.bottom) } {}
        }
    }
}

impl<'a> Axes<'a> {
    pub(super) fn new(plot: &'a Plot) -> Self {
        let places = plot.places();
        let (first, last) = (places.first().copied().unwrap_or(0), places.last().copied().unwrap_or(1));
        let names = EndLabels::of(plot.curves.iter().map(|curve| curve.label.as_str()));
        let width = if names.is_empty() { WIDTH } else { CROWDED_WIDTH };
        let frame = Frame {
            x: Axis::whole(first, last, 6),
            y: vertical_axis(plot),
            left: 52.0,
            right: width - names.width().max(14.0),
            top: 36.0,
            bottom: HEIGHT - 44.0,
        };
        Self { plot, frame, names, width }
    }

    /// What the axes leave out, if anything.
    pub(super) fn cut_off(&self) -> Option<String> {
        let is_accuracy = self.plot.measure.is_accuracy();
        let (name, low) = (self.plot.measure.name(), self.frame.y.label(self.frame.y.low));
        let lowest = |of: fn(Spread) -> f64| self.plot.spreads().map(of).fold(f64::INFINITY, f64::min);
        if is_accuracy && 100.0 * lowest(|spread| spread.mean) < self.frame.y.low {
            return Some(format!("{name}: values below {low} % in the first part of training lie under the plot."));
        }
        let is_cut = self.frame.y.scale == AxisScale::Log
            && lowest(|spread| spread.mean - spread.std.unwrap_or(0.0)) < self.frame.y.low;
        is_cut.then(|| format!("{name}: bands that reach below {low} end there; the scale is logarithmic."))
    }

    /// The plot in its own coordinates, from (0, 0) to (`width`, `HEIGHT`).
    pub(super) fn draw(&self) -> Markup {
        let clip = format!("clip-{}", self.plot.id);
        let ends: Vec<_> = self.plot.curves.iter().map(|curve| self.end(curve)).collect();
        let names = self.names.draw(&ends, self.frame.right, self.frame.heights());
        html! {
            (self.frame.clip(&clip))
            text.plot-title x="4" y="18" { (with_scale(&self.plot.measure.with_unit(), self.frame.y.scale)) }
            (self.frame.draw(self.plot.progress.name()))
            g class=[(!self.names.is_empty()).then_some("crowded")] {
                @for (index, curve) in self.plot.curves.iter().enumerate() {
                    g class={ "curve " (curve.style.class()) } data-curve=(index) data-values=(self.values(curve)) {
                        g clip-path={ "url(#" (clip) ")" } { (self.band_and_line(curve)) }
                        @if let Some(name) = names.get(index) { (name) }
                    }
                }
            }
        }
    }

    /// The last point of a curve.
    fn end(&self, curve: &Curve) -> Option<[f64; 2]> {
        let (at, spread) = curve.points.iter().rev().find_map(|point| Some((point.at, point.spread?)))?;
        Some(self.at(at, spread.mean))
    }

    fn at(&self, at: u64, value: f64) -> [f64; 2] {
        [self.frame.pixel_x(at as f64), self.frame.pixel_y(self.scaled(value))].map(round)
    }

    fn band_and_line(&self, curve: &Curve) -> Markup {
        let pieces: Vec<Vec<(u64, Spread)>> = curve
            .points
            .split(|point| point.spread.is_none())
            .map(|piece| piece.iter().filter_map(|point| Some((point.at, point.spread?))).collect())
            .collect();
        html! {
            @for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                @if piece.iter().any(|(_, spread)| spread.std.is_some()) {
                    path.band d=(self.band(piece)) fill="currentColor" stroke="none" {}
                }
                @if let [(at, spread)] = piece.as_slice() {
                    @let [x, y] = self.at(*at, spread.mean);
                    circle cx=(x) cy=(y) r="3.5" fill="currentColor" {}
                } @else {
                    path.line d=(self.line(piece)) fill="none" stroke="currentColor"
                        stroke-dasharray=[curve.style.dash()] {}
                }
            }
        }
    }

    fn line(&self, piece: &[(u64, Spread)]) -> String {
        self.path(piece.iter().map(|(at, spread)| (*at, spread.mean)))
    }

    /// The outline of mean + std forward and mean - std back.
    fn band(&self, piece: &[(u64, Spread)]) -> String {
        let upper = piece.iter().map(|(at, spread)| (*at, spread.mean + spread.std.unwrap_or(0.0)));
        let lower = piece.iter().rev().map(|(at, spread)| (*at, spread.mean - spread.std.unwrap_or(0.0)));
        self.path(upper.chain(lower)) + "Z"
    }

    fn path(&self, points: impl Iterator<Item = (u64, f64)>) -> String {
        let mut path = String::new();
        for (at, value) in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let [x, y] = self.at(at, value);
            let _ = write!(path, "{command}{x} {y}");
        }
        path
    }

    /// `[[x, "epoch 1"], ...]`: the places the pointer snaps to.
    fn places(&self) -> String {
        let name = self.plot.progress.name();
        let place = |at: u64| json!([round(self.frame.pixel_x(at as f64)), format!("{name} {at}")]);
        json!(self.plot.places().into_iter().map(place).collect::<Vec<_>>()).to_string()
    }

    /// The curve's values as text, one for each place, `null` where it has none.
    fn values(&self, curve: &Curve) -> String {
        let most = curve.points.iter().filter_map(|point| point.spread).map(|spread| spread.n).max();
        let text = |point: &Point| {
            let Some(spread) = point.spread else { return "not finite".to_owned() };
            let value = self.plot.measure.quantity().spread(Some(spread));
            if Some(spread.n) == most { value } else { format!("{value} (n = {})", spread.n) }
        };
        let at = |place: u64| {
            let found = curve.points.binary_search_by_key(&place, |point| point.at).ok()?;
            Some(text(&curve.points[found]))
        };
        json!(self.plot.places().into_iter().map(at).collect::<Vec<_>>()).to_string()
    }

    /// The value in the units of the vertical axis.
    fn scaled(&self, value: f64) -> f64 {
        if self.plot.measure.is_accuracy() { 100.0 * value } else { value.clamp(-LARGEST, LARGEST) }
    }
}
