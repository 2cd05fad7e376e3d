//! Rules that are not ours: Burn's interpolate through their flattened state, one with integers in it is refused.

use burn::module::Module;
use burn::optim::{
    AdaGradConfig, AdafactorConfig, AdamConfig, AdamWConfig, AdanConfig, LambConfig, LearningRate, LionConfig,
    Optimizer, RecordState, RmsPropConfig, StateSink, StateSource,
};
use burn::tensor::{Device, Int, Tensor};
use lookahead::InnerStatePolicy;
use lookahead_burn::{Error, Lookahead, LookaheadRule, RuleSet};

use crate::network::Network;
use crate::{step, vectors, with_policy};

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
    assert_eq!(run(1.0, maintain)?, run(1.0, interpolate)?);
    assert_ne!(run(0.5, maintain)?, run(0.5, interpolate)?);
    for policy in POLICIES {
        let mut optimizer = new(0.5, policy)?;
        let network = train(&mut optimizer, Network::new(), 0..5);
        let _ = network.valid();
        let copy = Network::new().load_record(network.clone().into_record()).with_new_ids();
        let mut loaded = new(0.5, policy)?.load_record(&optimizer.to_record(), &copy)?;
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

#[test]
fn integers_cannot_be_interpolated() -> Result<(), Error> {
    let interpolate = || with_policy(5, 0.5, InnerStatePolicy::Interpolate);
    let refused = [
        Lookahead::with_config(Walk, interpolate()).err(),
        Lookahead::around(Lookahead::new(Walk), interpolate()).err(),
        LookaheadRule::with_config(Walk, interpolate()).err(),
        Lookahead::with_config(LookaheadRule::new(Walk), interpolate()).err(),
    ];
    for error in refused {
        assert!(matches!(&error, Some(Error::NotInterpolable { leaf }) if leaf.ends_with("moves")), "{error:?}");
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
        assert!(loaded.load_record(&optimizer.to_record(), &module).is_ok(), "{policy:?}");
    }
    Ok(())
}
