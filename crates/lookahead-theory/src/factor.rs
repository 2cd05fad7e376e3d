//! Numbers between -1 and 1 that lose no digits near either end: what one step, k steps or a sync multiply a mean by.

/// Up to this power, multiplying is as accurate as the exponential, and quicker.
const MOST_FACTORS: u64 = 16;

/// A real factor f, beside its distances to 1 and to -1, each to full relative accuracy.
///
/// With condition numbers of 1e8, learning rates near 2/L and alpha near 0, what matters is `1 - f` and `1 + f`; taken
/// from a rounded f they would have no correct digit left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor {
    /// f.
    pub value: f64,
    /// 1 - f.
    pub one_minus: f64,
    /// 1 + f.
    pub one_plus: f64,
}

impl Factor {
    /// `1 - lr a`: a gradient step in a direction of curvature a. Each of the three is rounded once.
    pub fn gradient_step(lr: f64, curvature: f64) -> Self {
        Self { value: lr.mul_add(-curvature, 1.0), one_minus: lr * curvature, one_plus: lr.mul_add(-curvature, 2.0) }
    }

    /// ln |f|.
    pub fn ln_abs(self) -> f64 {
        if self.one_minus < 0.5 {
            (-self.one_minus).ln_1p()
        } else if self.one_plus < 0.5 {
            (-self.one_plus).ln_1p()
        } else {
            self.value.abs().ln()
        }
    }

    /// f^n.
    pub fn pow(self, n: u64) -> Self {
        let (size, rest) = match n {
            0 => (1.0, 0.0),
            1 => return self,
            2..=MOST_FACTORS => self.by_multiplication(n),
            _ => self.by_exponential(n),
        };
        if self.value < 0.0 && n % 2 == 1 {
            Self { value: -size, one_minus: 1.0 + size, one_plus: rest }
        } else {
            Self { value: size, one_minus: rest, one_plus: 1.0 + size }
        }
    }

    /// `|f|^n` and `1 - |f|^n = (1 - |f|) (1 + |f| + … + |f|^(n-1))`.
    fn by_multiplication(self, n: u64) -> (f64, f64) {
        let (mut size, mut sum) = (1.0, 0.0);
        for _ in 0..n {
            sum += size;
            size *= self.value.abs();
        }
        (size, self.one_minus.min(self.one_plus) * sum)
    }

    /// `|f|^n = e^(n ln |f|)` and `1 - |f|^n`: the smaller one from the exponential and the other one from it.
    fn by_exponential(self, n: u64) -> (f64, f64) {
        let exponent = n as f64 * self.ln_abs();
        if exponent > -0.5 {
            let rest = -exponent.exp_m1();
            (1.0 - rest, rest)
        } else {
            let size = exponent.exp();
            (size, 1.0 - size)
        }
    }

    /// `1 - alpha + alpha f`: a sync of the slow weights (Eq. 10).
    pub fn pulled_back(self, alpha: f64) -> Self {
        let stay = 1.0 - alpha;
        Self {
            value: stay + alpha * self.value,
            one_minus: alpha * self.one_minus,
            one_plus: 2.0 * stay + alpha * self.one_plus,
        }
    }
}
