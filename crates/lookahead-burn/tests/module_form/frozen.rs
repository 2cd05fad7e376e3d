//! What takes no gradient: frozen parameters, batch-norm statistics; and parameters that thaw in the middle of a cycle.

use burn::module::Module;
use burn::tensor::Tensor;
use lookahead::InnerStatePolicy;
use lookahead_burn::{AdamW, Error, Lookahead};

use crate::network::{Network, bits};
use crate::{heavy_ball, vectors, with_policy};

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

/// Weight decay moves what it can reach.
#[test]
fn frozen_parameters_keep_their_bits() -> Result<(), Error> {
    let conv_bits = |network: &Network| {
        [bits(network.conv.weight.val()), network.conv.bias.as_ref().map_or(vec![], |bias| bits(bias.val()))]
    };
    for (policy, freeze) in POLICIES.into_iter().flat_map(|policy| [(policy, false), (policy, true)]) {
        let mut network = Network::new();
        network.conv = if freeze { network.conv.freeze() } else { network.conv.no_grad() };
        let mut optimizer = Lookahead::with_config(AdamW::new(), with_policy(3, 0.5, policy))?;
        let (before, head) = (conv_bits(&network), bits(network.head.weight.val()));
        for step in 0..8 {
            let grads = network.gradients(step);
            network = optimizer.step(0.1, network, grads);
            assert_eq!(conv_bits(&network), before, "{policy:?}, after step {step}");
            assert_eq!(conv_bits(&optimizer.slow_model(&network)), before, "{policy:?}, after step {step}");
        }
        assert_ne!(bits(network.head.weight.val()), head);
        assert!(optimizer.slow().get::<4>(network.conv.weight.id).is_none(), "there is nothing slow about it");
        assert!(!network.conv.weight.is_require_grad(), "it is frozen still");
        assert!(network.head.weight.is_require_grad(), "it can be trained on");
    }
    Ok(())
}

/// The optimizer's step and its sync leave batch-norm statistics as the forward pass made them.
#[test]
fn batch_norm_statistics_are_not_the_optimizers() -> Result<(), Error> {
    let statistics = |network: &Network| {
        // In evaluation mode, so that no update is pending.
        let network = network.valid();
        [bits(network.norm.running_mean.value()), bits(network.norm.running_var.value())]
    };
    for policy in POLICIES {
        let (mut network, mut optimizer) =
            (Network::new(), Lookahead::with_config(AdamW::new(), with_policy(2, 0.3, policy))?);
        for step in 0..6 {
            let grads = network.gradients(step);
            let before = statistics(&network);
            network = optimizer.step(0.1, network, grads);
            assert_eq!(statistics(&network), before, "{policy:?}, after step {step}");
            assert_eq!(statistics(&optimizer.slow_model(&network)), before, "{policy:?}, after step {step}");
        }
        let fresh = statistics(&Network::new());
        assert_ne!(statistics(&network), fresh, "the forward passes have moved them");
    }
    Ok(())
}

/// A parameter that thaws in mid-cycle starts from where it is, and is pulled back with the others.
#[test]
fn a_parameter_that_thaws_is_seeded_and_synced() -> Result<(), Error> {
    for policy in POLICIES {
        let (mut network, mut optimizer) =
            (Network::new(), Lookahead::with_config(heavy_ball(), with_policy(4, 0.25, policy))?);
        network.conv = network.conv.freeze();
        for step in 0..2 {
            let grads = network.gradients(step);
            network = optimizer.step(0.1, network, grads);
        }
        network.conv = network.conv.unfreeze();
        let phi = network.conv.weight.val().inner();
        let mut theta = phi.clone();
        for step in 2..4 {
            let grads = network.gradients(step);
            let gradient: Tensor<4> = grads.get(network.conv.weight.id).expect("a gradient");
            // Two steps of the heavy ball from rest: v = g, then 0.9 v + g.
            theta = theta - gradient.clone() * if step == 2 { 0.1 * 1.9 } else { 0.1 };
            network = optimizer.step(0.1, network, grads);
        }
        let expected = phi.clone() + (theta - phi) * 0.25;
        let found = network.conv.weight.val().inner();
        let distance = (found.clone() - expected).abs().max().into_scalar::<f32>();
        assert!(distance < 1e-6, "{policy:?}: {distance}");
        assert_eq!(bits(optimizer.slow_model(&network).conv.weight.val()), bits(found));
    }
    Ok(())
}

/// Without autodiff no parameter requires a gradient, but a caller may have gradients of its own.
#[test]
fn gradients_without_autodiff_are_followed_too() -> Result<(), Error> {
    let (with, mut without) = (vectors(&[&[1.0, 2.0]]), vectors(&[&[1.0, 2.0]]).valid());
    let mut with = with;
    let new = || Lookahead::with_config(heavy_ball(), with_policy(2, 0.5, InnerStatePolicy::Maintain));
    let (mut left, mut right) = (new()?, new()?);
    for _ in 0..5 {
        with = crate::step(&mut left, with, 0.1, &[1.0]);
        without = crate::step(&mut right, without, 0.1, &[1.0]);
        assert_eq!(with.values(), without.values());
        assert_eq!(left.slow_model(&with).values(), right.slow_model(&without).values());
        right = new()?.load_record(&right.to_record(&without)?, &without)?;
    }
    Ok(())
}

/// What is frozen in the middle of a cycle is not pulled back at its end, nor later.
#[test]
fn parameters_frozen_in_mid_cycle_stay_where_they_are() -> Result<(), Error> {
    let mut network = Network::new();
    let mut optimizer = Lookahead::with_config(heavy_ball(), with_policy(5, 0.5, InnerStatePolicy::Maintain))?;
    let mut frozen = vec![];
    for step in 0..12 {
        if step == 7 {
            network.conv = network.conv.freeze();
            frozen = bits(network.conv.weight.val());
        }
        let grads = network.gradients(step);
        network = optimizer.step(0.1, network, grads);
        if step >= 7 {
            assert_eq!(bits(network.conv.weight.val()), frozen, "after step {step}");
        }
    }
    let slow = optimizer.slow_model(&network);
    assert_eq!(bits(slow.conv.weight.val()), frozen, "from the next sync on, its slow weights are where it is");
    Ok(())
}
