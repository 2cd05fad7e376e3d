//! Gradients of several small batches in one step. Lookahead's k counts steps, not batches.

mod support;

use std::error::Error;

use burn::optim::GradientsAccumulator;
use lookahead_burn::{Lookahead, Sgd};
use support::{Network, batch};

const PARTS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let new = || Ok::<_, lookahead_burn::Error>(Lookahead::new(Sgd::new().with_momentum(0.9)?));
    let (mut optimizer, mut network) = (new()?, Network::new());
    let (mut at_once, mut whole) = (new()?, Network::new());
    let mut accumulator = GradientsAccumulator::new();
    for step in 0..50 {
        let inputs = batch(step);
        for part in inputs.chunks(inputs.len() / PARTS) {
            accumulator.accumulate(&network, network.gradients(part));
        }
        // the sum of the parts' means is PARTS times the mean
        network = optimizer.step(0.1 / PARTS as f64, network, accumulator.grads());

        let grads = whole.gradients(&inputs);
        whole = at_once.step(0.1, whole, grads);
    }
    let [parts, whole] = [optimizer.slow_model(&network), at_once.slow_model(&whole)].map(|model| model.test_loss());
    println!("loss {parts:.5} with {PARTS} small batches a step, {whole:.5} with one of the same inputs");
    assert!((parts - whole).abs() < 1e-3 * whole, "the same but for rounding");
    assert_eq!(optimizer.clock().outer(), 10, "50 steps are 10 cycles");
    Ok(())
}
