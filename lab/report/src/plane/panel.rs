//! The map: filled contours of the accuracy under the paths, axes of equal scale, and a bar of colours.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::Quantity;
use super::super::axis::Axis;
use super::super::drawing::{Spot, round};
use super::super::significant;
use super::PlaneFigure;
use super::contours::Field;
use super::key::{self, Fill};

const LEFT: f64 = 58.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;
/// From the map's right edge to the drawing's: the bar and its numbers.
const RIGHT: f64 = 104.0;
/// The longest side of the map.
const LONGEST: f64 = 560.0;
const BAR: [f64; 2] = [24.0, 18.0];

/// The map and its scales.
pub(super) struct Panel<'a> {
    figure: &'a PlaneFigure,
    /// Pixels a unit of length.
    scale: f64,
    /// The map's size in pixels.
    map: [f64; 2],
    /// The accuracies between which the colours change, in percent.
    levels: Axis,
}

impl<'a> Panel<'a> {
    pub(super) fn new(figure: &'a PlaneFigure) -> Self {
        let lengths = [&figure.surface.x, &figure.surface.y].map(|side| side[side.len() - 1] - side[0]);
        let scale = LONGEST / lengths[0].max(lengths[1]);
        let levels = Axis::linear(100.0 * figure.lowest(), 100.0 * figure.best().0, 9);
        Self { figure, scale, map: lengths.map(|length| scale * length), levels }
    }

    pub(super) fn size(&self) -> [f64; 2] {
        [LEFT + self.map[0] + RIGHT, TOP + self.map[1] + BOTTOM]
    }

    /// The map in its own coordinates, from (0, 0) to its size.
    pub(super) fn draw(&self) -> Markup {
        let (right, bottom) = (LEFT + self.map[0], TOP + self.map[1]);
        let surface = &self.figure.surface;
        html! {
            text.tick x="4" y="16" { "Towards the middle fast weights (length)" }
            (self.ground())
            rect x=(LEFT) y=(TOP) width=(round(self.map[0])) height=(round(self.map[1])) class="frame" fill="none" {}
            @for (value, label) in ticks(&surface.x) {
                @let x = self.pixel([value, 0.0])[0];
                path.mark d={ "M" (x) " " (round(bottom)) "v5" } {}
                text.tick x=(x) y=(round(bottom + 19.0)) text-anchor="middle" { (label) }
            }
            @for (value, label) in ticks(&surface.y) {
                @let y = self.pixel([0.0, value])[1];
                path.mark d={ "M" (LEFT) " " (y) "h-5" } {}
                text.tick x=(LEFT - 9.0) y=(y) dy="0.34em" text-anchor="end" { (label) }
            }
            text.tick x=(round(0.5 * (LEFT + right))) y=(round(bottom + 40.0)) text-anchor="middle" {
                "From the first to the last fast weights (length in the space of all parameters)"
            }
            (self.bar())
            @if let Some(beside) = &surface.beside {
                (key::beside_line(&self.path(&beside.points)))
                @for &point in &beside.points { (key::square(self.at(point), self.fill(point))) }
            }
            (key::fast_line(&self.fast_path()))
            (key::slow_line(&self.path(&surface.slow)))
            @for &point in &surface.fast { (key::disc(self.at(point), self.fill(point))) }
            @for &point in &surface.slow { (key::diamond(self.at(point), self.fill(point))) }
            @for (anchor, name) in surface.anchors.into_iter().zip(["first", "middle", "last"]) {
                @let [x, y] = self.at(surface.fast[anchor]);
                (key::anchor([x, y]))
                text x=(x) y=(round(y - 13.0)) text-anchor="middle" stroke=(key::HALO) stroke-width="3" paint-order="stroke"
                    style={ "fill:" (key::INK) } { (name) }
            }
        }
    }

    /// What path and ground say under the pointer.
    pub(super) fn spots(&self) -> Vec<Spot> {
        let surface = &self.figure.surface;
        let mark = |kind: &str| {
            let kind = kind.to_owned();
            move |(&point, update): (&[f64; 3], &u32)| {
                let place = match self.fill(point) {
                    Fill::Solid => format!("{} % on the plane", self.percent(self.figure.accuracy_at(point))),
                    Fill::Hollow => format!("{} from the plane", significant(point[2], 3)),
                };
                Spot::mark(self.at(point), vec![format!("{kind}, update {update}"), place])
            }
        };
        let fast = surface.fast.iter().zip(&surface.fast_updates).map(mark("fast weights"));
        let slow = surface.slow.iter().zip(&surface.slow_updates).map(mark("slow weights"));
        let beside = surface
            .beside
            .iter()
            .flat_map(|beside| beside.points.iter().zip(&beside.updates).map(mark(&beside.label)).collect::<Vec<_>>());
        let ground = surface.accuracy.iter().zip(&surface.y).flat_map(|(row, &y)| {
            row.iter().zip(&surface.x).map(move |(&accuracy, &x)| {
                let place = format!("at ({}, {})", significant(x, 3), significant(y, 3));
                Spot::ground(self.pixel([x, y]), vec![format!("{} %", self.percent(accuracy)), place])
            })
        });
        slow.chain(fast).chain(beside).chain(ground).collect()
    }

