//! The per-parameter form as a subject: `LookaheadRule`, up to two deep, inside Burn's `ModuleOptimizer`.

use burn::module::Module;
use burn::optim::{ModuleOptimizer, Optimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use lookahead::LookaheadConfig;
use lookahead_burn::{Error, LookaheadRule, slow_model_from_record};
use lookahead_laws::{Law, Precision, Setup};

use super::{Form, OurRule, Run, Start, our_rule};
use crate::parameters::Parameters;

/// Our rules in `f32`.
pub struct PerParameterRules;

impl Form for PerParameterRules {
    const PRECISION: Precision = Precision::Single;

    fn open(setup: &Setup, start: &Start<'_>) -> Box<dyn Run> {
        let optimizer = match our_rule(setup.rule).expect("valid hyperparameters") {
            OurRule::Sgd(rule) => around(rule, setup),
            OurRule::Adam(rule) => around(rule, setup),
            OurRule::AdamW(rule) => around(rule, setup),
            OurRule::AdaFactor(rule) => around(rule, setup),
        };
        let (module, has_lookahead) = (start.module(start.tensors, Self::PRECISION), setup.has_lookahead());
        Box::new(match start.saved() {
            None => Training { optimizer, module, has_lookahead },
            Some((record, weights)) => {
                // Burn's records know parameters by their ids, which the weights' record restores.
                let weights = ModuleRecord::from_bytes(Bytes::from_bytes_vec(weights.to_vec())).expect("weights");
                let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(record.to_vec())).expect("a record");
                let (optimizer, module) = (optimizer.load_record(record), module.load_record(weights));
                Training { optimizer, module, has_lookahead }
            }
        })
    }

    fn exemption(law: Law) -> Option<&'static str> {
        match law {
            Law::MissingGradientsDoNotStopTheClock | Law::TensorsThatStopAreSyncedOnce => {
                Some("Burn does not show a rule parameters without a gradient")
            }
            Law::LateTensorsAreSeededAndSynced => {
                Some("each parameter has a clock of its own, from its first gradient")
            }
            Law::SyncNowAfterASyncChangesNothing | Law::SyncNowEndsAPartialCycle => Some("a rule acts only in a step"),
            Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors => {
                Some("a rule sees one parameter at a time, and refuses an adaptive alpha")
            }
            Law::FreezingHoldsEveryBit | Law::ReplacedTensorsStartAfresh => {
                Some("each parameter has a clock of its own, which only its gradients move")
            }
            Law::TwinsStayOneOrAreRefused => Some("Burn steps the first place of a parameter only"),
            _ => None,
        }
    }
}

fn around(rule: impl Optimizer, setup: &Setup) -> ModuleOptimizer {
    fn lookahead<R: Optimizer>(rule: R, config: &LookaheadConfig) -> LookaheadRule<R> {
        LookaheadRule::with_config(rule, config.clone()).expect("a valid setup")
    }
    match &setup.lookaheads[..] {
        [] => rule.into(),
        [one] => lookahead(rule, one).into(),
        [inner, outer] => lookahead(lookahead(rule, inner), outer).into(),
        more => panic!("{} Lookaheads: the laws use two at most", more.len()),
    }
}

struct Training {
    optimizer: ModuleOptimizer,
    module: Parameters,
    has_lookahead: bool,
}

impl Run for Training {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let grads = self.module.gradients(grads);
        self.module = self.optimizer.step(lr, self.module.clone(), grads);
    }

    fn values(&self) -> Vec<Vec<f64>> {
        self.module.values()
    }

    fn slow_values(&self) -> Vec<Vec<f64>> {
        if !self.has_lookahead {
            return self.values();
        }
        match slow_model_from_record(&self.module, self.optimizer.to_record()) {
            Ok(slow) => slow.values(),
            // Before the first step there are none yet.
            Err(Error::MissingInRecord { .. }) => self.values(),
            Err(error) => panic!("{error}"),
        }
    }

    fn sync_now(&mut self) {
        // Some laws end partial cycles of a bare rule, which has none.
        assert!(!self.has_lookahead, "a rule acts only in a step");
    }

    fn save(&self) -> [Vec<u8>; 2] {
        let record = self.optimizer.to_record().into_bytes().expect("a record");
        let weights = self.module.clone().into_record().into_bytes().expect("weights");
        [record.to_vec(), weights.to_vec()]
    }

    fn change(&mut self, change: &mut dyn FnMut(&mut Parameters)) {
        change(&mut self.module);
    }
}
