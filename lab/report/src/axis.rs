//! Axes: where values lie between two ends, and which values are marked.

use serde::Deserialize;

/// A vertical or horizontal axis.
pub(super) struct Axis {
    pub(super) scale: AxisScale,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Marked values, ascending, all between the ends.
    pub(super) ticks: Vec<f64>,
    /// The distance of two marks, where they have the same one: it sets the digits of their labels. Else 0.
    step: f64,
}

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AxisScale {
    /// Equal distances for equal differences.
    Linear,
    /// Equal distances for equal ratios.
    Log,
}

impl Axis {
    /// A linear axis around `low..=high` that ends on round numbers, with at most `most_ticks + 1` marks.
    pub(super) fn linear(low: f64, high: f64, most_ticks: u32) -> Self {
        // Equal values get an axis around them, and so do values that differ by less than an axis can mark.
        let margin = if high - low > LEAST_WIDTH { 0.0 } else { (0.1 * low.abs()).max(0.5) };
        let (low, high) = (low - margin, high + margin);
        let step = round_step((high - low) / f64::from(most_ticks));
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let count = (last - first) as u32;
        let ticks = (0..=count).map(|index| (first + f64::from(index)) * step).collect();
        Self { scale: AxisScale::Linear, low: first * step, high: last * step, ticks, step }
    }

    /// A linear axis of whole numbers that ends exactly at `low` and `high`.
    pub(super) fn whole(low: u64, high: u64, most_ticks: u32) -> Self {
        if high <= low {
            let middle = low as f64;
            return Self {
                scale: AxisScale::Linear,
                low: middle - 0.5,
                high: middle + 0.5,
                ticks: vec![middle],
                step: 1.0,
            };
        }
        let (low, high) = (low as f64, high as f64);
        let step = round_step((high - low) / f64::from(most_ticks)).max(1.0).ceil();
        let (first, last) = ((low / step).ceil() as u64, (high / step).floor() as u64);
        let ticks = (first..=last).map(|index| index as f64 * step).collect();
        Self { scale: AxisScale::Linear, low, high, ticks, step }
    }

    /// A logarithmic axis from `low` to `high`, both positive.
    pub(super) fn log(low: f64, high: f64) -> Self {
        let decades = high.log10() - low.log10();
        if decades < SHORT {
            // Less than a factor of five: round numbers at equal differences, as on a linear axis.
            let step = round_step((high - low) / 5.0);
            let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
            let ticks = (first..=last).map(|index| index as f64 * step).collect();
            return Self { scale: AxisScale::Log, low, high, ticks, step };
        }
        let mantissas: &[f64] = match decades {
            ..=1.2 => &[1.0, 2.0, 3.0, 5.0],
            ..=2.2 => &[1.0, 2.0, 5.0],
            ..=3.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let stride = (decades / 6.0).ceil().max(1.0) as usize;
        let powers = (low.log10().floor() as i32..=high.log10().ceil() as i32).step_by(stride);
        let marks = powers.flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * 10_f64.powi(power)));
        let ticks = marks.filter(|tick| (low..=high).contains(tick)).collect();
        Self { scale: AxisScale::Log, low, high, ticks, step: 0.0 }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end, outside of it beyond.
    pub(super) fn position(&self, value: f64) -> f64 {
        match self.scale {
            AxisScale::Linear => (value - self.low) / (self.high - self.low),
            AxisScale::Log => (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
        }
    }

    /// The value that lies there: the inverse of [`position`](Self::position).
    pub(super) fn value_at(&self, position: f64) -> f64 {
        match self.scale {
            AxisScale::Linear => self.low + position * (self.high - self.low),
            AxisScale::Log => 10_f64.powf(self.low.log10() + position * (self.high.log10() - self.low.log10())),
        }
    }

    /// The text beside a mark.
    pub(super) fn label(&self, tick: f64) -> String {
        match self.scale {
            AxisScale::Log if self.step > 0.0 && (1e-4..1e5).contains(&tick) => {
                format!("{:.*}", digits(self.step), tick)
            }
            AxisScale::Log if !(1e-4..1e5).contains(&tick) => format!("{tick:.0e}"),
            AxisScale::Log => format!("{:.*}", digits(tick), tick),
            AxisScale::Linear if self.high.abs().max(self.low.abs()) >= 1e6 => format!("{tick:e}"),
            AxisScale::Linear => format!("{:.*}", digits(self.step), tick),
        }
    }
}

/// Narrower linear axes would need marks below the range of doubles.
const LEAST_WIDTH: f64 = 1e-290;

/// A logarithmic axis of fewer decades has marks at equal differences.
const SHORT: f64 = 0.7;

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let mantissas = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fitting = mantissas.into_iter().find(|mantissa| mantissa * power >= step * (1.0 - 1e-9));
    fitting.unwrap_or(10.0) * power
}

/// Decimal places that write `step` in full.
fn digits(step: f64) -> usize {
    (0..8)
        .find(|&digits| {
            let scaled = step * 10_f64.powi(digits);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs()
        })
        .unwrap_or(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|&tick| axis.label(tick)).collect()
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(labels(&Axis::linear(0.13, 0.98, 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear(91.2, 98.3, 5)), ["90", "92", "94", "96", "98", "100"]);
        assert_eq!(labels(&Axis::whole(1, 20, 6)), ["5", "10", "15", "20"]);
        assert_eq!(labels(&Axis::whole(0, 3, 6)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&Axis::log(0.008, 2.5)), ["0.01", "0.03", "0.1", "0.3", "1"]);
        assert_eq!(labels(&Axis::log(0.5, 5e6)), ["10", "1000", "1e5"]);
        assert_eq!(labels(&Axis::log(0.64, 1.01)), ["0.7", "0.8", "0.9", "1.0"]);
    }

    #[test]
    fn an_axis_without_width_still_has_one() {
        let linear = [0.0, 7.5, -1e300, 1e100].map(|value| Axis::linear(value, value, 5));
        let linear = linear.into_iter().chain([1e-323, 1e-310, 1e-300].map(|high| Axis::linear(0.0, high, 5)));
        for axis in linear.chain([Axis::whole(4, 4, 6)]) {
            assert!(axis.ticks.len() < 20);
            assert!(axis.high > axis.low);
            assert!(axis.position(axis.low).abs() < 1e-12);
            assert!((axis.position(axis.high) - 1.0).abs() < 1e-12);
        }
    }
}
