//! Mean and variance of averages of SGD's weights on the noisy quadratic (Eq. 8 to 11 for what averages).

use crate::error::short;
use crate::linear_map::{LinearMap, Square};
use crate::second_moments::{NoisyMap, not_negative};
use crate::{Average, Direction, Error, Moments, NoisyQuadratic};

/// The most steps times eigenvalues of a mean of all weights, whose recursion changes with each step: some seconds.
const MOST_STEPS: u64 = 300_000_000;

/// SGD with a constant learning rate and an [`Average`] of its weights, on a noisy quadratic. Of its weights x are
/// those to evaluate, y those that gradients are taken at. All begin at the same start.
///
/// The variance of an exponential average and of GPA comes to rest. That of the mean of all weights and of
/// Schedule-Free's x does not: after t steps it is near `sigma^2 / ((1 - beta^2) t)`, whatever the learning rate, once
/// t is far above `1 / ((1 - beta) lr a)`.
///
/// ```
/// use lookahead_theory::{Average, AverageDynamics, Eigenvalues, Moments, Noise, NoisyQuadratic};
/// let problem = NoisyQuadratic::new(Eigenvalues::new(vec![1.0])?, &Noise::Constant(2.0))?;
/// let schedule_free = AverageDynamics::new(&problem, 0.5, Average::schedule_free(0.9)?)?;
/// let variance = schedule_free.after(Moments::at(1.0), 100_000)?[0].variance;
/// assert!((variance * 100_000.0 - 2.0 / (1.0 - 0.81)).abs() < 0.01);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AverageDynamics<'p> {
    problem: &'p NoisyQuadratic,
    lr: f64,
    average: Average,
}

impl<'p> AverageDynamics<'p> {
    /// # Errors
    /// [`Error::OutOfRange`] unless the learning rate is above 0 and below [`Average::lr_limit`].
    pub fn new(problem: &'p NoisyQuadratic, lr: f64, average: Average) -> Result<Self, Error> {
        let lr = average.check_lr(lr, problem.eigenvalues().largest())?;
        Ok(Self { problem, lr, average })
    }

    /// Mean and variance of x in each direction after `steps` steps, in the order of the eigenvalues.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the mean of `start` is at most 1e100 in size and its variance from 0 to 1e200;
    /// [`Error::TooMuchWork`] for a mean of all weights over more than 3e8 steps times eigenvalues;
    /// [`Error::NotFinite`] where it grows too large for a double on its way.
    pub fn after(&self, start: Moments, steps: u64) -> Result<Vec<Moments>, Error> {
        self.each_after(start, steps, 1.0)
    }

    /// The same of y.
    ///
    /// # Errors
    /// As [`after`](Self::after).
    pub fn trained_after(&self, start: Moments, steps: u64) -> Result<Vec<Moments>, Error> {
        self.each_after(start, steps, self.average.interpolation())
    }

    /// Eq. 5, the expected loss of x after `steps` steps.
    ///
    /// # Errors
    /// As [`after`](Self::after).
    pub fn loss_after(&self, start: Moments, steps: u64) -> Result<f64, Error> {
        let mut each = self.after(start, steps)?.into_iter();
        let loss = self.problem.expected_loss_by(|_| each.next().unwrap_or_default());
        if loss.is_finite() { Ok(loss) } else { Err(self.not_finite("the expected loss")) }
    }

    /// The variances that x comes to rest at, in the order of the eigenvalues: 0 for the mean of all weights.
    #[must_use]
    pub fn final_variances(&self) -> Vec<f64> {
        self.problem.directions().iter().map(|&direction| self.final_variance(direction)).collect()
    }

    /// Eq. 5 at the fixed point: the least loss for the mean of all weights.
    #[must_use]
    pub fn final_loss(&self) -> f64 {
        self.problem.expected_loss_by(|direction| Moments { mean: 0.0, variance: self.final_variance(direction) })
    }

