//! Clipping by the global norm (Pascanu, Mikolov, Bengio 2013), as PyTorch's `clip_grad_norm_` defines it. The paper's
//! Penn Treebank runs clip at 0.25 (App. C.3); Burn's own clipping takes the norm of each tensor by itself.

use std::collections::HashSet;
use std::fmt;

use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, FloatDType, Tensor};

use crate::Error;
use crate::cube;
use crate::flex::{Values, is_later, opens};
use crate::magnitude::largest_magnitude;
use crate::ordered_sum::ordered_sum;
use crate::places::Places;
use crate::read_back::{self, Number};
use crate::traversal::Paths;
use crate::weights::{at_least_single, check_precision, in_precision};

/// The gradients after [`clip_by_global_norm`], and what it found.
#[derive(Debug)]
pub struct ClippedGradients {
    /// The gradients, for the optimizer's step.
    pub grads: GradientsParams,
    norm: Number,
    max_norm: f64,
}

impl ClippedGradients {
    /// The global norm before clipping. Not finite if a gradient is not. Waits for the device, if it is none that the host
    /// itself computes on.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if the device fails.
    pub fn norm(&self) -> Result<f64, Error> {
        self.norm.read()
    }

    /// Whether the gradients were scaled down. Waits as [`norm`](Self::norm) does.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if the device fails.
    pub fn clipped(&self) -> Result<bool, Error> {
        Ok(coefficient(self.norm()?, self.max_norm).is_some())
    }
}

/// What scales gradients of this norm down, if anything does.
fn coefficient(norm: f64, max_norm: f64) -> Option<f64> {
    let coefficient = max_norm / (norm + 1e-6);
    (norm.is_finite() && coefficient < 1.0).then_some(coefficient)
}

/// Scales all gradients of `module` by `min(1, max_norm / (norm + 1e-6))`, `norm` being the L2 norm over all of them.
///
/// The norm is summed in a fixed order, on the CPU in f64. Elsewhere each tensor is summed on its device: by a kernel in f32, or, f64
/// or without the kernels, by tensor operations, in f64 where the device has it. Nothing waits for the norm: it stays on the
/// device, if all gradients are on the same one, until it is asked for. In f32 a norm above the largest f32 counts as not
/// finite. Parameters without a gradient, and gradients of other modules in `grads`, do not count and stay as they are.
///
/// A norm that is not finite scales nothing: the gradients pass as they are, for the caller to see in
/// [`norm`](ClippedGradients::norm) (PyTorch would turn them all into zeros or NaN).
///
/// # Errors
/// [`lookahead::Error::OutOfRange`] in [`Error::Hyperparameter`] unless `max_norm` is above 0 and finite;
/// [`Error::UnsupportedPrecision`] for a gradient in a precision in which its device cannot compute; [`Error::ReadBack`] if
/// the device fails.
///
/// ```
/// use burn::{module::Module, nn::LinearConfig, optim::GradientsParams, tensor::{Device, Tensor}};
/// use lookahead_burn::clip_by_global_norm;
///
/// let device = Device::flex().autodiff();
/// let model = LinearConfig::new(4, 2).init(&device);
/// let loss = model.forward(Tensor::<2>::ones([8, 4], &device)).sum();
/// let grads = GradientsParams::from_grads(loss.backward(), &model);
///
/// let clipped = clip_by_global_norm(&model, grads, 0.25)?;
/// assert!((clipped.norm()? - 640_f64.sqrt()).abs() < 1e-9);   // ten gradients of 8
/// assert!(clipped.clipped()?);
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
pub fn clip_by_global_norm<M: Module>(
    module: &M,
    grads: GradientsParams,
    max_norm: f64,
) -> Result<ClippedGradients, Error> {
    check_threshold("max_norm", max_norm)?;
    let mut squares = SumOfSquares::of(&grads);
    module.visit(&mut squares);
    let SumOfSquares { ids, sum, pending, refused, .. } = squares;
    if let Some(refused) = refused {
        return Err(refused);
    }
    let norms: Vec<Tensor<1>> = pending.into_iter().map(norm_of).collect();
    let (norm, factor) = match (norms.as_slice(), sum) {
        ([norm], None) if is_later(&norm.device()) => {
            let coefficient = coefficient_of(norm.clone(), max_norm);
            (Number::on_device(norm.clone()), Some(Number::on_device(coefficient)))
        }
        _ => {
            let norm = norm(sum.unwrap_or(0.0), &read_back::numbers(norms)?);
            (Number::Known(norm), coefficient(norm, max_norm).map(Number::Known))
        }
    };
    let Some(factor) = factor else { return Ok(ClippedGradients { grads, norm, max_norm }) };
    let mut scale = Scaling { grads, ids, factor };
    module.visit(&mut scale);
    Ok(ClippedGradients { grads: scale.grads, norm, max_norm })
}

