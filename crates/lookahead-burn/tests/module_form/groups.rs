//! Parameter groups: several rules, and several learning rates.

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrSchedulerConfig;
use burn::module::ParamGroup;
use lookahead::{InnerStatePolicy, rules};
use lookahead_burn::{AdamW, Error, Lookahead, RuleSet, Sgd};

use crate::network::Network;
use crate::{config, step, vectors, with_policy};

fn decaying(weight_decay: f64) -> Sgd {
    rules::Sgd::new().with_weight_decay(weight_decay).expect("a weight decay").into()
}

/// The rule given last counts where groups overlap; gradients of 0 leave nothing but the weight decay.
#[test]
fn each_group_has_its_rule() -> Result<(), Error> {
    let rules = RuleSet::new(decaying(0.5))
        .with_group(ParamGroup::from_any_predicates(vec!["list.1", "list.2"]), decaying(0.25))
        .with_group(ParamGroup::from_path("list.2.Vector"), decaying(0.0));
    let mut optimizer = Lookahead::around(rules, config(2, 0.5))?;
    let mut module = vectors(&[&[1.0], &[1.0], &[1.0]]);
    module = step(&mut optimizer, module, 1.0, &[0.0; 3]);
    assert_eq!(module.values(), [[0.5], [0.75], [1.0]]);
    // theta = (1 - lambda)^2, then halfway back to phi = 1
    module = step(&mut optimizer, module, 1.0, &[0.0; 3]);
    assert_eq!(module.values(), [[0.625], [0.78125], [1.0]]);
    Ok(())
}

/// No group's state leaks into another's: a module of two groups moves like two modules.
#[test]
fn groups_do_not_meet() -> Result<(), Error> {
    let decay = |lambda| AdamW::from(rules::AdamW::new().with_weight_decay(lambda).expect("a weight decay"));
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let config = with_policy(3, 0.5, policy);
        let rules = RuleSet::new(decay(0.1)).with_group(ParamGroup::from_predicate("list.1"), decay(0.3));
        let mut both = Lookahead::around(rules, config.clone())?;
        let [mut first, mut second] =
            [Lookahead::with_config(decay(0.1), config.clone())?, Lookahead::with_config(decay(0.3), config)?];
        let (mut module, mut a, mut b) =
            (vectors(&[&[1.0, 2.0], &[-3.0]]), vectors(&[&[1.0, 2.0]]), vectors(&[&[-3.0]]));
        for gradient in [1.0, -2.0, 0.5, 3.0, -1.0, 0.25, 1.5] {
            module = step(&mut both, module, 0.1, &[gradient, -gradient]);
            a = step(&mut first, a, 0.1, &[gradient]);
            b = step(&mut second, b, 0.1, &[-gradient]);
            assert_eq!(module.values(), [a.values(), b.values()].concat(), "{policy:?}");
        }
    }
    Ok(())
}

/// A learning rate for each group, from a Burn scheduler.
#[test]
fn learning_rates_reach_their_groups() -> Result<(), Error> {
    let scheduler = || {
        let base = CosineAnnealingLrSchedulerConfig::new(0.5, 8);
        let config = ModuleLrSchedulerConfig::new(base.into()).with_group(ParamGroup::from_predicate("list.1"), 0.125);
        config.init().expect("a scheduler")
    };
    let mut optimizer = Lookahead::with_config(Sgd::new(), config(100, 0.5))?;
    let (mut used, mut expected) = (scheduler(), scheduler());
    let mut module = vectors(&[&[0.0], &[0.0]]);
    for _ in 0..6 {
        let before = module.values();
        let grads = module.gradients(&[Some(vec![1.0]), Some(vec![1.0])]);
        module = optimizer.step(used.step(), module, grads);
        let base = expected.step().base();
        for ((before, after), lr) in before.iter().zip(module.values()).zip([base, 0.125]) {
            // theta <- theta - gamma
            assert_eq!(after[0] as f32, before[0] as f32 - lr as f32);
        }
    }
    Ok(())
}

/// Paths in a network are those that Burn's own groups know.
#[test]
fn groups_know_the_paths_of_a_network() -> Result<(), Error> {
    let rules = RuleSet::new(decaying(0.0)).with_group(ParamGroup::from_path("head.weight"), decaying(1.0));
    let (mut optimizer, plain) =
        (Lookahead::around(rules, config(100, 0.5))?, Lookahead::with_config(Sgd::new(), config(100, 0.5)));
    let (network, same) = (Network::new(), Network::new());
    let (grads, same_grads) = (network.gradients(0), same.gradients(0));
    let (network, same) = (optimizer.step(0.1, network, grads), plain?.step(0.1, same, same_grads));
    let differs = |left: burn::tensor::Tensor<2>, right: burn::tensor::Tensor<2>| left.into_data() != right.into_data();
    assert!(differs(network.head.weight.val(), same.head.weight.val()));
    assert_eq!(network.conv.weight.val().into_data(), same.conv.weight.val().into_data());
    Ok(())
}
