//! One plot as an SVG group: grid, labels, bands of one standard deviation, lines.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use super::{
    super::axis::{Axis, Scale},
    Curve, Plot, Point,
};
use crate::metrics::Spread;

pub(super) const WIDTH: f64 = 420.0;
pub(super) const HEIGHT: f64 = 290.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = HEIGHT - 44.0;

/// More curves than these have paler bands.
const CROWD: usize = 5;

/// Values beyond this are drawn as if they were this: no loss is so large, and the arithmetic of the axes stays finite.
const LARGEST: f64 = 1e100;

/// A plot with its axes.
pub(super) struct Axes<'a> {
    pub(super) plot: &'a Plot,
    x: Axis,
    y: Axis,
}

/// The plot as an SVG image for the page, with the values that the page's script shows under the pointer.
pub(in crate::report) fn panel(plot: &Plot) -> Markup {
    let panel = Axes::new(plot);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(plot.in_words())
            data-places=(panel.places()) data-width=(WIDTH) {
            (panel.draw())
            path class="pointer" d={ "M0 " (TOP) "V" (BOTTOM) } {}
        }
    }
}

impl<'a> Axes<'a> {
    pub(super) fn new(plot: &'a Plot) -> Self {
        let places = plot.places();
        let (first, last) = (places.first().copied().unwrap_or(0), places.last().copied().unwrap_or(1));
        Self { plot, x: Axis::whole(first, last, 6), y: vertical_axis(plot) }
    }

    /// What the axes leave out, if anything.
    pub(super) fn cut_off(&self) -> Option<String> {
        let is_below = |spread: Spread| self.plot.measure.is_accuracy() && 100.0 * spread.mean < self.y.low;
        let is_cut =
            self.plot.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.spread).any(is_below);
        is_cut.then(|| {
            let (name, low) = (self.plot.measure.name(), self.y.label(self.y.low));
            format!("{name}: values below {low} % in the first part of training lie under the plot.")
        })
    }

    /// The plot in its own coordinates, from (0, 0) to (`WIDTH`, `HEIGHT`).
    pub(super) fn draw(&self) -> Markup {
        let clip = format!("clip-{}", self.plot.id);
        let is_crowded = self.plot.curves.len() > CROWD;
        html! {
            clipPath id=(clip) {
                rect x=(LEFT) y=(TOP) width=(RIGHT - LEFT) height=(BOTTOM - TOP) {}
            }
            text.plot-title x=(4) y="18" { (self.title()) }
            @for &tick in &self.y.ticks {
                @let y = round(self.pixel_y(tick));
                path.grid d={ "M" (LEFT) " " (y) "H" (RIGHT) } {}
                text.tick x=(LEFT - 8.0) y=(y) dy="0.34em" text-anchor="end" { (self.y.label(tick)) }
            }
            @for &tick in &self.x.ticks {
                @let x = round(self.pixel_x(tick));
                path.mark d={ "M" (x) " " (BOTTOM) "v5" } {}
                text.tick x=(x) y=(BOTTOM + 19.0) text-anchor="middle" { (self.x.label(tick)) }
            }
            path.frame d={ "M" (LEFT) " " (BOTTOM) "H" (RIGHT) } {}
            text.tick x=(round(0.5 * (LEFT + RIGHT))) y=(BOTTOM + 37.0) text-anchor="middle" {
                (self.plot.progress.name())
            }
            g clip-path={ "url(#" (clip) ")" } class=[is_crowded.then_some("crowded")] {
                @for (index, curve) in self.plot.curves.iter().enumerate() {
                    g class={ "curve " (curve.style.class()) } data-curve=(index) data-values=(self.values(curve)) {
                        (self.band_and_line(curve))
                    }
                }
            }
        }
    }

    fn title(&self) -> String {
        let scale = if self.y.scale == Scale::Log { " (log scale)" } else { "" };
        format!("{}{scale}", self.plot.measure.with_unit())
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
                    circle cx=(round(self.pixel_x(*at as f64))) cy=(round(self.pixel_y(self.scaled(spread.mean)))) r="3.5"
                        fill="currentColor" {}
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
            let (x, y) = (self.pixel_x(at as f64), self.pixel_y(self.scaled(value)));
            let _ = write!(path, "{command}{} {}", round(x), round(y));
        }
        path
    }

    /// `[[x, "epoch 1"], ...]`: the places the pointer snaps to.
    fn places(&self) -> String {
        let name = self.plot.progress.name();
        let place = |at: u64| json!([round(self.pixel_x(at as f64)), format!("{name} {at}")]);
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

    fn pixel_x(&self, at: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.x.position(at)
    }

    /// Values far outside stay near the plot, where the clip hides them: a log axis has no place for zero.
    fn pixel_y(&self, value: f64) -> f64 {
        let smallest = if self.y.scale == Scale::Log { self.y.low * 0.5 } else { f64::MIN };
        BOTTOM - (BOTTOM - TOP) * self.y.position(value.max(smallest)).clamp(-2.0, 3.0)
    }
}

/// Chooses the range from the means and, as far as they are no outliers, the bands.
fn vertical_axis(plot: &Plot) -> Axis {
    let spreads = || plot.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.spread);
    if spreads().next().is_none() {
        return Axis::linear(0.0, 1.0, 5);
    }
    let low = spreads().map(|spread| spread.mean).fold(LARGEST, f64::min).max(-LARGEST);
    let high = spreads().map(|spread| spread.mean).fold(-LARGEST, f64::max).min(LARGEST);
    if plot.measure.is_accuracy() {
        let axis = Axis::linear(100.0 * accuracy_floor(plot).max(low), 100.0 * high, 5);
        return if axis.high > 100.0 { Axis::linear(axis.low, 100.0, 5) } else { axis };
    }
    // On a linear axis, losses that fall by more than a decade would hide how the optimizers end.
    if low > 0.0 && high / low > 10.0 {
        return Axis::log(low * 0.8, high * 1.25);
    }
    let lowest = spreads().map(|spread| spread.mean - spread.std.unwrap_or(0.0)).fold(low, f64::min);
    let highest = spreads().map(|spread| spread.mean + spread.std.unwrap_or(0.0)).fold(high, f64::max);
    let span = high - low;
    let floor = if low >= 0.0 { 0.0 } else { f64::MIN };
    Axis::linear(lowest.max(low - 0.5 * span).max(floor), highest.min(high + 0.5 * span), 5)
}

/// The first evaluations are far below all others; an axis that shows them shows nothing else. So where the rise of the
/// first quarter takes more than four times the range of the rest, the axis starts with the rest.
fn accuracy_floor(plot: &Plot) -> f64 {
    let places = plot.places();
    let Some(&start) = places.iter().nth(places.len() / 4) else { return 0.0 };
    let late = || {
        let points = plot.curves.iter().flat_map(|curve| &curve.points).filter(|point| point.at >= start);
        points.filter_map(|point| Some(point.spread?.mean))
    };
    let (low, high) = (late().fold(1.0, f64::min), late().fold(0.0, f64::max));
    let lowest = plot.curves.iter().flat_map(|curve| &curve.points).filter_map(|point| Some(point.spread?.mean));
    let is_squeezed = high - lowest.fold(1.0, f64::min) > 4.0 * (high - low);
    if is_squeezed { (low - 0.25 * (high - low)).max(0.0) } else { 0.0 }
}

/// Hundredths of a pixel are enough.
fn round(pixel: f64) -> f64 {
    (pixel * 100.0).round() / 100.0
}