fn check_threshold(name: &'static str, value: f64) -> Result<(), Error> {
    let accepted = "above 0 and finite";
    let valid = value > 0.0 && value.is_finite();
    if valid { Ok(()) } else { Err(lookahead::Error::OutOfRange { name, value, accepted }.into()) }
}

/// Burn's own clipping, each tensor by itself: what stands in the config of an optimizer of Burn, and gets lost on the way
/// to its rule.
#[derive(Clone)]
pub(crate) struct Clipping(GradientClipping);

impl Clipping {
    pub(crate) fn new(clipping: GradientClipping) -> Result<Self, Error> {
        let (name, threshold) = match clipping {
            GradientClipping::Value(threshold) => ("the threshold of clipping by value", threshold),
            GradientClipping::Norm(threshold) => ("the threshold of clipping by norm", threshold),
        };
        check_threshold(name, threshold.into())?;
        Ok(Self(clipping))
    }

    /// The gradients of a module, each clipped once.
    pub(crate) fn apply<M: Module>(&self, module: &M, places: &Places, grads: GradientsParams) -> GradientsParams {
        let mut clip = Clip { grads, clipping: &self.0 };
        places.visit(module, &mut clip);
        clip.grads
    }
}

impl fmt::Debug for Clipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            GradientClipping::Value(threshold) => write!(f, "Value({threshold:?})"),
            GradientClipping::Norm(threshold) => write!(f, "Norm({threshold:?})"),
        }
    }
}

struct Clip<'a> {
    grads: GradientsParams,
    clipping: &'a GradientClipping,
}

impl ModuleVisitor for Clip<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.grads.remove::<D>(param.id) {
            self.grads.register(param.id, self.clipping.clip_gradient(gradient));
        }
    }
}

/// Sums each gradient's squares once, also where modules share a parameter.
struct SumOfSquares<'a> {
    grads: &'a GradientsParams,
    ids: HashSet<ParamId>,
    // Over the gradients that the host sums.
    sum: Option<f64>,
    // Of the gradients of each other device pairs: a largest magnitude a, and a sum of (g / a)^2, which does not overflow.
    pending: Vec<Vec<Tensor<1>>>,
    paths: Paths,
    refused: Option<Error>,
}

impl<'a> SumOfSquares<'a> {
    fn of(grads: &'a GradientsParams) -> Self {
        let (ids, paths) = (HashSet::new(), Paths::default());
        Self { grads, ids, sum: None, pending: Vec::new(), paths, refused: None }
    }
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.grads.get::<D>(param.id) else { return };
        if !self.ids.insert(param.id) {
            return;
        }
        if opens(&gradient) {
            *self.sum.get_or_insert(0.0) += sum_of_squares(Values::of(gradient).as_slice());
            return;
        }
        if let Err(error) = check_precision(&gradient, || self.paths.current()) {
            self.refused.get_or_insert(error);
            return;
        }
        let pairs = pairs(gradient);
        match self.pending.iter_mut().find(|there| there[0].device() == pairs.device()) {
            Some(there) => there.push(pairs),
            None => self.pending.push(vec![pairs]),
        }
    }
}

