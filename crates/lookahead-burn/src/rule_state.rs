//! The state of our own rules: at most two moments, which can be interpolated on the device.

use burn::optim::{RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use burn_pack::Scalar;
use lookahead::Alpha;
use lookahead::rules::BiasCorrection;

use crate::pull_back::interpolate;
use crate::read_back::{moved_to, values_or_panic};
use crate::traversal::tensor_of;

/// The names of the bias corrections, which are interpolated like tensors.
pub(crate) const FIRST_WEIGHT_LEAF: &str = "lookahead_first_weight";
pub(crate) const SECOND_WEIGHT_LEAF: &str = "lookahead_second_weight";

/// The name of the first moment: for SGD, the velocity.
pub(crate) const VELOCITY_LEAF: &str = "first";
/// The name of the number of steps.
pub(crate) const STEPS_LEAF: &str = "steps";

/// What [`Sgd`](crate::Sgd), [`Adam`](crate::Adam) and [`AdamW`](crate::AdamW) remember of one parameter.
#[derive(Debug, Clone)]
pub struct RuleState<const D: usize> {
    /// The velocity, or Adam's first moment.
    pub first: Option<Tensor<D>>,
    /// Adam's second moment.
    pub second: Option<Tensor<D>>,
    /// The sums of the moments' averaging weights (Adam only).
    pub correction: BiasCorrection,
    /// The number of steps.
    pub steps: u64,
}

impl<const D: usize> RuleState<D> {
    /// No moments, no steps.
    #[must_use]
    pub fn new() -> Self {
        Self { first: None, second: None, correction: BiasCorrection::default(), steps: 0 }
    }

    /// Those that there are.
    pub(crate) fn moments(&self) -> impl Iterator<Item = &Tensor<D>> {
        self.first.iter().chain(&self.second)
    }

    pub(crate) fn moved_to(self, device: &Device) -> Self {
        let Self { first, second, correction, steps } = self;
        let first = first.map(|moment| moved_to(moment, device));
        Self { first, second: second.map(|moment| moved_to(moment, device)), correction, steps }
    }

    /// App. C.5: every moment and its bias correction move back toward `anchor`, or toward nothing where there is none.
    pub(crate) fn pull_back(self, anchor: Option<&Self>, alpha: Alpha) -> Self {
        let Self { first, second, mut correction, steps } = self;
        correction.pull_back(&anchor.map(|anchor| anchor.correction).unwrap_or_default(), alpha);
        let first = first.map(|moment| interpolate(moment, anchor.and_then(|anchor| anchor.first.clone()), alpha));
        let second = second.map(|moment| interpolate(moment, anchor.and_then(|anchor| anchor.second.clone()), alpha));
        Self { first, second, correction, steps }
    }
}

impl<const D: usize> Default for RuleState<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const D: usize> RecordState for RuleState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        for (leaf, moment) in [(VELOCITY_LEAF, &self.first), ("second", &self.second)] {
            if let Some(moment) = moment {
                out.push_tensor(prefix, leaf, values_or_panic(moment.clone()));
            }
        }
        out.push_scalar(prefix, FIRST_WEIGHT_LEAF, Scalar::Float(self.correction.first));
        out.push_scalar(prefix, SECOND_WEIGHT_LEAF, Scalar::Float(self.correction.second));
        out.push_scalar(prefix, STEPS_LEAF, Scalar::UInt(self.steps));
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let mut moment = |leaf| src.take_tensor(prefix, leaf).map(|data| tensor_of(data, device));
        let (first, second) = (moment(VELOCITY_LEAF), moment("second"));
        let correction = BiasCorrection {
            first: f64::try_from(src.take_scalar(prefix, FIRST_WEIGHT_LEAF)?).ok()?,
            second: f64::try_from(src.take_scalar(prefix, SECOND_WEIGHT_LEAF)?).ok()?,
        };
        let steps = u64::try_from(src.take_scalar(prefix, STEPS_LEAF)?).ok()?;
        Some(Self { first, second, correction, steps })
    }
}
