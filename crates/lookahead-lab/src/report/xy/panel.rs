//! One plot as an SVG group: grid, axes, marks, lines; and the values that the page's script shows under the pointer.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use super::super::axis::Axis;
use super::super::format::significant;
use super::{Entry, XyCurve, XyPlot, index_of};

pub(super) const WIDTH: f64 = 620.0;
pub(super) const HEIGHT: f64 = 420.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = HEIGHT - 50.0;

/// Points of a line nearer to the last one than this many pixels are left out.
const NEAR: f64 = 0.7;
/// The pointer snaps to the points of the curves if there are at most so many of them, else to so many even places.
const MOST_PLACES: usize = 150;

/// The plot as an SVG image for the page. `id` tells it from the page's others.
pub(in crate::report) fn panel(plot: &XyPlot, legend: &[Entry<'_>], id: &str) -> Markup {
    let panel = Panel::new(plot);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(panel.in_words())
            data-places=(panel.places_as_json()) data-width=(WIDTH) {
            (panel.draw(legend, id))
            path class="pointer" d={ "M0 " (TOP) "V" (BOTTOM) } {}
        }
    }
}

pub(super) struct Panel<'a> {
    plot: &'a XyPlot,
    x: Axis,
    y: Axis,
    /// Where the pointer snaps to; nowhere in a picture.
    places: Vec<f64>,
}

impl<'a> Panel<'a> {
    /// A plot for a picture.
    pub(super) fn still(plot: &'a XyPlot) -> Self {
        let [x, y] = plot.axes();
        Self { plot, x, y, places: Vec::new() }
    }

    /// A plot for the page.
    fn new(plot: &'a XyPlot) -> Self {
        let Self { x, y, .. } = Self::still(plot);
        let mut places: Vec<f64> =
            plot.curves.iter().flat_map(|curve| plot.drawable(curve)).map(|point| point[0]).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_PLACES {
            let step = |index: usize| x.value_at(index as f64 / (MOST_PLACES - 1) as f64);
            places = (0..MOST_PLACES).map(step).collect();
        }
        Self { plot, x, y, places }
    }

    /// The plot in words, for those who do not see it.
    pub(super) fn in_words(&self) -> String {
        let plot = self.plot;
        let mut text = format!("{} Vertical: {}. Horizontal: {}.", plot.title, plot.y.title(), plot.x.title());
        for curve in &plot.curves {
            let points: Vec<[f64; 2]> = plot.drawable(curve).collect();
            let ([Some(first), Some(last)], label) = ([points.first(), points.last()], &curve.label) else { continue };
            let [from, to, start, end] = [first[0], last[0], first[1], last[1]].map(|value| significant(value, 4));
            let _ = write!(text, " {label}: {start} at {from}, {end} at {to}.");
        }
        text.trim_start().to_owned()
    }

    /// The plot in its own coordinates, from (0, 0) to (`WIDTH`, `HEIGHT`).
    pub(super) fn draw(&self, legend: &[Entry<'_>], id: &str) -> Markup {
        let clip = format!("clip-{id}");
        html! {
            clipPath id=(clip) {
                rect x=(LEFT) y=(TOP - 1.0) width=(RIGHT - LEFT) height=(BOTTOM - TOP + 2.0) {}
            }
            text.plot-title x=(4) y="18" { (self.plot.title) }
            text.tick x=(4) y="38" { (self.plot.y.title()) }
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
            text.tick x=(round(0.5 * (LEFT + RIGHT))) y=(BOTTOM + 40.0) text-anchor="middle" { (self.plot.x.title()) }
            @for mark in &self.plot.marks {
                @let place = self.x.position(mark.at);
                @if (0.0..=1.0).contains(&place) {
                    @let x = round(self.pixel_x(mark.at));
                    path.mark d={ "M" (x) " " (TOP) "V" (BOTTOM) } stroke-dasharray="4 4" {}
                    text.tick x=(x - 6.0) y=(TOP + 12.0) text-anchor="end" { (mark.left) }
                    text.tick x=(x + 6.0) y=(TOP + 12.0) { (mark.right) }
                }
            }
            g clip-path={ "url(#" (clip) ")" } {
                // The first of the legend is drawn on top.
                @for curve in self.plot.curves.iter().rev() {
                    @let index = index_of(legend, &curve.label);
                    g class={ "curve tone-" (index) } data-curve=(index) data-values=[self.values(curve)] {
                        (self.line(curve))
                    }
                }
            }
        }
    }

    fn line(&self, curve: &XyCurve) -> Markup {
        let pixels: Vec<[f64; 2]> =
            self.plot.drawable(curve).map(|[x, y]| [self.pixel_x(x), self.pixel_y(y)]).collect();
        let mut path = String::new();
        let mut last: Option<[f64; 2]> = None;
        for (index, &[x, y]) in pixels.iter().enumerate() {
            let is_near = last.is_some_and(|last| (x - last[0]).hypot(y - last[1]) < NEAR);
            if is_near && index + 1 < pixels.len() {
                continue;
            }
            let _ = write!(path, "{}{} {}", if last.is_none() { 'M' } else { 'L' }, round(x), round(y));
            last = Some([x, y]);
        }
        html! {
            @if let [[x, y]] = pixels.as_slice() {
                circle cx=(round(*x)) cy=(round(*y)) r="3.5" fill="currentColor" {}
            } @else if !pixels.is_empty() {
                path.line d=(path) fill="none" stroke="currentColor" stroke-dasharray=[curve.stroke.dash()] {}
            }
        }
    }

    /// `[[x, "name"], ...]`, as the page's script reads it.
    fn places_as_json(&self) -> String {
        let place =
            |&at: &f64| json!([round(self.pixel_x(at)), format!("{} {}", self.plot.x.label, significant(at, 4))]);
        json!(self.places.iter().map(place).collect::<Vec<_>>()).to_string()
    }

    /// The curve's values as text, one for each place, `null` where it has none; nothing in a picture.
    fn values(&self, curve: &XyCurve) -> Option<String> {
        if self.places.is_empty() {
            return None;
        }
        let points: Vec<[f64; 2]> = self.plot.drawable(curve).collect();
        let at = |&place: &f64| Some(significant(self.between(&points, place)?, 4));
        Some(json!(self.places.iter().map(at).collect::<Vec<_>>()).to_string())
    }

    /// The curve's value at `x`, along the straight line that is drawn between two points.
    fn between(&self, points: &[[f64; 2]], x: f64) -> Option<f64> {
        let after = points.partition_point(|point| point[0] < x);
        let right = points.get(after)?;
        if right[0] == x {
            return Some(right[1]);
        }
        let left = points.get(after.checked_sub(1)?)?;
        let [from, at, to] = [left[0], x, right[0]].map(|x| self.x.position(x));
        let part = (at - from) / (to - from);
        let [low, high] = [left[1], right[1]].map(|y| self.y.position(y));
        Some(self.y.value_at(low + part * (high - low)))
    }

    fn pixel_x(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.x.position(value)
    }

    fn pixel_y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * self.y.position(value)
    }
}

/// Hundredths of a pixel are enough.
fn round(pixel: f64) -> f64 {
    (pixel * 100.0).round() / 100.0
}
