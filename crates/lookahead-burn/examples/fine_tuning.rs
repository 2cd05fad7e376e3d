//! Fine-tuning: one part frozen, the other trained, then both. What is frozen keeps its bits; what thaws joins where it is.

mod support;

use std::error::Error;

use burn::module::Module;
use lookahead_burn::{AdamW, Lookahead, RuleSet};
use support::{Network, batch};

fn train(optimizer: &mut Lookahead<RuleSet<AdamW>>, mut network: Network, steps: std::ops::Range<usize>) -> Network {
    for step in steps {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.01, network, grads);
    }
    network
}

fn main() -> Result<(), Box<dyn Error>> {
    let pretrained = Network::new();
    let hidden = |network: &Network| network.hidden.weight.val().into_data();
    let before = hidden(&pretrained);

    let mut optimizer = Lookahead::new(AdamW::new());
    let network = Network { hidden: pretrained.hidden.freeze(), ..pretrained };
    let network = train(&mut optimizer, network, 0..102);
    let head_alone = optimizer.slow_model(&network).test_loss();
    assert_eq!(hidden(&network), before, "frozen, weight decay or not");

    // in the middle of a cycle: the thawed weights are seeded with their values now, and synced with the others
    let network = Network { hidden: network.hidden.unfreeze(), ..network };
    let network = train(&mut optimizer, network, 102..200);
    let everything = optimizer.slow_model(&network).test_loss();
    println!("loss {head_alone:.4} with the head alone, {everything:.4} with everything");
    assert!(everything < head_alone && hidden(&network) != before);
    Ok(())
}
