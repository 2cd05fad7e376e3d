//! Polynomials of degree 4 at most, and where they first cross 0.

use std::ops::{Add, Mul, Sub};

/// How many coefficients there are.
const SIZE: usize = 5;

/// The coefficients, from the constant one up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Polynomial([f64; SIZE]);

impl Polynomial {
    /// `constant + slope x`.
    pub fn line(constant: f64, slope: f64) -> Self {
        Self([constant, slope, 0.0, 0.0, 0.0])
    }

    pub fn at(&self, x: f64) -> f64 {
        self.0.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
    }

    /// The polynomial less its constant, over x.
    pub fn over_x(self) -> Self {
        let [_, a, b, c, d] = self.0;
        Self([a, b, c, d, 0.0])
    }

    /// The smallest x from `low` to `high` at which it is 0 or changes its sign; `low` where it is not above 0 there.
    pub fn first_root(&self, low: f64, high: f64) -> Option<f64> {
        if self.at(low) <= 0.0 { Some(low) } else { self.roots(low, high).first().copied() }
    }

    /// Where it changes its sign, rising. Between two roots of its derivative it does so once at most.
    fn roots(&self, low: f64, high: f64) -> Vec<f64> {
        let derivative = self.derivative();
        if derivative.0 == [0.0; SIZE] {
            return Vec::new();
        }
        let mut pieces = derivative.roots(low, high);
        pieces.insert(0, low);
        pieces.push(high);
        pieces.windows(2).filter_map(|piece| self.root_in(piece[0], piece[1])).collect()
    }

    fn root_in(&self, mut low: f64, mut high: f64) -> Option<f64> {
        let is_negative = |x| self.at(x) < 0.0;
        let (at_low, at_high) = (is_negative(low), is_negative(high));
        if at_low == at_high {
            return None;
        }
        loop {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                return Some(middle);
            }
            if is_negative(middle) == at_low { low = middle } else { high = middle }
        }
    }

    fn derivative(&self) -> Self {
        let [_, a, b, c, d] = self.0;
        Self([a, 2.0 * b, 3.0 * c, 4.0 * d, 0.0])
    }
}

impl Add for Polynomial {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for Polynomial {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Mul<f64> for Polynomial {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self(self.0.map(|coefficient| coefficient * factor))
    }
}

/// Of two whose degrees add up to 4 at most.
impl Mul for Polynomial {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|n| (0..=n).map(|i| self.0[i] * other.0[n - i]).sum()))
    }
}
