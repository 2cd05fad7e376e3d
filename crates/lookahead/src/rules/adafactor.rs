//! AdaFactor (Shazeer and Stern 2018): the second moment of a matrix kept as its row and column means.

use serde::{Deserialize, Serialize};

use crate::error::accept;
use crate::inner_state::counts_fit;
use crate::kernels::{interpolate, interpolate_scalar};
use crate::{Alpha, Cadence, Error, Float, Grads, InnerState, Optimizer, Param, ParamSet};

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
}

/// The second moment of each tensor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
pub struct AdaFactorState<T> {
    tensors: Vec<TensorState<T>>,
}

/// The second moment of one tensor: means over rows and columns, or every element (`columns` empty).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Float")]
struct TensorState<T> {
    rows: Vec<T>,
    columns: Vec<T>,
    // The sum of the averaging weights: 1 after any step, less after an interpolation toward an emptier state.
    weight: f64,
    steps: u64,
}

/// A tensor as `batch` matrices of `rows` times `columns`.
#[derive(Clone, Copy)]
struct Matrices {
    batch: usize,
    rows: usize,
    columns: usize,
}

impl Matrices {
    fn of(shape: &[usize]) -> Option<Self> {
        let [batch @ .., rows, columns] = shape else { return None };
        Some(Self { batch: batch.iter().product(), rows: *rows, columns: *columns })
    }

    /// `(index of the element, index of its row mean, index of its column mean)`
    fn elements(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { batch, rows, columns } = self;
        (0..batch * rows)
            .flat_map(move |row| (0..columns).map(move |j| (row * columns + j, row, row / rows * columns + j)))
    }
}

impl<T: Float> TensorState<T> {
    fn new(param: &Param<'_, T>) -> Self {
        let (rows, columns) = Self::lengths(param);
        Self { rows: vec![T::ZERO; rows], columns: vec![T::ZERO; columns], weight: 0.0, steps: 0 }
    }

    fn lengths(param: &Param<'_, T>) -> (usize, usize) {
        Matrices::of(param.shape()).map_or((param.values().len(), 0), |m| (m.batch * m.rows, m.batch * m.columns))
    }

    /// Averages the squares of `gradient` and gives the update before its step size, `g / sqrt(v)`.
    fn update(&mut self, shape: &[usize], gradient: &[T], rest: f64) -> Vec<T> {
        self.weight += rest * (1.0 - self.weight);
        let epsilon = T::EPSILON;
        let floor = epsilon * epsilon;
        let rest = T::from_f64(rest);
        let weight = T::from_f64(self.weight);
        let at_least = |value: T, least: T| if value < least { least } else { value };
        let Some(matrices) = Matrices::of(shape) else {
            return gradient
                .iter()
                .zip(&mut self.rows)
                .map(|(&g, v)| {
                    *v = *v + rest * (g * g - *v);
                    g / at_least(*v / weight, floor).sqrt()
                })
                .collect();
        };
        let (mut rows, mut columns) = (vec![T::ZERO; self.rows.len()], vec![T::ZERO; self.columns.len()]);
        for (element, row, column) in matrices.elements() {
            let square = gradient[element] * gradient[element];
            rows[row] = rows[row] + square;
            columns[column] = columns[column] + square;
        }
        let average = |means: &mut [T], sums: &[T], count: usize| {
            for (mean, &sum) in means.iter_mut().zip(sums) {
                *mean = *mean + rest * (sum / T::from_f64(count as f64) - *mean);
            }
        };
        average(&mut self.rows, &rows, matrices.columns);
        average(&mut self.columns, &columns, matrices.rows);
        // v = r c^T / mean(r), for each matrix
        let scales: Vec<T> = self
            .rows
            .chunks(matrices.rows.max(1))
            .map(|rows| {
                let sum = rows.iter().fold(T::ZERO, |sum, &row| sum + row / weight);
                at_least(sum / T::from_f64(rows.len() as f64), epsilon)
            })
            .collect();
        let mut update = vec![T::ZERO; gradient.len()];
        for (element, row, column) in matrices.elements() {
            let v = (self.rows[row] / weight) * (self.columns[column] / weight) / scales[row / matrices.rows];
            update[element] = gradient[element] / at_least(v, floor).sqrt();
        }
        update
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
            if (tensor.rows.len(), tensor.columns.len()) != TensorState::lengths(param) {
                let reason = format!("the second moment of tensor {:?} has another shape", param.name());
                return Err(Error::OtherParameters { reason });
            }
        }
        Ok(())
    }
}

/// The square root of the mean of the squares, 0 for no values.
fn root_mean_square<T: Float>(values: &[T]) -> f64 {
    let sum: f64 = values.iter().map(|value| value.to_f64() * value.to_f64()).sum();
    if values.is_empty() { 0.0 } else { (sum / values.len() as f64).sqrt() }
}

impl Cadence for AdaFactor {}

impl<T: Float> Optimizer<T> for AdaFactor {
    type State = AdaFactorState<T>;

    fn init(&self, params: &ParamSet<'_, T>) -> AdaFactorState<T> {
        let mut state = AdaFactorState::default();
        state.adopt(params);
        state
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, T>, grads: &Grads<'_, T>, state: &mut AdaFactorState<T>) {
        assert_eq!(params.len(), grads.len(), "one gradient slot for each tensor");
        state.adopt(params);
        for (index, (param, state)) in params.iter_mut().zip(&mut state.tensors).enumerate() {
            let Some(gradient) = grads.get(index) else { continue };
            assert_eq!(param.values().len(), gradient.len(), "a tensor and its gradient");
            state.steps = state.steps.saturating_add(1);
            let t = state.steps as f64;
            // rho = min(gamma, 1/sqrt(t)); step size = max(eps_2, rms(theta)) rho
            let rho = lr.min(1.0 / t.sqrt());
            let scale = root_mean_square(param.values()).max(self.smallest_scale) * rho;
            let update = state.update(param.shape(), gradient, t.powf(self.beta2_decay));
            let clip = (root_mean_square(&update) / self.clipping).max(1.0);
            let (keep, scale) = (T::from_f64(1.0 - lr * self.weight_decay), T::from_f64(scale / clip));
            for (theta, &update) in param.values_mut().iter_mut().zip(&update) {
                *theta = *theta * keep - scale * update;
            }
        }
    }
}