/// By one kernel, or by tensor operations in f64 where the device has it.
fn pairs<const D: usize>(gradient: Tensor<D>) -> Tensor<1> {
    if cube::opens_up_to_single(&gradient) && gradient.shape().num_elements() > 0 {
        return cube::scaled_squares(gradient);
    }
    let has_f64 = gradient.device().supports_dtype(FloatDType::F64);
    let gradient = gradient.cast(if has_f64 { FloatDType::F64 } else { FloatDType::F32 });
    let largest = largest_magnitude(gradient.clone());
    let ratios = gradient / largest.clone().reshape([1; D]);
    Tensor::cat(vec![largest, ordered_sum(ratios.square())], 0)
}

/// Eight running sums, so that the processor need not wait for one addition to begin the next.
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    for chunk in values.chunks(sums.len()) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum()
}

/// The root of `sum` and of all squares of `norms` together, as `A sqrt(...)` with `A` the largest of them: that overflows only
/// where the norm itself does.
fn norm(sum: f64, norms: &[f64]) -> f64 {
    let norms = || norms.iter().copied().chain([sum.sqrt()]);
    let largest = norms().fold(1.0, f64::max);
    if largest.is_infinite() {
        return norms().sum();
    }
    largest * norms().map(|norm| (norm / largest).powi(2)).sum::<f64>().sqrt()
}

/// The root of all `a^2 sum((g / a)^2)` of one device, as `A sqrt(...)` with `A` the largest `a`.
fn norm_of(pairs: Vec<Tensor<1>>) -> Tensor<1> {
    let has_f64 = pairs.iter().any(|pairs| pairs.dtype() == DType::F64);
    let widest = if has_f64 { DType::F64 } else { DType::F32 };
    let pairs = Tensor::cat(pairs.into_iter().map(|pairs| in_precision(pairs, widest)).collect(), 0);
    let count = pairs.dims()[0] / 2;
    let pairs = pairs.reshape([count, 2]);
    let (largest, sums) = (pairs.clone().narrow(1, 0, 1), pairs.narrow(1, 1, 1));
    let greatest = largest.clone().max().clamp_min(1.0);
    let ratio = largest / greatest.clone().reshape([1, 1]);
    greatest * ordered_sum(sums * ratio.square()).sqrt()
}

/// [`coefficient`] in tensor operations; 1 where nothing is to be scaled.
fn coefficient_of(norm: Tensor<1>, max_norm: f64) -> Tensor<1> {
    let ones = norm.ones_like();
    let coefficient = (ones.clone() * max_norm / (norm.clone() + 1e-6)).clamp_max(1.0);
    ones.mask_where(norm.is_finite(), coefficient)
}

struct Scaling {
    grads: GradientsParams,
    // The parameters that are still to be scaled.
    ids: HashSet<ParamId>,
    factor: Number,
}

impl ModuleVisitor for Scaling {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.ids.remove(&param.id)
            && let Some(gradient) = self.grads.remove::<D>(param.id)
        {
            self.grads.register(param.id, scaled(gradient, &self.factor));
        }
    }
}

fn scaled<const D: usize>(gradient: Tensor<D>, factor: &Number) -> Tensor<D> {
    // a factor in half precision would be rounded, down to 0
    let (dtype, wide) = (gradient.dtype(), at_least_single(gradient.dtype()));
    let gradient = in_precision(gradient, wide);
    let scaled = match factor {
        Number::Known(factor) => gradient.mul_scalar(*factor),
        Number::OnDevice(factor) => gradient * in_precision(Tensor::clone(factor), wide).reshape([1; D]),
    };
    in_precision(scaled, dtype)
}
