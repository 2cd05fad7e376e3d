//! Another rule for a group of parameters: no weight decay for the biases.

mod support;

use std::error::Error;

use burn::module::ParamGroup;
use lookahead_burn::lookahead::LookaheadConfig;
use lookahead_burn::{AdamW, Lookahead, RuleSet};
use support::{Network, batch};

fn main() -> Result<(), Box<dyn Error>> {
    let decaying = AdamW::new().with_weight_decay(0.1)?;
    let no_decay = AdamW::new().with_weight_decay(0.0)?;
    let rules = RuleSet::new(decaying).with_group(ParamGroup::from_predicate("bias"), no_decay);
    let mut optimizer = Lookahead::around(rules, LookaheadConfig::new())?;

    let mut network = Network::new();
    let before = network.test_loss();
    for step in 0..200 {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.01, network, grads);
    }
    let after = optimizer.slow_model(&network).test_loss();
    println!("loss {before:.4} before, {after:.4} after 200 steps, on the slow weights");
    assert!(after < 0.1 * before);
    Ok(())
}
