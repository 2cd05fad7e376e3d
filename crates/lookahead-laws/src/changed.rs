//! Any implementation with other hyperparameters in all its Lookaheads, under the same laws.

use std::marker::PhantomData;

use lookahead::{InnerStatePolicy, LookaheadConfig, OuterRate, OuterStep, SlowStorage, StepSize};

use crate::case::momentum;
use crate::{Case, Law, Limits, Precision, Setup, Slow, Subject, Tensor};

/// The subject `S` with its slow weights stored as bf16 ([`SlowStorage::Bf16`]).
pub type Rounded<S> = Changed<S, Bf16>;

/// The subject `S` with the heavy ball for its outer steps, eta being the alpha of the laws. The first sync of a tensor
/// is Eq. 1 still.
pub type WithMomentum<S> = Changed<S, HeavyBall>;

/// The subject `S` with the change `C` of what the laws ask for.
pub struct Changed<S, C>(S, PhantomData<C>);

/// Other hyperparameters than the laws ask for.
pub trait Change {
    /// How slow weights are kept then, if not as they were.
    const SLOW: Option<Slow> = None;

    /// Whether outer steps go with it.
    const OUTER_STEPS: bool = true;

    /// Those of a Lookahead, instead of the ones asked for.
    fn of(config: LookaheadConfig) -> LookaheadConfig;

    /// Why a law cannot be kept then, by design.
    fn exemption<S: Subject>(law: Law, case: &Case) -> Option<&'static str>;
}

/// Slow weights as bf16.
pub struct Bf16;

impl Change for Bf16 {
    const SLOW: Option<Slow> = Some(Slow::Rounded);
    const OUTER_STEPS: bool = false;

    fn of(config: LookaheadConfig) -> LookaheadConfig {
        config.with_slow_storage(SlowStorage::Bf16 { seed: 11 })
    }

    fn exemption<S: Subject>(law: Law, case: &Case) -> Option<&'static str> {
        match law {
            Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors => {
                Some("an adaptive alpha is refused here: d.A d would be that of the rounding")
            }
            Law::SeveralTensorsSyncAsOftenAsOne => {
                Some("what a rounding draws depends on the tensor's place or path, so that tensors are independent")
            }
            Law::FreezingHoldsEveryBit if !S::JOINS_AT_ONCE => Some(
                "a tensor frozen before it joins is evaluated as it is, and as its rounding once a record took it up",
            ),
            Law::RestingTensorsNeverChange => Some("an element whose gradient is zero takes part in the rounding"),
            Law::PoliciesAgreeWithoutMemory if case.base.has_lookahead() => {
                Some("reset starts the inner clock anew, by which a rounding draws")
            }
            Law::AlphaOneIsTheInnerOptimizer if case.base.has_lookahead() => {
                Some("each sync of the outer Lookahead draws the inner slow weights' rounding anew")
            }
            _ => None,
        }
    }
}

/// Outer steps with the heavy ball.
pub struct HeavyBall;

impl Change for HeavyBall {
    fn of(config: LookaheadConfig) -> LookaheadConfig {
        let StepSize::Fixed(alphas) = config.step_size() else { return config };
        let step = OuterStep::heavy_ball(alphas.map(OuterRate::from), momentum(0.5));
        config.with_outer_step(step)
    }

    fn exemption<S: Subject>(law: Law, case: &Case) -> Option<&'static str> {
        match law {
            Law::AlphaOneIsTheInnerOptimizer
            | Law::LookaheadInsideWithAlphaOneIsTransparent
            | Law::PeriodOneScalesTheRateOfSgd
            | Law::OverflowNeverReachesTheSlowWeights
            | Law::SlowWeightsAreTheAverageOfEq2
            | Law::AnOuterStepWithoutMomentumIsEq1 => Some("this is Eq. 1 without momentum"),
            Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors => {
                Some("an adaptive alpha has no momentum")
            }
            Law::TensorsThatStopAreSyncedOnce => Some("a tensor that stops coasts on"),
            Law::PoliciesAgreeWithoutMemory if case.base.has_lookahead() => Some("a momentum inside is a memory"),
            _ => None,
        }
    }
}

impl<S: Subject, C: Change> Subject for Changed<S, C> {
    const PRECISION: Precision = S::PRECISION;
    const SLOW: Slow = match C::SLOW {
        Some(slow) => slow,
        None => S::SLOW,
    };
    const OUTER_STEPS: bool = S::OUTER_STEPS && C::OUTER_STEPS;
    const JOINS_AT_ONCE: bool = S::JOINS_AT_ONCE;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self(S::new(&setup.changed(C::of), tensors), PhantomData)
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        self.0.step(lr, grads);
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.0.weights()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        self.0.slow()
    }

    fn sync_now(&mut self) {
        self.0.sync_now();
    }

    fn evaluate(&mut self) {
        self.0.evaluate();
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }

    fn load(setup: &Setup, tensors: &[Tensor], bytes: &[u8]) -> Self {
        Self(S::load(&setup.changed(C::of), tensors, bytes), PhantomData)
    }

    fn add(&mut self, tensor: &Tensor) {
        self.0.add(tensor);
    }

    fn freeze(&mut self, tensor: usize, frozen: bool) -> bool {
        self.0.freeze(tensor, frozen)
    }

    fn replace(&mut self, tensor: usize, by: &Tensor) -> bool {
        self.0.replace(tensor, by)
    }

    fn with_twin(setup: &Setup, tensors: &[Tensor], of: usize, saved: Option<&[u8]>) -> Option<Self> {
        S::with_twin(&setup.changed(C::of), tensors, of, saved).map(|subject| Self(subject, PhantomData))
    }

    fn with_workers(setup: &Setup, tensors: &[Tensor], workers: usize) -> Option<Self> {
        S::with_workers(&setup.changed(C::of), tensors, workers).map(|subject| Self(subject, PhantomData))
    }

    fn keeps(policy: InnerStatePolicy) -> bool {
        S::keeps(policy)
    }

    fn limits() -> Limits {
        match C::SLOW {
            // the host rounds
            Some(Slow::Rounded) => S::limits().synced_by_the_host(),
            _ => S::limits(),
        }
    }

    fn exemption(law: Law, case: &Case) -> Option<&'static str> {
        C::exemption::<S>(law, case).or_else(|| S::exemption(law, case))
    }
}
