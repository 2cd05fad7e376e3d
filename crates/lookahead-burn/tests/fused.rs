//! The step of a module with its sync in the same pass: the same bits as with a sync of its own, and no copies.

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, Param, ParamGroup};
use burn::optim::{GradientsParams, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use lookahead::{Alpha, Cadence, Description, InnerStatePolicy, LookaheadConfig, SlowStorage, SyncPeriod, rules};
use lookahead_burn::{Adam, AdamW, Error, InnerOptimizer, Lookahead, Record, RecordReader, RecordWriter, RuleSet, Sgd};

/// A rule set that leaves its fused step unused.
#[derive(Clone)]
struct Separate<I>(I);

impl<I> Cadence for Separate<I> {}

impl<I: InnerOptimizer> InnerOptimizer for Separate<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.0.advance(lr, module, grads)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.0.accepts(policy)
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.0.interpolate(&anchor.0, alpha);
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.0.save(record)
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.0.load(record)
    }
}

/// Parameters without a network; the matrix is large enough to be shared by several threads.
#[derive(Module, Debug)]
struct Parameters {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
    sometimes: Param<Tensor<3>>,
}

const MATRIX: [usize; 2] = [300, 500];

impl Parameters {
    fn new() -> Self {
        let device = Device::flex().autodiff();
        Self {
            matrix: Param::from_tensor(tensor(MATRIX, 1, &device)),
            vector: Param::from_tensor(tensor([37], 2, &device)),
            sometimes: Param::from_tensor(tensor([2, 3, 5], 3, &device)),
        }
    }

    /// One parameter has a gradient in every third step only, so in some cycles none at their end.
    fn gradients(&self, step: usize) -> GradientsParams {
        let (device, mut grads) = (Device::flex(), GradientsParams::new());
        grads.register(self.matrix.id, tensor(MATRIX, step + 10, &device));
        grads.register(self.vector.id, tensor([37], step + 20, &device));
        if step.is_multiple_of(3) {
            grads.register(self.sometimes.id, tensor([2, 3, 5], step + 30, &device));
        }
        grads
    }

    fn bits(&self) -> Vec<u32> {
        let data = [self.matrix.val().into_data(), self.vector.val().into_data(), self.sometimes.val().into_data()];
        data.iter().flat_map(|data| data.iter::<f32>().map(f32::to_bits)).collect()
    }
}

fn tensor<const D: usize>(shape: [usize; D], seed: usize, device: &Device) -> Tensor<D> {
    let value = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5;
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn config(policy: InnerStatePolicy, storage: SlowStorage) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(4)?).with_alpha(Alpha::new(0.3)?);
    Ok(config.with_inner_state(policy).with_slow_storage(storage))
}

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
const STORAGES: [SlowStorage; 2] = [SlowStorage::Full, SlowStorage::Bf16 { seed: 3 }];

fn sgd() -> Result<Sgd, Error> {
    Ok(rules::Sgd::new().with_momentum(0.9)?.with_dampening(0.25)?.with_weight_decay(0.01)?.into())
}

fn assert_fused_equals_separate(rule: impl Optimizer, in_group: impl Optimizer) -> Result<(), Error> {
    fn check<O: Optimizer>(rules: RuleSet<O>) -> Result<(), Error> {
        for (policy, storage) in POLICIES.into_iter().flat_map(|policy| STORAGES.map(|storage| (policy, storage))) {
            let mut fused = Lookahead::around(rules.clone(), config(policy, storage)?)?;
            let mut separate = Lookahead::around(Separate(rules.clone()), config(policy, storage)?)?;
            let mut module = Parameters::new();
            let mut other = module.clone();
            for step in 0..13 {
                let (grads, other_grads) = (module.gradients(step), other.gradients(step));
                module = fused.step(0.05, module, grads);
                other = separate.step(0.05, other, other_grads);
                assert!(module.bits() == other.bits(), "{policy:?}, {storage:?}, step {step}");
                let (slow, other_slow) = (fused.slow_model(&module), separate.slow_model(&other));
                assert!(slow.bits() == other_slow.bits(), "slow weights, {policy:?}, {storage:?}, step {step}");
            }
        }
        Ok(())
    }
    check(RuleSet::new(rule))?;
    check(RuleSet::new(in_group))
}

#[test]
fn a_fused_sync_equals_a_separate_one() -> Result<(), Error> {
    assert_fused_equals_separate(Sgd::new(), sgd()?)?;
    assert_fused_equals_separate(Adam::new(), AdamW::new())
}

