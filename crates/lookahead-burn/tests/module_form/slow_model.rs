//! Evaluation on the slow weights: a value of its own, which training does not change, and which changes no training.

use burn::module::Module;
use lookahead::InnerStatePolicy;
use lookahead_burn::{AdamW, Error, Lookahead, re_estimate_batch_norm};

use crate::network::{Network, bits};
use crate::with_policy;

fn lookahead() -> Result<Lookahead<lookahead_burn::RuleSet<AdamW>>, Error> {
    Lookahead::with_config(AdamW::new(), with_policy(3, 0.5, InnerStatePolicy::Interpolate))
}

fn train(optimizer: &mut Lookahead<lookahead_burn::RuleSet<AdamW>>, network: Network, step: u64) -> Network {
    let grads = network.gradients(step);
    optimizer.step(0.05, network, grads)
}

/// Saved at every phase, each slow model holds what it held, long after.
#[test]
fn training_on_does_not_change_a_slow_model() -> Result<(), Error> {
    let (mut network, mut optimizer) = (Network::new(), lookahead()?);
    let mut kept = Vec::new();
    for step in 0..9 {
        let slow = optimizer.slow_model(&network);
        kept.push((slow.bits(), bits(slow.forward(0)), slow));
        network = train(&mut optimizer, network, step);
    }
    for (step, (weights, scores, slow)) in kept.into_iter().enumerate() {
        assert_eq!(slow.bits(), weights, "the slow model of step {step}");
        assert_eq!(bits(slow.forward(0)), scores, "the slow model of step {step}");
    }
    Ok(())
}

/// Between two syncs the slow model is the one of the last sync; right after one it is the fast model.
#[test]
fn a_slow_model_holds_the_weights_of_the_last_sync() -> Result<(), Error> {
    let (mut network, mut optimizer) = (Network::new(), lookahead()?);
    let mut expected = bits(network.head.weight.val());
    for step in 0..9 {
        network = train(&mut optimizer, network, step);
        if step % 3 == 2 {
            expected = bits(network.head.weight.val());
        } else {
            assert_ne!(bits(network.head.weight.val()), expected, "the fast weights move in step {step}");
        }
        assert_eq!(bits(optimizer.slow_model(&network).head.weight.val()), expected, "after step {step}");
    }
    Ok(())
}

/// One run is evaluated, saved, and its slow model used in every way after each step; the other is left alone.
#[test]
fn a_slow_model_changes_no_bit_of_the_run() -> Result<(), Error> {
    let (mut watched, mut optimizer) = (Network::new(), lookahead()?);
    let (mut left_alone, mut undisturbed) = (Network::new(), lookahead()?);
    for step in 0..9 {
        let slow = optimizer.slow_model(&watched);
        let _ = slow.forward(step);
        let estimated =
            re_estimate_batch_norm(&slow.clone().train(), [10, 11], |network, batch| network.forward(batch));
        let _ = estimated?.forward(step);
        // Even training the slow model itself, forward passes in training mode included.
        let trained = slow.train();
        let grads = trained.gradients(step);
        let _ = Lookahead::new(AdamW::new()).step(1.0, trained, grads);
        let _ = optimizer.to_record(&watched)?.to_bytes()?;

        watched = train(&mut optimizer, watched, step);
        left_alone = train(&mut undisturbed, left_alone, step);
    }
    assert_eq!(watched.bits(), left_alone.bits());
    assert_eq!(watched.valid().bits(), left_alone.valid().bits(), "with the last batch-norm update");
    assert_eq!(optimizer.slow_model(&watched).bits(), undisturbed.slow_model(&left_alone).bits());
    Ok(())
}

/// Nothing of autodiff is left in it, and the model it was made of trains on.
#[test]
fn a_slow_model_is_in_evaluation_mode() -> Result<(), Error> {
    let (mut network, mut optimizer) = (Network::new(), lookahead()?);
    network = train(&mut optimizer, network, 0);
    let slow = optimizer.slow_model(&network);
    assert!(!slow.head.weight.is_autodiff() && !slow.norm.running_mean.value().is_autodiff());
    let before = slow.bits();
    let _ = slow.forward(3);
    assert_eq!(slow.valid().bits(), before, "a forward pass in evaluation mode updates no statistic");
    assert!(network.head.weight.is_autodiff() && network.head.weight.is_require_grad());
    Ok(())
}
