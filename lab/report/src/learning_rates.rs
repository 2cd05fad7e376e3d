//! The final loss against the learning rate, over the grid of each group: how much hangs on the choice (App. C.1).

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::json;

use super::axis::Axis;
use super::curves::{HEIGHT, LARGEST, Style, loss_axis};
use super::drawing::round;
use super::format::as_given;
use super::frame::{Frame, with_scale};
use super::{GridPoint, Measure, Run, Subject};
use lookahead_runs::statistics::Spread;

pub(super) const WIDTH: f64 = 420.0;
const MEASURE: Measure = Measure::ValidLoss;

/// The grids of a panel.
pub(super) struct RatePlot {
    id: String,
    subject: Subject,
    curves: Vec<RateCurve>,
}

/// The grid of a group.
struct RateCurve {
    /// Its place among the groups of its panel.
    index: usize,
    label: String,
    style: Style,
    /// By learning rates, ascending.
    points: Vec<RatePoint>,
}

/// A point of a grid with a finished run.
struct RatePoint {
    rate: f64,
    /// The loss over its finished seeds; `None` where one of them is not finite.
    loss: Option<Spread>,
    /// Whether no other point with this learning rate ends lower.
    is_lowest: bool,
    /// Whether it stands for its group.
    is_chosen: bool,
}

impl RatePlot {
    /// The plot of the groups of a panel, each with its look and its grid; `None` where no grid has runs with several
    /// learning rates.
    pub(super) fn of<'a>(
        id: String,
        subject: Subject,
        groups: impl Iterator<Item = (&'a str, Style, &'a [GridPoint])>,
    ) -> Option<Self> {
        let curves = groups.enumerate().map(|(index, (label, style, grid))| RateCurve {
            index,
            label: label.to_owned(),
            style,
            points: points(grid),
        });
        let curves: Vec<RateCurve> = curves.filter(|curve| !curve.points.is_empty()).collect();
        let varies = |curve: &RateCurve| curve.points.iter().any(|point| point.rate != curve.points[0].rate);
        curves.iter().any(varies).then_some(Self { id, subject, curves })
    }

    /// The plot for the page.
    pub(super) fn panel(&self) -> Markup {
        let frame = self.frame();
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.in_words())
                data-places=(self.places(&frame)) data-width=(WIDTH) {
                (self.draw())
                path class="pointer" d={ "M0 " (frame.top) "V" (frame.bottom) } {}
            }
        }
    }

    /// The plot in its own coordinates, from (0, 0) to (`WIDTH`, [`HEIGHT`]).
    pub(super) fn draw(&self) -> Markup {
        let frame = self.frame();
        let clip = format!("clip-{}", self.id);
        html! {
            (frame.clip(&clip))
            text.plot-title x="4" y="18" { (with_scale("Final validation loss of each grid", frame.y.scale)) }
            (frame.draw("learning rate (log scale)"))
            @for curve in &self.curves {
                g class={ "curve " (curve.style.class()) } data-curve=(curve.index) data-values=(self.values(curve)) {
                    g clip-path={ "url(#" (clip) ")" } {
                        path.line d=(line(curve, &frame)) fill="none" stroke="currentColor"
                            stroke-dasharray=[curve.style.dash()] {}
                    }
                    @for point in &curve.points { (mark(point, &frame)) }
                }
            }
        }
    }

    /// What the marks mean.
    pub(super) fn note(&self) -> String {
        let by = if self.subject == Subject::Classification { "accuracy" } else { "loss" };
        format!(
            "The final validation loss over the learning rates of each grid: mean and standard deviation over finished \
             seeds, a line through the lowest at each learning rate. The ringed point, the best by the validation {by}, \
             stands for its group. A cross at the top: a seed ended without a finite loss."
        )
    }

    /// The plot in words, for those who do not see it.
    pub(super) fn in_words(&self) -> String {
        let mut text = "Final validation loss against the learning rate.".to_owned();
        for curve in &self.curves {
            let _ = write!(text, " {}:", curve.label);
            for (index, point) in curve.points.iter().enumerate() {
                let chosen = if point.is_chosen { " (chosen)" } else { "" };
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(text, "{comma} {} at {}{chosen}", point.in_words(), as_given(point.rate));
            }
            text.push('.');
        }
        text
    }

    fn points(&self) -> impl Iterator<Item = &RatePoint> {
        self.curves.iter().flat_map(|curve| &curve.points)
    }

    /// The learning rates, ascending.
    fn rates(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = self.points().map(|point| point.rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }

    fn frame(&self) -> Frame {
        let rates = self.rates();
        let (low, high) = (rates.first().copied().unwrap_or(1.0), rates.last().copied().unwrap_or(1.0));
        // The outermost marks do not touch the frame.
        let room = (high / low).powf(0.05);
        let losses: Vec<Spread> = self.points().filter_map(|point| point.loss).collect();
        Frame {
            x: Axis::log(low / room, high * room),
            y: loss_axis(&losses),
            left: 52.0,
            right: WIDTH - 14.0,
            top: 36.0,
            bottom: HEIGHT - 44.0,
        }
    }

    fn places(&self, frame: &Frame) -> String {
        let place = |rate: f64| json!([round(frame.pixel_x(rate)), format!("learning rate {}", as_given(rate))]);
        json!(self.rates().into_iter().map(place).collect::<Vec<_>>()).to_string()
    }

    /// The lowest loss at each learning rate as text, `null` where there is none.
    fn values(&self, curve: &RateCurve) -> String {
        let at = |rate: f64| {
            let point = curve.points.iter().find(|point| point.rate == rate && point.is_lowest)?;
            Some(point.in_words() + if point.is_chosen { " (chosen)" } else { "" })
        };
        json!(self.rates().into_iter().map(at).collect::<Vec<_>>()).to_string()
    }
}

