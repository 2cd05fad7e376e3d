//! One plot as an SVG group: grid, axes, marks, lines; and the values that the page's script shows under the pointer.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use super::super::drawing::round;
use super::super::format::significant;
use super::super::frame::Frame;
use super::labels::{Label, labels};
use super::{Entry, Level, Mark, Stroke, XyCurve, XyPlot, index_of};

pub(super) const WIDTH: f64 = 480.0;
pub(super) const HEIGHT: f64 = 370.0;

/// Points of a line nearer to the last one than this many pixels are left out.
const NEAR: f64 = 0.7;
/// The width and height that a name beside the level needs.
const BESIDE: [f64; 2] = [150.0, 22.0];
/// The pointer snaps to the points of the curves if there are at most so many of them, else to so many even places.
const MOST_PLACES: usize = 150;

/// The plot as an SVG image for the page. `id` tells it from the page's others.
pub(crate) fn panel(plot: &XyPlot, legend: &[Entry<'_>], id: &str) -> Markup {
    let panel = Panel::new(plot);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(panel.in_words())
            data-places=(panel.places_as_json()) data-width=(WIDTH) {
            (panel.draw(legend, id))
            path class="pointer" d={ "M0 " (panel.frame.top) "V" (panel.frame.bottom) } {}
        }
    }
}

pub(super) struct Panel<'a> {
    plot: &'a XyPlot,
    frame: Frame,
    /// Where the pointer snaps to; nowhere in a picture.
    places: Vec<f64>,
}

impl<'a> Panel<'a> {
    /// A plot for a picture.
    pub(super) fn still(plot: &'a XyPlot) -> Self {
        let [x, y] = plot.axes();
        let frame = Frame { x, y, left: 58.0, right: WIDTH - 20.0, top: 52.0, bottom: HEIGHT - 48.0 };
        Self { plot, frame, places: Vec::new() }
    }

    /// A plot for the page.
    fn new(plot: &'a XyPlot) -> Self {
        let still = Self::still(plot);
        let mut places: Vec<f64> =
            plot.curves.iter().flat_map(|curve| plot.drawable(curve)).map(|point| point[0]).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        if places.len() > MOST_PLACES {
            let step = |index: usize| still.frame.x.value_at(index as f64 / (MOST_PLACES - 1) as f64);
            places = (0..MOST_PLACES).map(step).collect();
        }
        Self { places, ..still }
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
        let lines: Vec<Vec<[f64; 2]>> = self.plot.curves.iter().map(|curve| self.pixels(curve)).collect();
        let names: Vec<&str> = self.plot.curves.iter().map(|curve| curve.label.as_str()).collect();
        let names = labels(&names, &lines, [self.frame.left, self.frame.right]);
        let curves = self.plot.curves.iter().zip(&lines).zip(names);
        html! {
            (self.frame.clip(&clip))
            text.plot-title x=(4) y="18" { (self.plot.title) }
            text.tick x=(4) y="38" { (self.plot.y.title()) }
            (self.frame.draw(&self.plot.x.title()))
            @for mark in &self.plot.marks { (self.mark(mark)) }
            // The first of the legend is drawn on top.
            @for ((curve, line), name) in curves.rev() {
                @let index = index_of(legend, &curve.label);
                g class={ "curve tone-" (index) } data-curve=(index) data-values=[self.values(curve)] {
                    g clip-path={ "url(#" (clip) ")" } { (drawn(line, curve.stroke)) }
                    @if let Some(Label { name, at: [x, y] }) = name {
                        text.on-plot x=(round(x)) y=(round(y)) dy="0.34em" text-anchor="middle" { (name) }
                    }
                }
            }
            @if let Some(level) = &self.plot.level { (self.level(level, &lines)) }
        }
    }

    fn mark(&self, Mark { at, left, right }: &Mark) -> Markup {
        let [top, bottom] = self.frame.heights();
        let x = round(self.frame.pixel_x(*at));
        html! {
            @if (0.0..=1.0).contains(&self.frame.x.position(*at)) {
                path.mark d={ "M" (x) " " (top) "V" (bottom) } stroke-dasharray="4 4" {}
                text.tick x=(x - 6.0) y=(top + 12.0) text-anchor="end" { (left) }
                text.tick x=(x + 6.0) y=(top + 12.0) { (right) }
            }
        }
    }

    /// The line, with the names of its two sides at the end where fewer curves run under them.
    fn level(&self, Level { at, above, below }: &Level, lines: &[Vec<[f64; 2]>]) -> Markup {
        let Frame { left, right, top, bottom, .. } = self.frame;
        let y = round(self.frame.pixel_y(*at));
        let is_near = |point: &&[f64; 2], x: f64| (point[0] - x).abs() < BESIDE[0] && (point[1] - y).abs() < BESIDE[1];
        let crowd = |x: f64| lines.iter().flatten().filter(|point| is_near(point, x)).count();
        let (x, anchor) = match crowd(left) > crowd(right) {
            true => (right - 6.0, "end"),
            false => (left + 6.0, "start"),
        };
        html! {
            path.level d={ "M" (left) " " (y) "H" (right) } {}
            @if y - top > BESIDE[1] { text.on-plot x=(x) y=(y - 7.0) text-anchor=(anchor) { (above) } }
            @if bottom - y > BESIDE[1] { text.on-plot x=(x) y=(y + 17.0) text-anchor=(anchor) { (below) } }
        }
    }

    /// The pixels that a curve runs through, without those that the eye cannot tell from the last one.
    fn pixels(&self, curve: &XyCurve) -> Vec<[f64; 2]> {
        let all: Vec<[f64; 2]> =
            self.plot.drawable(curve).map(|[x, y]| [self.frame.pixel_x(x), self.frame.pixel_y(y)]).collect();
        let mut kept: Vec<[f64; 2]> = Vec::new();
        for (index, &[x, y]) in all.iter().enumerate() {
            let is_near = kept.last().is_some_and(|last| (x - last[0]).hypot(y - last[1]) < NEAR);
            if !is_near || index + 1 == all.len() {
                kept.push([x, y]);
            }
        }
        kept
    }

    /// `[[x, "name"], ...]`, as the page's script reads it.
    fn places_as_json(&self) -> String {
        let place =
            |&at: &f64| json!([round(self.frame.pixel_x(at)), format!("{} {}", self.plot.x.label, significant(at, 4))]);
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
        let [from, at, to] = [left[0], x, right[0]].map(|x| self.frame.x.position(x));
        let part = (at - from) / (to - from);
        let [low, high] = [left[1], right[1]].map(|y| self.frame.y.position(y));
        Some(self.frame.y.value_at(low + part * (high - low)))
    }
}

fn drawn(pixels: &[[f64; 2]], stroke: Stroke) -> Markup {
    let mut path = String::new();
    for &[x, y] in pixels {
        let _ = write!(path, "{}{} {}", if path.is_empty() { 'M' } else { 'L' }, round(x), round(y));
    }
    html! {
        @if let [[x, y]] = pixels {
            circle cx=(round(*x)) cy=(round(*y)) r="3.5" fill="currentColor" {}
        } @else if !pixels.is_empty() {
            path.line d=(path) fill="none" stroke="currentColor" stroke-dasharray=[stroke.dash()] {}
        }
    }
}
