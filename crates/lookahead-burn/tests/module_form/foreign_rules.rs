//! Rules that are not ours: Burn's interpolate through their flattened state, one with integers in it is refused by its
//! first step, and none runs before that.

use burn::module::{Module, ParamGroup};
use burn::optim::{
    AdaGradConfig, AdafactorConfig, AdamConfig, AdamWConfig, AdanConfig, LambConfig, LearningRate, LionConfig,
    Optimizer, RecordState, RmsPropConfig, StateSink, StateSource,
};
use burn::tensor::{Device, Int, Tensor};
use lookahead::{Adaptive, Cadence, InnerStatePolicy};
use lookahead_burn::{Error, InnerOptimizer, Lookahead, LookaheadRule, RuleSet};

use crate::network::Network;
use crate::{device, step, vectors, with_policy};

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

fn train<O: Optimizer>(
    optimizer: &mut Lookahead<RuleSet<O>>,
    network: Network,
    steps: std::ops::Range<u64>,
) -> Network {
    steps.fold(network, |network, step| {
        let grads = network.gradients(step);
        optimizer.step(0.01, network, grads)
    })
}

/// With alpha = 1 a state goes through flattening and back unchanged, below 1 it moves; a record holds it all.
fn check(rule: impl Optimizer) -> Result<(), Error> {
    let new = |alpha, policy| Lookahead::with_config(rule.clone(), with_policy(2, alpha, policy));
    let run = |alpha, policy| Ok::<_, Error>(train(&mut new(alpha, policy)?, Network::new(), 0..7).bits());
    let [maintain, interpolate] = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate];
    if device::under_test() == Device::flex() {
        // elsewhere a kernel that writes in place may round otherwise than one that does not
        assert_eq!(run(1.0, maintain)?, run(1.0, interpolate)?);
    }
    assert_ne!(run(0.5, maintain)?, run(0.5, interpolate)?);
    for policy in POLICIES {
        let mut optimizer = new(0.5, policy)?;
        let network = train(&mut optimizer, Network::new(), 0..5);
        let _ = network.valid();
        let copy = Network::new().load_record(network.clone().into_record()).with_new_ids();
        let mut loaded = new(0.5, policy)?.load_record(&optimizer.to_record(&network)?, &copy)?;
        assert_eq!(train(&mut optimizer, network, 5..10).bits(), train(&mut loaded, copy, 5..10).bits(), "{policy:?}");
    }
    Ok(())
}

#[test]
fn burns_rules_interpolate_and_resume() -> Result<(), Error> {
    check(AdaGradConfig::new().build())?;
    check(AdafactorConfig::new().build())?;
    check(AdamConfig::new().with_amsgrad(true).build())?;
    check(AdamWConfig::new().build())?;
    check(AdanConfig::new().build())?;
    check(LambConfig::new().build())?;
    check(LionConfig::new().build())?;
    check(RmsPropConfig::new().build())
}

/// Walks against the sign of the gradient, and counts in a tensor of integers how often each element has moved.
#[derive(Debug, Clone)]
struct Walk;

#[derive(Debug, Clone)]
struct Walked<const D: usize> {
    moves: Tensor<D, Int>,
}

impl Optimizer for Walk {
    type State<const D: usize> = Walked<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Walked<D>>,
    ) -> (Tensor<D>, Option<Walked<D>>) {
        let moves = state.map_or_else(|| Tensor::zeros(grad.shape(), &grad.device()), |state| state.moves) + 1;
        (tensor - grad.sign() * lr, Some(Walked { moves }))
    }

    fn to_device<const D: usize>(state: Walked<D>, device: &Device) -> Walked<D> {
        Walked { moves: state.moves.to_device(device) }
    }
}

impl<const D: usize> RecordState for Walked<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, "moves", self.moves.clone().into_data());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        Some(Self { moves: Tensor::from_data(src.take_tensor(prefix, "moves")?, device) })
    }
}