impl RatePoint {
    fn in_words(&self) -> String {
        self.loss.map_or_else(|| "not finite".to_owned(), |loss| MEASURE.quantity().spread(Some(loss)))
    }

    fn mean(&self) -> f64 {
        self.loss.map_or(f64::INFINITY, |loss| loss.mean)
    }
}

/// The points of a grid whose runs name one learning rate and of which some have finished.
fn points(grid: &[GridPoint]) -> Vec<RatePoint> {
    let point = |point: &GridPoint| {
        let rate = point.runs.iter().find_map(Run::learning_rate).filter(|rate| *rate > 0.0 && rate.is_finite())?;
        let finished: Vec<&Run> = point.runs.iter().filter(|run| run.finished().is_some()).collect();
        let losses: Option<Vec<f64>> = finished.iter().map(|run| MEASURE.at_end(run)).collect();
        let loss = losses.and_then(|losses| Spread::of(&losses));
        (!finished.is_empty()).then_some(RatePoint { rate, loss, is_lowest: false, is_chosen: point.is_chosen })
    };
    let mut points: Vec<RatePoint> = grid.iter().filter_map(point).collect();
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate).then(a.mean().total_cmp(&b.mean())));
    for index in 0..points.len() {
        points[index].is_lowest = index == 0 || points[index - 1].rate < points[index].rate;
    }
    points
}

/// Through the lowest point at each learning rate, with a gap where none is finite.
fn line(curve: &RateCurve, frame: &Frame) -> String {
    let mut path = String::new();
    let mut command = 'M';
    for point in curve.points.iter().filter(|point| point.is_lowest) {
        let Some(loss) = point.loss else {
            command = 'M';
            continue;
        };
        let [x, y] = [frame.pixel_x(point.rate), frame.pixel_y(loss.mean.min(LARGEST))].map(round);
        let _ = write!(path, "{command}{x} {y}");
        command = 'L';
    }
    path
}

/// A disc with a bar of one standard deviation to each side, or a cross; ringed where the point is the chosen one.
fn mark(point: &RatePoint, frame: &Frame) -> Markup {
    let x = round(frame.pixel_x(point.rate));
    let y = |value: f64| round(frame.pixel_y(value.min(LARGEST)).clamp(frame.top, frame.bottom));
    let opacity = (!point.is_lowest && !point.is_chosen).then_some("0.45");
    html! {
        g opacity=[opacity] {
            @if let Some(Spread { mean, std, .. }) = point.loss {
                @if let Some(std) = std {
                    path d={ "M" (x) " " (y(mean + std)) "V" (y(mean - std)) } stroke="currentColor" stroke-width="1.4" {}
                }
                circle cx=(x) cy=(y(mean)) r="3.4" fill="currentColor" {}
                @if point.is_chosen {
                    circle.chosen-point cx=(x) cy=(y(mean)) r="7.5" fill="none" stroke="currentColor"
                        stroke-width="2" {}
                }
            } @else {
                path.diverged d={ "M" (x - 4.0) " " (frame.top - 4.0) "l8 8m0 -8l-8 8" } fill="none" stroke="currentColor"
                    stroke-width="2" {}
            }
        }
    }
}
