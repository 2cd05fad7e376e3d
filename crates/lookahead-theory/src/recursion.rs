//! Mean and variance step by step (Eq. 8 to 11 before they are solved), for learning rates that change: the second
//! moments of slow weight, fast weight, velocity and anchored velocity follow a linear recursion.

use lookahead::{InnerStatePolicy, Schedule};

use crate::{Cycle, Direction, Error, Moments, Momentum, NoisyQuadratic};

/// SGD, heavy-ball or plain, inside Lookahead, one inner step after another.
///
/// The inner step is `v <- beta v + g`, `theta <- theta - lr v`, with the gradient `g = a (theta - c)`.
///
/// ```
/// use lookahead_theory::{Cycle, Moments, Momentum, Noise, NoisyQuadratic, Recursion, Spectrum};
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 3 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let cycle = Cycle::new(5, 0.5)?;
/// let mut recursion = Recursion::new(&problem, 0.5.into(), Momentum::new(0.9)?, cycle, Moments::at(1.0))?;
/// let start = recursion.slow_loss();
/// recursion.run(100);
/// assert!(recursion.slow_loss() < start);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recursion<'p> {
    problem: &'p NoisyQuadratic,
    lr: Schedule<f64>,
    momentum: Momentum,
    cycle: Cycle,
    step: u64,
    states: Vec<State>,
}

/// The mean and the covariance of (phi, theta, v, the v of the last sync) in one direction.
#[derive(Debug, Clone)]
struct State {
    mean: [f64; 4],
    covariance: Matrix,
}

type Matrix = [[f64; 4]; 4];

/// Where each stands in a [`State`].
const SLOW: usize = 0;
const FAST: usize = 1;

impl<'p> Recursion<'p> {
    /// Slow and fast weights at `start`, the velocity at 0. `lr` gives the rate of each inner step, counted from 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless every rate is above 0 and below `2 (1 + beta) / L`, the start finite and its
    /// variance at least 0.
    pub fn new(
        problem: &'p NoisyQuadratic,
        lr: Schedule<f64>,
        momentum: Momentum,
        cycle: Cycle,
        start: Moments,
    ) -> Result<Self, Error> {
        for rate in lr.values() {
            momentum.check_lr(rate, problem.eigenvalues().largest())?;
        }
        let Moments { mean, variance } = start.check()?;
        let mut state = State { mean: [mean, mean, 0.0, 0.0], covariance: [[0.0; 4]; 4] };
        for i in [SLOW, FAST] {
            for j in [SLOW, FAST] {
                state.covariance[i][j] = variance;
            }
        }
        let states = vec![state; problem.directions().len()];
        Ok(Self { problem, lr, momentum, cycle, step: 0, states })
    }

    /// One inner step, and the sync if it is the k-th since the last one.
    pub fn step(&mut self) {
        let lr = self.lr.at(self.step);
        self.step += 1;
        let sync = self.step.is_multiple_of(self.cycle.steps()).then(|| sync_matrix(&self.cycle));
        for (&direction, state) in self.problem.directions().iter().zip(&mut self.states) {
            state.inner_step(direction, lr, self.momentum.get());
            if let Some(sync) = &sync {
                state.transform(sync);
            }
        }
    }

    /// `steps` inner steps.
    pub fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
    }

    /// The slow weights' mean and variance, in the order of the eigenvalues.
    #[must_use]
    pub fn slow(&self) -> Vec<Moments> {
        self.states.iter().map(|state| state.moments(SLOW)).collect()
    }

    /// The fast weights'.
    #[must_use]
    pub fn fast(&self) -> Vec<Moments> {
        self.states.iter().map(|state| state.moments(FAST)).collect()
    }

    /// Eq. 5 for the slow weights.
    #[must_use]
    pub fn slow_loss(&self) -> f64 {
        self.loss(SLOW)
    }

    /// Eq. 5 for the fast weights.
    #[must_use]
    pub fn fast_loss(&self) -> f64 {
        self.loss(FAST)
    }

    fn loss(&self, which: usize) -> f64 {
        let mut moments = self.states.iter().map(|state| state.moments(which));
        self.problem.expected_loss_by(|_| moments.next().unwrap_or_default())
    }
}

impl State {
    /// `v <- beta v + a (theta - c)`, `theta <- theta - lr v`.
    fn inner_step(&mut self, direction: Direction, lr: f64, beta: f64) {
        let a = direction.curvature;
        self.transform(&[
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0 - lr * a, -lr * beta, 0.0],
            [0.0, a, beta, 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ]);
        // What c, drawn afresh, adds: a c to theta by way of the velocity.
        let kick = [0.0, lr * a, -a, 0.0];
        for i in 0..4 {
            for j in 0..4 {
                self.covariance[i][j] += kick[i] * kick[j] * direction.noise_variance;
            }
        }
    }

    fn transform(&mut self, matrix: &Matrix) {
        self.mean = matrix.map(|row| dot(&row, &self.mean));
        // M S M^T
        let half = matrix.map(|row| self.covariance.map(|column| dot(&row, &column)));
        self.covariance = matrix.map(|row| half.map(|other| dot(&row, &other)));
    }

    fn moments(&self, which: usize) -> Moments {
        Moments { mean: self.mean[which], variance: self.covariance[which][which] }
    }
}

/// `phi <- phi + alpha (theta - phi)`, `theta <- phi`, and the velocity as the policy says.
fn sync_matrix(cycle: &Cycle) -> Matrix {
    let alpha = cycle.alpha.get();
    let weights = [1.0 - alpha, alpha, 0.0, 0.0];
    let velocity = match cycle.inner_state {
        InnerStatePolicy::Maintain => [0.0, 0.0, 1.0, 0.0],
        InnerStatePolicy::Interpolate => [0.0, 0.0, alpha, 1.0 - alpha],
        InnerStatePolicy::Reset => [0.0; 4],
    };
    [weights, weights, velocity, velocity]
}

fn dot(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
