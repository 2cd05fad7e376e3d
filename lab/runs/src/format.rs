//! Numbers as text: one way of writing each quantity, in the terminal, the page and the plots alike.

use crate::Quantity;
use crate::statistics::{PairedDifference, Spread};

/// What stands where there is no number.
pub const MISSING: &str = "-";

impl Quantity {
    /// A value: `97.50` for an accuracy of 0.975, `0.0931` for a loss.
    pub fn value(self, value: f64) -> String {
        self.beside(value, value)
    }

    /// Mean and standard deviation: `97.50 ± 0.28`.
    pub fn spread(self, spread: Option<Spread>) -> String {
        match spread {
            None => MISSING.to_owned(),
            Some(Spread { mean, std: None, .. }) => self.value(mean),
            Some(Spread { mean, std: Some(std), .. }) => {
                format!("{} ± {}", self.value(mean), self.beside(std, mean.abs().max(std)))
            }
        }
    }

    /// Mean difference and its 95 % confidence interval, all with their signs: `+0.37 [-0.21, +0.95]`.
    pub fn paired(self, paired: Option<PairedDifference>) -> String {
        self.with_interval(paired, paired.and_then(|paired| paired.ci95))
    }

    /// Mean difference and an interval of it.
    pub fn with_interval(self, paired: Option<PairedDifference>, interval: Option<[f64; 2]>) -> String {
        let Some(PairedDifference { mean, .. }) = paired else { return MISSING.to_owned() };
        // exp(a) / exp(b) - 1 = exp(a - b) - 1
        let change = |difference: f64| if self == Self::Perplexity { 100.0 * difference.exp_m1() } else { difference };
        let mean = change(mean);
        let Some([low, high]) = interval.map(|ends| ends.map(change)) else { return signed(&self.beside(mean, mean)) };
        let [mean, low, high] = [mean, low, high].map(|value| signed(&self.beside(value, low.abs().max(high.abs()))));
        format!("{mean} [{low}, {high}]")
    }

    /// A value with the digits of `companion`, so that numbers side by side are written alike.
    fn beside(self, value: f64, companion: f64) -> String {
        match self {
            Self::Accuracy => format!("{:.2}", 100.0 * value),
            Self::Bleu => format!("{value:.2}"),
            Self::Perplexity if value.is_infinite() => "\u{221e}".to_owned(),
            Self::Perplexity if companion.abs() < 1e6 => format!("{value:.2}"),
            Self::Perplexity => format!("{value:.2e}"),
            Self::Loss if companion == 0.0 || (0.001..1e6).contains(&companion.abs()) => format!("{value:.4}"),
            Self::Loss => format!("{value:.2e}"),
        }
    }
}

/// A p-value: two significant digits, more where it would round to 0.05 from below.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        0.045..0.05 => format!("p = {:.4}", p.min(0.0499)),
        0.001.. => format!("p = {}", significant(p, 2)),
        _ => "p < 0.001".to_owned(),
    }
}

/// Puts a plus sign before a positive number, and none before a zero.
fn signed(number: &str) -> String {
    let magnitude = number.trim_start_matches('-');
    match magnitude.parse() {
        Ok(0.0) => magnitude.to_owned(),
        _ if number.starts_with('-') => number.to_owned(),
        _ => format!("+{number}"),
    }
}

/// A number that was given, with all its digits and no row of zeros: `0.1`, `1000`, `1e300`.
#[must_use]
pub fn as_given(value: f64) -> String {
    // Debug writes small and large numbers with an exponent, and whole ones with a zero.
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A number with so many significant digits, without zeros at its end: `0.4999`, `1580`, `2.5e-9`.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    let text = significant_in_full(value, digits);
    let (number, exponent) = text.split_once('e').map_or((text.as_str(), None), |(number, e)| (number, Some(e)));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    exponent.map_or_else(|| number.to_owned(), |exponent| format!("{number}e{exponent}"))
}

