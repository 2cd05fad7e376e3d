//! AdaFactor on Burn tensors (Shazeer and Stern 2018), its second moment factored.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{DType, Device, Tensor};
use burn_pack::Scalar;
use lookahead::kernels::adafactor::{self, Coefficients};
use lookahead::{Alpha, kernels};

use crate::flex::{Values, opens};
use crate::magnitude::largest_magnitude;
use crate::pull_back::interpolate;
use crate::read_back::{moved_to, values_or_panic};
use crate::rule_state::SECOND_WEIGHT_LEAF;
use crate::rules::in_single;
use crate::traversal::tensor_of;

/// PyTorch's AdaFactor for Burn: [`lookahead::rules::AdaFactor`] on tensors, in place on the CPU.
///
/// With the learning rate 0.01 its step size is Shazeer and Stern's, `min(0.01, 1 / sqrt(t))` times the scale of the
/// tensor.
///
/// ```
/// use lookahead_burn::AdaFactor;
/// let rule = AdaFactor::new().with_clipping(2.0)?;
/// # let _ = rule;
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdaFactor(lookahead::rules::AdaFactor);

impl AdaFactor {
    pub(crate) fn core(&self) -> &lookahead::rules::AdaFactor {
        &self.0
    }

    /// PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

builders!(AdaFactor { with_beta2_decay(exponent); with_clipping(d); with_weight_decay(lambda); with_smallest_scale(scale); });

impl From<lookahead::rules::AdaFactor> for AdaFactor {
    fn from(rule: lookahead::rules::AdaFactor) -> Self {
        Self(rule)
    }
}

/// What [`AdaFactor`] remembers of one parameter.
#[derive(Debug, Clone)]
pub struct AdaFactorState<const D: usize> {
    /// The means of the squares over the last dimension, which has extent 1; below rank 2 the squares themselves.
    pub rows: Tensor<D>,
    /// The means over the last dimension but one, which has extent 1; none below rank 2.
    pub columns: Option<Tensor<D>>,
    /// The sum of the averaging weights.
    pub weight: f64,
    /// The number of steps.
    pub steps: u64,
}

impl<const D: usize> AdaFactorState<D> {
    /// Before the first step of a parameter with such weights.
    #[must_use]
    pub fn new(weights: &Tensor<D>) -> Self {
        let without = |axis: usize| {
            let mut shape = weights.dims();
            shape[axis] = 1;
            Tensor::zeros(shape, (&weights.device(), weights.dtype()))
        };
        let (rows, columns) = match D {
            0 | 1 => (weights.zeros_like(), None),
            _ => (without(D - 1), Some(without(D - 2))),
        };
        Self { rows, columns, weight: 0.0, steps: 0 }
    }

    /// App. C.5: the means and their bias correction move back toward `anchor`, or toward nothing where there is none.
    pub(crate) fn pull_back(self, anchor: Option<&Self>, alpha: Alpha) -> Self {
        let Self { rows, columns, weight, steps } = self;
        let rows = interpolate(rows, anchor.map(|anchor| anchor.rows.clone()), alpha);
        let columns =
            columns.map(|columns| interpolate(columns, anchor.and_then(|anchor| anchor.columns.clone()), alpha));
        let weight = kernels::interpolate_scalar(weight, anchor.map_or(0.0, |anchor| anchor.weight), alpha);
        Self { rows, columns, weight, steps }
    }
}

impl<const D: usize> RecordState for AdaFactorState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "rows", values_or_panic(self.rows.clone()));
        if let Some(columns) = &self.columns {
            out.push_tensor(prefix, "columns", values_or_panic(columns.clone()));
        }
        out.push_scalar(prefix, SECOND_WEIGHT_LEAF, Scalar::Float(self.weight));
        out.push_scalar(prefix, "steps", Scalar::UInt(self.steps));
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let rows = tensor_of(src.take_tensor(prefix, "rows")?, device);
        let columns = src.take_tensor(prefix, "columns").map(|data| tensor_of(data, device));
        if columns.is_some() != (D >= 2) {
            return None;
        }
        let weight = f64::try_from(src.take_scalar(prefix, SECOND_WEIGHT_LEAF)?).ok()?;
        let steps = u64::try_from(src.take_scalar(prefix, "steps")?).ok()?;
        Some(Self { rows, columns, weight, steps })
    }
}