/// Runs one step, and gives what it said when it panicked.
fn first_step(mut optimizer: impl InnerOptimizer) -> String {
    let step = std::panic::AssertUnwindSafe(move || {
        let _ = step(&mut optimizer, vectors(&[&[1.0]]), 0.25, &[2.0]);
    });
    let panic = std::panic::catch_unwind(step).expect_err("a state that cannot be interpolated");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// What a rule remembers shows in its first step, and not before.
#[test]
fn integers_cannot_be_interpolated() -> Result<(), Error> {
    let interpolate = |k| with_policy(k, 0.5, InnerStatePolicy::Interpolate);
    for k in [1, 5] {
        for message in [
            first_step(Lookahead::with_config(Walk, interpolate(k))?),
            first_step(Lookahead::around(
                Lookahead::with_config(Walk, with_policy(k, 0.5, POLICIES[0]))?,
                interpolate(k),
            )?),
            first_step(RuleSet::new(LookaheadRule::with_config(Walk, interpolate(k))?)),
            first_step(Lookahead::with_config(LookaheadRule::new(Walk), interpolate(5))?),
        ] {
            assert!(message.contains("moves") && message.contains("not a float tensor"), "k = {k}: {message}");
        }
    }
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Reset] {
        let mut optimizer = Lookahead::with_config(Walk, with_policy(2, 0.5, policy))?;
        let mut module = vectors(&[&[1.0]]);
        for _ in 0..3 {
            module = step(&mut optimizer, module, 0.25, &[2.0]);
        }
        // 1 -> 0.75 -> 0.5, halfway back -> 0.75 -> 0.5
        assert_eq!(module.values(), [[0.5]], "{policy:?}");
        let loaded = Lookahead::with_config(Walk, with_policy(2, 0.5, policy))?;
        assert!(loaded.load_record(&optimizer.to_record(&module)?, &module).is_ok(), "{policy:?}");
    }
    Ok(())
}

/// Who wants to know without a panic asks after a step.
#[test]
fn a_rule_set_says_what_its_state_allows() {
    let mut rules = RuleSet::new(Walk);
    assert!(rules.accepts(InnerStatePolicy::Interpolate).is_ok(), "nothing is known yet");
    let _ = step(&mut rules, vectors(&[&[1.0]]), 0.25, &[2.0]);
    let error = rules.accepts(InnerStatePolicy::Interpolate).err();
    assert!(matches!(&error, Some(Error::NotInterpolable { leaf }) if leaf.ends_with("moves")), "{error:?}");
    assert!(rules.accepts(InnerStatePolicy::Maintain).is_ok());
}

/// A rule that works on a GPU only, say.
#[derive(Debug, Clone)]
struct Unrunnable;

impl Optimizer for Unrunnable {
    type State<const D: usize> = Walked<D>;

    fn step<const D: usize>(
        &self,
        _lr: LearningRate,
        _tensor: Tensor<D>,
        _grad: Tensor<D>,
        _state: Option<Walked<D>>,
    ) -> (Tensor<D>, Option<Walked<D>>) {
        panic!("it does not run here")
    }

    fn to_device<const D: usize>(_state: Walked<D>, _device: &Device) -> Walked<D> {
        panic!("it does not run here")
    }
}

#[test]
fn building_an_optimizer_runs_no_rule() -> Result<(), Error> {
    for policy in POLICIES {
        let config = || with_policy(5, 0.5, policy);
        let rules = RuleSet::new(Unrunnable).with_group(ParamGroup::from_predicate("bias"), Unrunnable);
        assert!(!rules.keeps_second_moment() && rules.sync_periods().is_empty());
        let optimizer = Lookahead::around(Lookahead::around(rules, config())?, config())?;
        let module = vectors(&[&[1.0]]);
        let record = optimizer.to_record(&module)?;
        let _ = optimizer.load_record(&record, &module)?;
        let _ = Lookahead::new(Unrunnable);
        let _ = Lookahead::with_config(Unrunnable, config().with_adaptive_alpha(Adaptive::default()))?;
        let rule = LookaheadRule::with_config(LookaheadRule::new(Unrunnable), config())?;
        assert_eq!(RuleSet::new(rule).sync_periods().len(), 1);
    }
    Ok(())
}
