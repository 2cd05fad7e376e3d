//! Burn's `ModuleOptimizer` as inner optimizer: maintain and reset, for what it holds cannot be seen.

use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ParamGroup};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};
use lookahead::InnerStatePolicy;
use lookahead_burn::{Error, InnerOptimizer, Lookahead};

use crate::network::Network;
use crate::with_policy;

const POLICIES: [InnerStatePolicy; 2] = [InnerStatePolicy::Maintain, InnerStatePolicy::Reset];

fn assert_same_run(
    what: &str,
    (left, mut left_network): (&mut impl InnerOptimizer, Network),
    (right, mut right_network): (&mut impl InnerOptimizer, Network),
    steps: std::ops::Range<u64>,
) -> [Network; 2] {
    for step in steps {
        let (grads, right_grads) = (left_network.gradients(step), right_network.gradients(step));
        left_network = left.advance(&0.05.into(), left_network, grads);
        right_network = right.advance(&0.05.into(), right_network, right_grads);
        assert_eq!(left_network.bits(), right_network.bits(), "{what}: after step {step}");
    }
    [left_network, right_network]
}

/// The same rule in sight or in the box moves the same bits.
#[test]
fn it_moves_like_the_rule_inside() -> Result<(), Error> {
    for policy in POLICIES {
        let what = format!("{policy:?}");
        let (adam, boxed) = (AdamConfig::new().build(), AdamConfig::new().init());
        let mut seen = Lookahead::with_config(adam, with_policy(3, 0.5, policy))?;
        let mut hidden = Lookahead::from_module_optimizer(boxed, with_policy(3, 0.5, policy))?;
        assert_same_run(&what, (&mut seen, Network::new()), (&mut hidden, Network::new()), 0..8);

        let sgd = SgdConfig::new().with_momentum(Some(MomentumConfig::new()));
        let mut seen = Lookahead::with_config(sgd.build(), with_policy(3, 0.5, policy))?;
        let mut hidden = Lookahead::from_module_optimizer(sgd.init(), with_policy(3, 0.5, policy))?;
        assert_same_run(&what, (&mut seen, Network::new()), (&mut hidden, Network::new()), 0..8);
    }
    Ok(())
}

#[test]
fn the_policies_differ() -> Result<(), Error> {
    let run = |policy| -> Result<Vec<u32>, Error> {
        let mut optimizer = Lookahead::from_module_optimizer(AdamConfig::new().init(), with_policy(2, 0.5, policy))?;
        let mut network = Network::new();
        for step in 0..4 {
            let grads = network.gradients(step);
            network = optimizer.step(0.05, network, grads);
        }
        Ok(network.bits())
    };
    assert_ne!(run(InnerStatePolicy::Maintain)?, run(InnerStatePolicy::Reset)?);
    Ok(())
}

#[test]
fn interpolation_is_refused_at_construction() {
    let config = with_policy(2, 0.5, InnerStatePolicy::Interpolate);
    let refused = Lookahead::from_module_optimizer(AdamConfig::new().init(), config.clone());
    assert!(matches!(refused, Err(Error::HiddenState)));
    // Nor does a Lookahead in between make the state visible.
    let inner = with_policy(1, 0.5, InnerStatePolicy::Maintain);
    let inner = Lookahead::from_module_optimizer(AdamConfig::new().init(), inner).expect("maintain");
    assert!(matches!(Lookahead::around(inner, config), Err(Error::HiddenState)));
}

/// With groups and clipping inside, saved at every phase, loaded for a module whose parameters have other ids.
#[test]
fn its_record_finds_parameters_by_path() -> Result<(), Error> {
    let new = |policy| -> Result<_, Error> {
        let sgd = SgdConfig::new().with_momentum(Some(MomentumConfig::new())).build();
        let boxed: ModuleOptimizer = AdamConfig::new().init();
        let boxed = boxed.with_group(ParamGroup::from_predicate("conv"), sgd, Some(GradientClipping::Value(0.01)));
        Lookahead::from_module_optimizer(boxed, with_policy(3, 0.5, policy))
    };
    for policy in POLICIES {
        let (mut optimizer, mut network) = (new(policy)?, Network::new());
        for saved in 0..6 {
            let what = format!("{policy:?}, saved after {saved} steps");
            let _ = network.valid();
            let copy = Network::new().load_record(network.clone().into_record()).with_new_ids();
            assert_ne!(copy.head.weight.id, network.head.weight.id);
            let mut loaded = new(policy)?.load_record(&optimizer.to_record(&network)?, &copy)?;
            let kept = optimizer.clone();
            assert_same_run(&what, (&mut optimizer, network.clone()), (&mut loaded, copy), saved..saved + 6);
            (optimizer, network) = (kept, Network::new().load_record(network.into_record()));
            let grads = network.gradients(saved);
            network = optimizer.step(0.05, network, grads);
        }
    }
    Ok(())
}
