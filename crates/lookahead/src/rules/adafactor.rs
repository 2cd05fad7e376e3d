//! AdaFactor (Shazeer and Stern 2018): the second moment of a matrix kept as its row and column means.

use crate::error::accept;
use crate::inner_state::{clone_in_place, counts_fit};
use crate::kernels::adafactor::{self, Coefficients, moment_lengths};
use crate::kernels::{interpolate, interpolate_scalar};
use crate::{Alpha, Cadence, Describe, Description, Error, Float, Grads, InnerState, Optimizer, Param, ParamSet};

/// AdaFactor as PyTorch defines it: `beta2_decay = -0.8`, `eps = (machine epsilon, 1e-3)`, clipping threshold `d = 1`,
/// decoupled weight decay 0, no first moment. Tensors of rank 2 and more are factored along their last two dimensions.
///
/// With t the tensor's step, the step size is `min(gamma, 1/sqrt(t))` times the tensor's root mean square (at least
/// `eps_2`); the second moment forgets `t^beta2_decay` of itself in each step; the update's root mean square is clipped
/// at d. PyTorch's own default learning rate is 0.01.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaFactor {
    beta2_decay: f64,
    smallest_scale: f64,
    clipping: f64,
    weight_decay: f64,
}

impl Default for AdaFactor {
    fn default() -> Self {
        Self { beta2_decay: -0.8, smallest_scale: 1e-3, clipping: 1.0, weight_decay: 0.0 }
    }
}

impl AdaFactor {
    /// PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The exponent of the second moment's forgetting, `t^beta2_decay`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless finite and at most 0.
    pub fn with_beta2_decay(self, exponent: f64) -> Result<Self, Error> {
        let ok = exponent <= 0.0 && exponent.is_finite();
        Ok(Self { beta2_decay: accept("beta2_decay", exponent, ok, "finite and at most 0")?, ..self })
    }

    /// The clipping threshold d of the update's root mean square.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless at least 1 (PyTorch's rule).
    pub fn with_clipping(self, d: f64) -> Result<Self, Error> {
        Ok(Self { clipping: accept("clipping", d, d >= 1.0 && d.is_finite(), "finite and at least 1")?, ..self })
    }

    /// The decoupled weight decay lambda.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless finite and not negative.
    pub fn with_weight_decay(self, lambda: f64) -> Result<Self, Error> {
        let ok = lambda >= 0.0 && lambda.is_finite();
        Ok(Self { weight_decay: accept("weight_decay", lambda, ok, "finite and not negative")?, ..self })
    }

    /// `eps_2`: the least root mean square that a tensor is taken to have, so that one of zeros moves too.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless above 0 and finite.
    pub fn with_smallest_scale(self, scale: f64) -> Result<Self, Error> {
        let ok = scale > 0.0 && scale.is_finite();
        Ok(Self { smallest_scale: accept("smallest_scale", scale, ok, "above 0 and finite")?, ..self })
    }

    /// Counts one step of a tensor and gives its numbers, for an engine of one's own: `steps` is the tensor's t,
    /// `weight` the sum of its averaging weights, `w <- w + t^beta2_decay (1 - w)`, both 0 at first.
    pub fn advance(&self, lr: f64, steps: &mut u64, weight: &mut f64) -> Coefficients {
        *steps = steps.saturating_add(1);
        let t = *steps as f64;
        let rest = t.powf(self.beta2_decay);
        *weight += rest * (1.0 - *weight);
        Coefficients {
            rest,
            weight: *weight,
            // rho = min(gamma, 1 / sqrt(t))
            rho: lr.min(1.0 / t.sqrt()),
            smallest_scale: self.smallest_scale,
            clipping: self.clipping,
            keep: 1.0 - lr * self.weight_decay,
        }
    }
}

/// The second moment of each tensor.
#[derive(Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
pub struct AdaFactorState<T> {
    tensors: Vec<TensorState<T>>,
}

clone_in_place!(AdaFactorState<T> { tensors });

/// The second moment of one tensor: means over rows and columns, or every element (`columns` empty).
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "T: Float"))]
struct TensorState<T> {
    rows: Vec<T>,
    columns: Vec<T>,
    // The sum of the averaging weights: 1 after any step, less after an interpolation toward an emptier state.
    weight: f64,
    steps: u64,
}

clone_in_place!(TensorState<T> { rows, columns, weight, steps });

impl<T: Float> TensorState<T> {
    fn new(param: &Param<'_, T>) -> Self {
        let [rows, columns] = moment_lengths(param.shape()).map(|length| vec![T::ZERO; length]);
        Self { rows, columns, weight: 0.0, steps: 0 }
    }
}

impl<T: Float> InnerState<T> for AdaFactorState<T> {
    fn adopt(&mut self, params: &ParamSet<'_, T>) {
        let known = self.tensors.len();
        self.tensors.extend(params.iter().skip(known).map(TensorState::new));
    }

    fn pull_back(&mut self, anchor: &Self, alpha: Alpha) {
        for (tensor, anchor) in self.tensors.iter_mut().zip(&anchor.tensors) {
            interpolate(&mut tensor.rows, &anchor.rows, alpha);
            interpolate(&mut tensor.columns, &anchor.columns, alpha);
            tensor.weight = interpolate_scalar(tensor.weight, anchor.weight, alpha);
        }
    }

    fn fits(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        counts_fit("second moments", self.tensors.len(), params)?;
        for (param, tensor) in params.iter().zip(&self.tensors) {
            if [tensor.rows.len(), tensor.columns.len()] != moment_lengths(param.shape()) {
                let reason = format!("the second moment of tensor {:?} has another shape", param.name());
                return Err(Error::OtherParameters { reason });
            }
        }
        Ok(())
    }
}

impl Cadence for AdaFactor {}

impl Describe for AdaFactor {
    fn describe(&self) -> Description {
        Description::of("AdaFactor")
            .with("beta2_decay", self.beta2_decay)
            .with("smallest_scale", self.smallest_scale)
            .with("clipping", self.clipping)
            .with("weight_decay", self.weight_decay)
    }
}

impl<T: Float> Optimizer<T> for AdaFactor {
    type State = AdaFactorState<T>;

    fn init(&self, params: &ParamSet<'_, T>) -> AdaFactorState<T> {
        let mut state = AdaFactorState::default();
        state.adopt(params);
        state
    }

    fn reset(&self, params: &ParamSet<'_, T>, state: &mut AdaFactorState<T>) {
        state.adopt(params);
        for TensorState { rows, columns, weight, steps } in &mut state.tensors {
            rows.fill(T::ZERO);
            columns.fill(T::ZERO);
            (*weight, *steps) = (0.0, 0);
        }
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut AdaFactorState<T>) {
        assert_eq!(params.len(), grads.len(), "one gradient slot for each tensor");
        state.adopt(params);
        for (index, (param, state)) in params.iter_mut().zip(&mut state.tensors).enumerate() {
            let Some(gradient) = grads.get(index) else { continue };
            let coefficients = self.advance(lr, &mut state.steps, &mut state.weight);
            let moment = [&mut state.rows[..], &mut state.columns[..]];
            let (shape, values) = param.shape_and_values_mut();
            adafactor::step(&coefficients, shape, values, gradient, moment);
        }
    }
}
