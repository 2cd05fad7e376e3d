//! Loss scaling (Micikevicius et al. 2018, Sec. 3.2): gradients of f16 modules without those that are too small for f16.

use std::collections::HashSet;
use std::num::NonZeroU32;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::Error;
use crate::read_back::numbers;
use crate::weights::widened;

/// What a loss is multiplied with, so that its gradients are not too small for f16, and its gradients are divided by.
///
/// f16 has no number below 2^-24; bf16 has the range of f32 and needs no scale. The scale is a power of two from 1 to 2^24:
/// it starts at 2^16, doubles after 2000 steps in a row whose gradients are finite, and halves where one is not; that step is
/// to be skipped. Both numbers are those of PyTorch's `GradScaler`.
///
/// Gradients in half precision are divided in f32, and stay f32 for the step: no bit of them is lost. [`Sgd`](crate::Sgd) and
/// the other rules of this crate take them, Burn's own do not take gradients of another precision than the module's. Scaling
/// and dividing changes no bit of a gradient in f32 either, as long as it is above 2^-126 and no number on the way overflows.
///
/// ```
/// use burn::{module::{Module, ModuleMapper, Param}, nn::LinearConfig, optim::GradientsParams};
/// use burn::tensor::{DType, Device, FloatDType, Tensor};
/// use lookahead_burn::{Lookahead, LossScale, Sgd};
///
/// struct ToF16;
/// impl ModuleMapper for ToF16 {
///     fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
///         param.map(|tensor| Tensor::from_inner(tensor.inner().cast(FloatDType::F16)).require_grad())
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let mut model = LinearConfig::new(4, 2).init(&device).map(&mut ToF16);
/// let mut optimizer = Lookahead::new(Sgd::new());         // keeps its slow weights in f32
/// let mut scale = LossScale::new();
///
/// let x = Tensor::<2>::full([8, 4], 0.1, (&device, DType::F16));
/// for _ in 0..10 {
///     let loss = model.forward(x.clone()).cast(FloatDType::F32).square().mean();
///     let grads = GradientsParams::from_grads(scale.scaled(loss).backward(), &model);
///     if let Some(grads) = scale.unscaled(&model, grads)? {   // clip these, not the scaled ones
///         model = optimizer.step(0.1, model, grads);
///     }
/// }
/// assert_eq!((scale.scale(), scale.skipped()), (65536.0, 0));
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, try_from = "Unchecked"))]
pub struct LossScale {
    /// Of 2.
    exponent: u32,
    growth_interval: NonZeroU32,
    /// Finite steps since the scale last changed.
    finite: u32,
    skipped: u64,
}

impl LossScale {
    const START: u32 = 16;
    const MOST: u32 = 24;
    const INTERVAL: NonZeroU32 = NonZeroU32::new(2000).unwrap();

    /// The scale 2^16, which doubles after 2000 finite steps in a row.
    #[must_use]
    pub fn new() -> Self {
        Self { exponent: Self::START, growth_interval: Self::INTERVAL, finite: 0, skipped: 0 }
    }

    /// The same with another number of finite steps in a row before the scale doubles; after as many already,
    /// with the next one.
    #[must_use]
    pub fn with_growth_interval(self, steps: NonZeroU32) -> Self {
        Self { growth_interval: steps, finite: self.finite.min(steps.get() - 1), ..self }
    }

    /// The scale: a power of two from 1 to 2^24.
    #[must_use]
    pub fn scale(&self) -> f64 {
        f64::from(1_u32 << self.exponent)
    }

    /// The steps that were to be skipped so far.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether the scale is as small as it can be: gradients that are not finite now are so without it too.
    #[must_use]
    pub fn is_least(&self) -> bool {
        self.exponent == 0
    }

    /// A loss times the scale, for its backward pass. It should be f32: half-precision losses times 2^16 overflow in f16.
    #[must_use]
    pub fn scaled(&self, loss: Tensor<1>) -> Tensor<1> {
        loss * self.scale()
    }

    /// The gradients of `module` divided by the scale, in at least f32; `None` if one of them is not finite: then the step is
    /// to be skipped, and the next loss is scaled by half as much. Gradients of other modules in `grads` stay as they are.
    ///
    /// Waits for the device once.
    ///
    /// # Errors
    /// [`Error::ReadBack`] if the device fails.
    pub fn unscaled<M: Module>(
        &mut self,
        module: &M,
        grads: GradientsParams,
    ) -> Result<Option<GradientsParams>, Error> {
        let mut unscale = Unscale { grads, factor: self.scale().recip(), seen: HashSet::new(), finite: Vec::new() };
        module.visit(&mut unscale);
        let Unscale { grads, finite, .. } = unscale;
        let all_finite = finite.is_empty() || numbers(finite)?.iter().all(|&is_finite| is_finite == 1.0);
        self.note(all_finite);
        Ok(all_finite.then_some(grads))
    }

    fn note(&mut self, all_finite: bool) {
        if !all_finite {
            self.exponent = self.exponent.saturating_sub(1);
            self.finite = 0;
            self.skipped += 1;
            return;
        }
        self.finite += 1;
        if self.finite >= self.growth_interval.get() {
            self.exponent = (self.exponent + 1).min(Self::MOST);
            self.finite = 0;
        }
    }
}

impl Default for LossScale {
    fn default() -> Self {
        Self::new()
    }
}

/// What is read, before it is known to be a [`LossScale`].
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    exponent: u32,
    growth_interval: NonZeroU32,
    finite: u32,
    skipped: u64,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for LossScale {
    type Error = String;

    fn try_from(read: Unchecked) -> Result<Self, String> {
        let Unchecked { exponent, growth_interval, finite, skipped } = read;
        if exponent > Self::MOST {
            return Err(format!("the exponent of a loss scale is {exponent}, accepted: 0 to {}", Self::MOST));
        }
        if finite >= growth_interval.get() {
            return Err(format!("{finite} finite steps, accepted: fewer than the growth interval {growth_interval}"));
        }
        Ok(Self { exponent, growth_interval, finite, skipped })
    }
}

struct Unscale {
    grads: GradientsParams,
    factor: f64,
    seen: HashSet<ParamId>,
    /// For each gradient 1 if all of it is finite, else 0.
    finite: Vec<Tensor<1>>,
}

impl ModuleVisitor for Unscale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.seen.insert(param.id) {
            return;
        }
        let Some(gradient) = self.grads.remove::<D>(param.id) else { return };
        let gradient = widened(gradient) * self.factor;
        self.finite.push(gradient.clone().is_finite().all().float());
        self.grads.register(param.id, gradient);
    }
}