/// A group may follow a rule with another number of moments.
#[test]
fn rules_of_one_kind_with_and_without_momentum() -> Result<(), Error> {
    let module = Parameters::new();
    let rules = RuleSet::new(sgd()?).with_group(ParamGroup::from_predicate("vector"), Sgd::new());
    let config = config(InnerStatePolicy::Interpolate, SlowStorage::Full)?;
    let mut fused = Lookahead::around(rules.clone(), config.clone())?;
    let mut separate = Lookahead::around(Separate(rules), config)?;
    let (mut one, mut two) = (module.clone(), module);
    for step in 0..9 {
        let (grads, other_grads) = (one.gradients(step), two.gradients(step));
        one = fused.step(0.05, one, grads);
        two = separate.step(0.05, two, other_grads);
        assert!(one.bits() == two.bits(), "step {step}");
    }
    Ok(())
}

/// Everything a step needs it works on where it lies: what it allocates is less than any copy of the matrix would be.
#[test]
fn a_module_that_is_moved_in_is_not_copied() -> Result<(), Error> {
    fn check<O: Optimizer>(rule: O) -> Result<(), Error> {
        for storage in STORAGES {
            for policy in POLICIES {
                let mut optimizer = Lookahead::around(RuleSet::new(rule.clone()), config(policy, storage)?)?;
                let mut module = Some(Parameters::new());
                for step in 0..13 {
                    let moved = module.take().expect("put back by the step before");
                    let grads = moved.gradients(step);
                    let used = allocation_counter::measure(|| module = Some(optimizer.step(0.05, moved, grads)));
                    // the first step makes the buffers, the first sync those of the anchor, and a step after a reset the moments
                    let made = match policy {
                        InnerStatePolicy::Maintain => step == 0,
                        InnerStatePolicy::Interpolate => step == 0 || step == 3,
                        InnerStatePolicy::Reset => step % 4 == 0,
                    };
                    let copy = (MATRIX[0] * MATRIX[1] * 2) as u64;
                    assert_eq!(used.bytes_total > copy, made, "{policy:?}, {storage:?}, step {step}: {used:?}");
                }
            }
        }
        Ok(())
    }
    check(sgd()?)?;
    check(AdamW::new())
}

/// Saved in mid-cycle, into the same storage and into none other.
#[test]
fn rounded_slow_weights_are_saved_and_loaded() -> Result<(), Error> {
    let new = |storage| Lookahead::with_config(sgd()?, config(InnerStatePolicy::Maintain, storage)?);
    let rounded = SlowStorage::Bf16 { seed: 9 };
    let (mut optimizer, mut module) = (new(rounded)?, Parameters::new());
    for step in 0..6 {
        let grads = module.gradients(step);
        module = optimizer.step(0.05, module, grads);
    }
    let record = Record::from_bytes(&optimizer.to_record(&module)?.to_bytes()?)?;
    let mut loaded = new(rounded)?.load_record(&record, &module)?;
    assert_eq!(loaded.slow_model(&module).bits(), optimizer.slow_model(&module).bits());
    let mut other = module.clone();
    for step in 6..15 {
        let (grads, other_grads) = (module.gradients(step), other.gradients(step));
        module = optimizer.step(0.05, module, grads);
        other = loaded.step(0.05, other, other_grads);
        assert!(module.bits() == other.bits(), "step {step}");
        assert!(optimizer.slow_model(&module).bits() == loaded.slow_model(&other).bits(), "step {step}");
    }
    let refused = new(SlowStorage::Full)?.load_record(&record, &module).map(|_| ());
    assert!(matches!(refused, Err(Error::OtherOptimizer { .. })), "{refused:?}");
    Ok(())
}

/// On the CPU the host's memory is the device's.
#[test]
fn slow_weights_on_the_host_are_the_same_weights() -> Result<(), Error> {
    let new = || Lookahead::with_config(AdamW::new(), config(InnerStatePolicy::Maintain, SlowStorage::Full)?);
    let (mut optimizer, mut on_host) = (new()?, new()?.with_slow_weights_on_host());
    let mut module = Parameters::new();
    let mut other = module.clone();
    for step in 0..9 {
        let (grads, other_grads) = (module.gradients(step), other.gradients(step));
        module = optimizer.step(0.05, module, grads);
        other = on_host.step(0.05, other, other_grads);
        assert!(module.bits() == other.bits(), "step {step}");
    }
    let slow = [optimizer.slow_model(&module), on_host.slow_model(&other)].map(|model| model.bits());
    assert!(slow[0] == slow[1] && slow[0] != module.bits());
    Ok(())
}

#[test]
fn a_per_parameter_rule_refuses_rounded_slow_weights() -> Result<(), Error> {
    let config = config(InnerStatePolicy::Maintain, SlowStorage::Bf16 { seed: 1 })?;
    let refused = lookahead_burn::LookaheadRule::with_config(Sgd::new(), config).map(|_| ());
    assert!(matches!(refused, Err(Error::RoundedPerParameter)), "{refused:?}");
    Ok(())
}
