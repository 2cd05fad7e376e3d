//! Stochastic gradient descent: plain, heavy ball, Nesterov; coupled weight decay.

use serde::{Deserialize, Serialize};

use crate::error::accept;
use crate::inner_state::{buffers_fit, counts_fit};
use crate::kernels::{interpolate, sgd};
use crate::{Alpha, Cadence, Error, Float, Grads, InnerState, Optimizer, ParamSet};

/// SGD as PyTorch defines it; all hyperparameters but the learning rate default to 0.
///
/// `g <- g + lambda theta`; without momentum `theta <- theta - gamma g`; with it `v <- mu v + (1 - dampening) g`
/// (`v = g` in a tensor's first step) and `theta <- theta - gamma v`, or `theta - gamma (g + mu v)` for Nesterov.
///
/// ```
/// use lookahead::rules::Sgd;
/// let heavy_ball = Sgd::new().with_momentum(0.9)?.with_weight_decay(5e-4)?;
/// assert_eq!(heavy_ball.momentum(), 0.9);
/// assert!(Sgd::new().with_momentum(1.0).is_err());
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sgd {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Sgd {
    /// Plain SGD.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The momentum mu.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= mu < 1`, and above 0 with Nesterov.
    pub fn with_momentum(self, mu: f64) -> Result<Self, Error> {
        let (ok, accepted) = match self.nesterov {
            true => (mu > 0.0 && mu < 1.0, "above 0 and below 1 with Nesterov momentum"),
            false => ((0.0..1.0).contains(&mu), "at least 0 and below 1"),
        };
        let momentum = accept("momentum", mu, ok, accepted)?;
        Ok(Self { momentum, ..self })
    }

    /// How much less than fully the gradient enters the velocity.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= dampening <= 1`, and 0 with Nesterov.
    pub fn with_dampening(self, dampening: f64) -> Result<Self, Error> {
        let ok = (0.0..=1.0).contains(&dampening) && !(self.nesterov && dampening != 0.0);
        let dampening = accept("dampening", dampening, ok, "from 0 to 1, and 0 with Nesterov momentum")?;
        Ok(Self { dampening, ..self })
    }

    /// Nesterov's momentum instead of the heavy ball.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the momentum if it is 0, or the dampening if it is not (PyTorch's rule).
    pub fn with_nesterov(self) -> Result<Self, Error> {
        accept("momentum", self.momentum, self.momentum > 0.0, "above 0 with Nesterov momentum")?;
        accept("dampening", self.dampening, self.dampening == 0.0, "0 with Nesterov momentum")?;
        Ok(Self { nesterov: true, ..self })
    }

    /// Coupled (L2) weight decay lambda.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless finite and not negative.
    pub fn with_weight_decay(self, lambda: f64) -> Result<Self, Error> {
        let weight_decay =
            accept("weight_decay", lambda, lambda >= 0.0 && lambda.is_finite(), "finite and not negative")?;
        Ok(Self { weight_decay, ..self })
    }

    /// The momentum mu.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// Whether the momentum is Nesterov's.
    #[must_use]
    pub fn is_nesterov(&self) -> bool {
        self.nesterov
    }

    /// The weight decay lambda.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The numbers of one step of one tensor, `first` being its first.
    #[must_use]
    pub fn coefficients<T: Float>(&self, lr: f64, first: bool) -> sgd::Coefficients<T> {
        sgd::Coefficients {
            lr: T::from_f64(lr),
            weight_decay: T::from_f64(self.weight_decay),
            momentum: T::from_f64(self.momentum),
            gradient_weight: T::from_f64(if first { 1.0 } else { 1.0 - self.dampening }),
        }
    }

    /// One step of one tensor; `velocity` is used only with momentum.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn step_tensor<T: Float>(&self, weights: &mut [T], grads: &[T], velocity: &mut [T], c: sgd::Coefficients<T>) {
        match (self.momentum > 0.0, self.nesterov) {
            (false, _) => sgd::plain(weights, grads, c),
            (true, false) => sgd::heavy_ball(weights, grads, velocity, c),
            (true, true) => sgd::nesterov(weights, grads, velocity, c),
        }
    }
}

/// The velocity of each tensor (empty until its first step with momentum) and the number of its steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct SgdState<T> {
    velocity: Vec<Vec<T>>,
    steps: Vec<u64>,
}

impl Cadence for Sgd {}

impl<T: Float> Optimizer<T> for Sgd {
    type State = SgdState<T>;

    fn init(&self, params: &ParamSet<'_, T>) -> SgdState<T> {
        let mut state = SgdState::default();
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut SgdState<T>) {
        assert_eq!(params.len(), grads.len(), "one gradient slot for each tensor");
        state.adopt(params);
        for (index, param) in params.iter_mut().enumerate() {
            if let Some(gradient) = grads.get(index) {
                let c = self.coefficients(lr, state.steps[index] == 0);
                let velocity = &mut state.velocity[index];
                if self.momentum > 0.0 && velocity.is_empty() {
                    velocity.resize(gradient.len(), T::ZERO);
                }
                self.step_tensor(param.values_mut(), gradient, velocity, c);
                state.steps[index] = state.steps[index].saturating_add(1);
            }
        }
    }
}

impl<T: Float> InnerState<T> for SgdState<T> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        self.velocity.resize(params.len(), Vec::new());
        self.steps.resize(params.len(), 0);
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        for (velocity, anchor) in self.velocity.iter_mut().zip(&anchor.velocity) {
            // A velocity that is not there, now or at the last sync, is zero.
            let length = velocity.len().max(anchor.len());
            velocity.resize(length, T::ZERO);
            if anchor.is_empty() {
                interpolate(velocity, &vec![T::ZERO; length], alpha);
            } else {
                interpolate(velocity, anchor, alpha);
            }
        }
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        counts_fit("step counters", self.steps.len(), params)?;
        buffers_fit("the velocity", &self.velocity, params, true)
    }
}