    /// Filled contours and the lines between them.
    fn ground(&self) -> Markup {
        let surface = &self.figure.surface;
        let columns: Vec<f64> = surface.x.iter().map(|&x| self.pixel([x, 0.0])[0]).collect();
        let rows: Vec<f64> = surface.y.iter().map(|&y| self.pixel([0.0, y])[1]).collect();
        let field = Field { columns: &columns, rows: &rows, values: &surface.accuracy };
        html! {
            @for (level, _, colour) in self.bands() {
                @let area = field.area(0.01 * level);
                @if !area.is_empty() {
                    path d=(area) fill=(colour) stroke=(colour) stroke-width="0.7" stroke-linejoin="round" {}
                }
            }
            @for &level in &self.levels.ticks {
                @let line = field.line(0.01 * level);
                @if !line.is_empty() {
                    path d=(line) fill="none" stroke="#7c4526" stroke-opacity="0.55" stroke-width="0.8" stroke-linecap="round" {}
                }
            }
        }
    }

    /// The bands of colour: from, to (both in percent) and the colour, ascending.
    fn bands(&self) -> Vec<(f64, f64, String)> {
        let ticks = &self.levels.ticks;
        let last = (ticks.len().max(3) - 2) as f64;
        let band = |(index, pair): (usize, &[f64])| (pair[0], pair[1], key::colour(index as f64 / last));
        ticks.windows(2).enumerate().map(band).collect()
    }

    fn bar(&self) -> Markup {
        let left = round(LEFT + self.map[0] + BAR[0]);
        let y = |percent: f64| round(TOP + self.map[1] * (1.0 - self.levels.position(percent)));
        html! {
            text.tick x=(self.size()[0]) y="16" text-anchor="end" { "accuracy, %" }
            @for (from, to, colour) in self.bands() {
                rect x=(left) y=(y(to)) width=(BAR[1]) height=(round(y(from) - y(to))) fill=(colour) {}
            }
            @for &level in &self.levels.ticks {
                path.mark d={ "M" (left) " " (y(level)) "h" (BAR[1] + 4.0) } {}
                text.tick x=(left + BAR[1] + 8.0) y=(y(level)) dy="0.34em" { (self.levels.label(level)) }
            }
        }
    }

    /// The way of the fast weights: after a sync they go on from the slow weights.
    fn fast_path(&self) -> String {
        let surface = &self.figure.surface;
        let mut path = String::new();
        let mut before = None;
        for (&point, &update) in surface.fast.iter().zip(&surface.fast_updates) {
            let synced = before.and_then(|before| surface.slow_updates.binary_search(&before).ok());
            if let Some(place) = synced {
                let [x, y] = self.at(surface.slow[place]);
                let _ = write!(path, "M{x} {y}");
            }
            let [x, y] = self.at(point);
            let _ = write!(path, "{}{x} {y}", if before.is_none() { 'M' } else { 'L' });
            before = Some(update);
        }
        path
    }

    /// From point to point.
    fn path(&self, points: &[[f64; 3]]) -> String {
        let mut path = String::new();
        for &point in points {
            let [x, y] = self.at(point);
            let _ = write!(path, "{}{x} {y}", if path.is_empty() { 'M' } else { 'L' });
        }
        path
    }

    fn fill(&self, [_, _, distance]: [f64; 3]) -> Fill {
        if self.figure.is_on_plane(distance) { Fill::Solid } else { Fill::Hollow }
    }

    fn percent(&self, accuracy: f64) -> String {
        Quantity::Accuracy.value(accuracy)
    }

    fn at(&self, [x, y, _]: [f64; 3]) -> [f64; 2] {
        self.pixel([x, y])
    }

    fn pixel(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let surface = &self.figure.surface;
        [round(LEFT + self.scale * (x - surface.x[0])), round(TOP + self.map[1] - self.scale * (y - surface.y[0]))]
    }
}

/// Round numbers within the ends of a list, with their labels.
fn ticks(values: &[f64]) -> Vec<(f64, String)> {
    let (low, high) = (values[0], values[values.len() - 1]);
    let axis = Axis::linear(low, high, 6);
    let within = axis.ticks.iter().copied().filter(|tick| (low..=high).contains(tick));
    within.map(|tick| (tick, axis.label(tick))).collect()
}