/// The same with the zeros at its end, for numbers under each other.
#[must_use]
pub fn significant_in_full(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounding can carry to the next power of ten, so the exponent is read from the rounded number.
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(exponent) if (-4..7).contains(&exponent) => {
            let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
            format!("{value:.decimals$}")
        }
        _ => scientific,
    }
}

/// Wall time in seconds, with as many digits as it deserves.
pub fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => MISSING.to_owned(),
        Some(seconds) if seconds < 100.0 => format!("{seconds:.1}"),
        Some(seconds) => format!("{seconds:.0}"),
    }
}

/// A long time in words: `43 s`, `12 min 5 s`, `3 h 20 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// An amount of memory, in MiB.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / 1_048_576.0)
}

/// A count with its noun: `1 seed`, `3 seeds`, `2 batches`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let ending = if noun.ends_with('s') || noun.ends_with("tch") { "es" } else { "s" };
    format!("{count} {noun}{}", if count == 1 { "" } else { ending })
}

/// The number of finished runs: `3`, or `2 of 3`.
pub fn finished(finished: u32, planned: usize) -> String {
    if finished as usize == planned { planned.to_string() } else { format!("{finished} of {planned}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_is_singular() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "step")), ["0 steps", "1 step", "2 steps"]);
        assert_eq!(["batch", "class", "epoch"].map(|noun| counted(2, noun)), ["2 batches", "2 classes", "2 epochs"]);
    }

    #[test]
    fn numbers_side_by_side_have_the_same_digits() {
        let spread = |mean, std| Some(Spread { n: 3, mean, std: Some(std) });
        assert_eq!(Quantity::Accuracy.spread(spread(0.975, 0.002_81)), "97.50 ± 0.28");
        assert_eq!(Quantity::Loss.spread(spread(0.0931, 0.000_41)), "0.0931 ± 0.0004");
        assert_eq!(Quantity::Loss.spread(spread(0.000_052, 0.000_003)), "5.20e-5 ± 3.00e-6");
        assert_eq!(Quantity::Loss.spread(None), "-");
    }

    #[test]
    fn significant_digits_are_counted_from_the_first() {
        let numbers = [0.0, 0.333_333_33, 1234.567, 99_999.6, 2.5e-9, -0.000_1, 1e7, f64::INFINITY];
        let texts = ["0", "0.3333", "1235", "100000", "2.5e-9", "-0.0001", "1e7", "inf"];
        assert_eq!(numbers.map(|number| significant(number, 4)), texts);
        assert_eq!([2.0, 0.1, 12_345.0].map(|number| significant_in_full(number, 4)), ["2.000", "0.1000", "12345"]);
    }

    #[test]
    fn given_numbers_keep_their_digits() {
        let numbers = [0.1, 1000.0, 0.999_999_999_999_999_9, 1e300, -2.5e-9, f64::NAN, 0.0];
        let texts = ["0.1", "1000", "0.9999999999999999", "1e300", "-2.5e-9", "NaN", "0"];
        assert_eq!(numbers.map(as_given), texts);
    }

    #[test]
    fn differences_have_signs_but_zero_has_none() {
        let paired = |mean, ci95| Some(PairedDifference { n: 3, mean, std: Some(0.1), ci95 });
        assert_eq!(Quantity::Accuracy.paired(paired(0.0037, Some([-0.0021, 0.0095]))), "+0.37 [-0.21, +0.95]");
        assert_eq!(Quantity::Loss.paired(paired(-0.000_01, Some([-0.02, 0.0001]))), "0.0000 [-0.0200, +0.0001]");
        assert_eq!(Quantity::Loss.paired(paired(0.0, None)), "0.0000");
    }

    #[test]
    fn a_p_value_never_seems_to_cross_the_level() {
        assert_eq!(
            [0.2134, 0.05, 0.049_96, 0.0451, 0.0312].map(p_value),
            ["p = 0.21", "p = 0.05", "p = 0.0499", "p = 0.0451", "p = 0.031"]
        );
        assert_eq!([1.0, 0.001, 0.000_99].map(p_value), ["p = 1", "p = 0.001", "p < 0.001"]);
    }
}
