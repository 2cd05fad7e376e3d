//! Any implementation with its slow weights stored as bf16, under the same laws.

use lookahead::{InnerStatePolicy, SlowStorage};

use crate::{Case, Law, Precision, Setup, Slow, Subject, Tensor};

const STORAGE: SlowStorage = SlowStorage::Bf16 { seed: 11 };

/// The subject `S` with [`SlowStorage::Bf16`] in every Lookahead.
pub struct Rounded<S>(S);

impl<S: Subject> Subject for Rounded<S> {
    const PRECISION: Precision = S::PRECISION;
    const SLOW: Slow = Slow::Rounded;
    const JOINS_AT_ONCE: bool = S::JOINS_AT_ONCE;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self(S::new(&setup.stored(STORAGE), tensors))
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
        Self(S::load(&setup.stored(STORAGE), tensors, bytes))
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
        S::with_twin(&setup.stored(STORAGE), tensors, of, saved).map(Self)
    }

    fn keeps(policy: InnerStatePolicy) -> bool {
        S::keeps(policy)
    }

    fn exemption(law: Law, case: &Case) -> Option<&'static str> {
        let of_storage = match law {
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
        };
        of_storage.or_else(|| S::exemption(law, case))
    }
}