    /// Moments of `z + part (x - z)`.
    fn each_after(&self, start: Moments, steps: u64, part: f64) -> Result<Vec<Moments>, Error> {
        let start = start.check()?;
        let most = MOST_STEPS / self.problem.directions().len() as u64;
        if self.average.memory().is_none() && steps > most {
            let less = "take fewer steps or eigenvalues";
            return Err(Error::TooMuchWork { what: "the number of steps of a mean", size: steps, most, less });
        }
        let each = self.problem.directions().iter().map(|&direction| {
            let (mean, [[xx, xs], [_, ss]]) = self.state_after(direction, start, steps);
            // x + (1 - part) (z - x)
            let away = 1.0 - part;
            let variance = if away == 0.0 { xx } else { xx + away * (2.0 * xs + away * ss) };
            Moments { mean: mean[0] + away * mean[1], variance: not_negative(variance) }
        });
        let moments: Vec<Moments> = each.collect();
        if moments.iter().all(|moments| moments.mean.is_finite() && moments.variance.is_finite()) {
            return Ok(moments);
        }
        Err(self.not_finite("a mean or variance of the weights"))
    }

    /// Mean and covariance of (x, s = z - x).
    fn state_after(&self, direction: Direction, start: Moments, steps: u64) -> ([f64; 2], Square<2>) {
        let h = self.lr * direction.curvature;
        let (kept, noise) = (1.0 - h * (1.0 - self.average.interpolation()), h * h * direction.noise_variance);
        let ([mut x, mut s], [mut xx, mut xs, mut ss]) = ([start.mean, 0.0], [start.variance, 0.0, 0.0]);
        let one_by_one = if self.average.memory().is_some() { steps.min(1) } else { steps };
        for step in 1..=one_by_one {
            // with the way g = s - h (y - c) of x to the new z:  x <- x + w g, s <- (1 - w) g
            let w = self.average.weight(step);
            let g = kept * s - h * x;
            let xg = kept * xs - h * xx;
            let gg = kept * (kept * ss - h * xs) - h * xg + noise;
            (x, s) = (x + w * g, (1.0 - w) * g);
            (xx, xs, ss) = (xx + w * (2.0 * xg + w * gg), (1.0 - w) * (xg + w * gg), (1.0 - w) * (1.0 - w) * gg);
        }
        let state = ([x, s], [[xx, xs], [xs, ss]]);
        match steps - one_by_one {
            0 => state,
            others => self.step(direction, self.average.weight(2)).power(others).apply(state.0, state.1),
        }
    }

    /// One step on (x, s), in which y is `x + (1 - m) s`, of an average whose w stays the same.
    fn step(&self, direction: Direction, w: f64) -> NoisyMap<2> {
        let h = self.lr * direction.curvature;
        let (stay, shrink) = (1.0 - w, h * (1.0 - self.average.interpolation()));
        let kept = 1.0 - shrink;
        let map = [[1.0 - w * h, w * kept], [-stay * h, stay * kept]];
        let deficit = [[w * h, -w * kept], [stay * h, w + stay * shrink]];
        let variance = h * h * direction.noise_variance;
        let noise = [[w * w, w * stay], [w * stay, stay * stay]].map(|row| row.map(|share| share * variance));
        NoisyMap { linear: LinearMap { map, deficit }, noise }
    }

    /// With r = 1 - w, x follows `x_(n+1) = T x_n - D x_(n-1) + (1 - r) h c`, where
    /// `D = r (1 - h (1 - m))`, `1 - T + D = (1 - r) h` and `1 + T + D = 2 (1 + r) - h (1 + r - 2 r m)`, so that
    ///
    /// ```text
    /// V[x] = (1 + D) (1 - r)^2 h^2 sigma^2 / ((1 - D) (1 - T + D) (1 + T + D))
    /// ```
    ///
    /// It converges if and only if `1 + T + D > 0`: then D is above -1.
    fn final_variance(&self, direction: Direction) -> f64 {
        let Some(r) = self.average.memory() else { return 0.0 };
        let (h, m) = (self.lr * direction.curvature, self.average.interpolation());
        let shrink = r * h * (1.0 - m);
        let (one_plus_det, one_minus_det) = (1.0 + r - shrink, 1.0 - r + shrink);
        let room = self.average.room(self.lr, direction.curvature);
        (1.0 - r) * h * direction.noise_variance * one_plus_det / (one_minus_det * room)
    }

    fn not_finite(&self, what: &'static str) -> Error {
        let because = format!("with learning rate {} it leaves the range of doubles", short(self.lr));
        Error::NotFinite { what, because }
    }
}
