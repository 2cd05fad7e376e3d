//! Which values the vertical axis of learning curves shows.

use super::super::axis::Axis;
use super::Plot;
use lookahead_runs::statistics::Spread;

/// Values beyond this are drawn as if they were this: no loss is so large, and the arithmetic of the axes stays finite.
pub(crate) const LARGEST: f64 = 1e100;

/// Values that span as much are drawn on a log axis: a linear one would hide how the optimizers end.
const DECADE: f64 = 10.0;

/// How far below the lowest mean a log axis follows the bands: it has no place for a band that reaches zero.
const BELOW: f64 = 3.0;

/// An axis around all means and their bands, but for accuracies of the first quarter of training that would squeeze all
/// others.
pub(super) fn vertical_axis(plot: &Plot) -> Axis {
    let spreads: Vec<Spread> = plot.spreads().collect();
    if !plot.measure.is_accuracy() || spreads.is_empty() {
        return loss_axis(&spreads);
    }
    let (lowest, highest) = (least(&spreads, lower), greatest(&spreads, upper));
    let axis = Axis::linear(100.0 * accuracy_floor(plot).max(lowest), 100.0 * highest, 5);
    if axis.high > 100.0 { Axis::linear(axis.low, 100.0, 5) } else { axis }
}

/// An axis around losses and their bands: logarithmic where they span a decade.
pub(crate) fn loss_axis(spreads: &[Spread]) -> Axis {
    if spreads.is_empty() {
        return Axis::linear(0.0, 1.0, 5);
    }
    let (mean, lowest) = (least(spreads, |spread| spread.mean), least(spreads, lower));
    let highest = greatest(spreads, upper);
    if mean > 0.0 && highest / mean >= DECADE {
        return Axis::log(0.9 * lowest.max(mean / BELOW), 1.1 * highest);
    }
    Axis::linear(if mean >= 0.0 { lowest.max(0.0) } else { lowest }, highest, 5)
}

fn least(spreads: &[Spread], of: fn(&Spread) -> f64) -> f64 {
    spreads.iter().map(of).fold(LARGEST, f64::min).max(-LARGEST)
}

fn greatest(spreads: &[Spread], of: fn(&Spread) -> f64) -> f64 {
    spreads.iter().map(of).fold(-LARGEST, f64::max).min(LARGEST)
}

fn lower(spread: &Spread) -> f64 {
    spread.mean - spread.std.unwrap_or(0.0)
}

fn upper(spread: &Spread) -> f64 {
    spread.mean + spread.std.unwrap_or(0.0)
}

/// The first evaluations are far below all others; an axis that shows them shows nothing else. So where the rise of the
/// first quarter takes more than four times the range of the rest, the axis starts with the rest.
fn accuracy_floor(plot: &Plot) -> f64 {
    let places = plot.places();
    let Some(&start) = places.iter().nth(places.len() / 4) else { return 0.0 };
    let late = plot.curves.iter().flat_map(|curve| &curve.points).filter(|point| point.at >= start);
    let late: Vec<Spread> = late.filter_map(|point| point.spread).collect();
    let (low, high) = (least(&late, lower), greatest(&late, upper));
    let is_squeezed = high - least(&plot.spreads().collect::<Vec<_>>(), lower) > 4.0 * (high - low);
    if is_squeezed { (low - 0.25 * (high - low)).max(0.0) } else { 0.0 }
}