impl Optimizer for AdaFactor {
    type State<const D: usize> = AdaFactorState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<AdaFactorState<D>>,
    ) -> (Tensor<D>, Option<AdaFactorState<D>>) {
        let dtype = tensor.dtype();
        let (tensor, state) = in_single(tensor, grad, |tensor, grad| {
            let mut state = state.unwrap_or_else(|| AdaFactorState::new(&tensor));
            let coefficients = self.0.advance(lr, &mut state.steps, &mut state.weight);
            let opened = [&tensor, &grad, &state.rows].into_iter().chain(&state.columns).all(opens);
            if opened && dtype == DType::F32 {
                step_in_place(&coefficients, tensor, grad, state)
            } else {
                step_by_operations(&coefficients, epsilon_of(dtype), tensor, grad, state)
            }
        });
        (tensor, Some(state))
    }

    fn to_device<const D: usize>(state: AdaFactorState<D>, device: &Device) -> AdaFactorState<D> {
        let AdaFactorState { rows, columns, weight, steps } = state;
        let columns = columns.map(|columns| moved_to(columns, device));
        AdaFactorState { rows: moved_to(rows, device), columns, weight, steps }
    }
}

fn step_in_place<const D: usize>(
    c: &Coefficients,
    tensor: Tensor<D>,
    grad: Tensor<D>,
    state: AdaFactorState<D>,
) -> (Tensor<D>, AdaFactorState<D>) {
    let AdaFactorState { rows, columns, weight, steps } = state;
    let shape = tensor.dims();
    let (mut weights, grad) = (Values::of(tensor), Values::of(grad));
    let (mut rows, mut columns) = (Values::of(rows), columns.map(Values::of));
    let moment = [rows.as_mut_slice(), columns.as_mut().map(Values::as_mut_slice).unwrap_or_default()];
    adafactor::step(c, &shape, weights.as_mut_slice(), grad.as_slice(), moment);
    let state = AdaFactorState { rows: rows.into_tensor(), columns: columns.map(Values::into_tensor), weight, steps };
    (weights.into_tensor(), state)
}

fn step_by_operations<const D: usize>(
    c: &Coefficients,
    epsilon: f64,
    tensor: Tensor<D>,
    grad: Tensor<D>,
    state: AdaFactorState<D>,
) -> (Tensor<D>, AdaFactorState<D>) {
    let AdaFactorState { rows, columns, weight, steps } = state;
    // a sqrt(mean((x / a)^2)), a being the largest |x|: squares of numbers up to 1 do not overflow
    let root_mean_square = |values: &Tensor<D>| {
        let largest = largest_magnitude(values.clone()).reshape([1; D]);
        let parts = values.clone() / largest.clone();
        (parts.clone() * parts).mean().sqrt().reshape([1; D]) * largest
    };
    // r <- r + (1 - beta_2t) (mean(g^2) - r), and so for the columns
    let average = |mean: Tensor<D>, squares: Tensor<D>| mean.clone() + (squares - mean) * c.rest;
    let squares = grad.clone() * grad.clone();
    let (rows, columns, second_moment) = match columns {
        None => {
            let squares = average(rows, squares);
            (squares.clone(), None, squares / c.weight)
        }
        Some(columns) => {
            let rows = average(rows, squares.clone().mean_dim(D - 1));
            let columns = average(columns, squares.mean_dim(D - 2));
            // v = r c / mean(r), the mean at least epsilon_1
            let scale = (rows.clone().mean_dim(D - 2) / c.weight).clamp_min(epsilon);
            let second_moment = (rows.clone() / c.weight / scale) * (columns.clone() / c.weight);
            (rows, Some(columns), second_moment)
        }
    };
    // u = g / sqrt(max(v, epsilon_1^2)), clipped at the root mean square d
    let update = grad / second_moment.clamp_min(epsilon * epsilon).sqrt();
    let clip = (root_mean_square(&update) / c.clipping).clamp_min(1.0);
    // theta <- (1 - gamma lambda) theta - rho max(epsilon_2, rms(theta)) u
    let step_size = root_mean_square(&tensor).clamp_min(c.smallest_scale) * c.rho / clip;
    let tensor = tensor * c.keep - update * step_size;
    (tensor, AdaFactorState { rows, columns, weight, steps })
}

/// `epsilon_1`: the distance from 1 to the next larger number in the precision of the weights.
fn epsilon_of(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        DType::F16 => f64::from(burn::tensor::f16::EPSILON),
        DType::BF16 => f64::from(burn::tensor::bf16::EPSILON),
        _ => f64::from(f32::EPSILON),
    }
}
