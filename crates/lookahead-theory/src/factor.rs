//! Numbers between -1 and 1 that lose no digits near either end: what one step, k steps or a sync multiply a mean by.

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

    /// f^n, for any n: `|f|^n = e^(n ln |f|)`.
    pub fn pow(self, n: u64) -> Self {
        match n {
            0 => return Self { value: 1.0, one_minus: 0.0, one_plus: 2.0 },
            1 => return self,
            _ => {}
        }
        let exponent = n as f64 * self.ln_abs();
        // |f|^n and 1 - |f|^n, the smaller one from the exponential and the other one from it.
        let (size, rest) = if exponent > -0.5 {
            let rest = -exponent.exp_m1();
            (1.0 - rest, rest)
        } else {
            let size = exponent.exp();
            (size, 1.0 - size)
        };
        if self.value < 0.0 && n % 2 == 1 {
            Self { value: -size, one_minus: 1.0 + size, one_plus: rest }
        } else {
            Self { value: size, one_minus: rest, one_plus: 1.0 + size }
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
