//! An exponential moving average of the weights with a decay that warms up, beside Lookahead or around it.

mod support;

use std::error::Error;

use lookahead_burn::lookahead::Averaging;
use lookahead_burn::{Averaged, InnerOptimizer, Lookahead, RuleSet, Sgd};
use support::{Network, batch};

const STEPS: usize = 200;

fn average_of<I: InnerOptimizer>(inner: I, averaging: Averaging) -> f32 {
    let (mut optimizer, mut network) = (Averaged::new(inner, averaging), Network::new());
    for step in 0..STEPS {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.1, network, grads);
    }
    optimizer.average_model(&network).test_loss()
}

fn main() -> Result<(), Box<dyn Error>> {
    let rules = || RuleSet::new(Sgd::new());
    // 0.8 of the first weights are left after 200 steps of 0.999; warmed up, nothing is
    let cold = average_of(rules(), Averaging::exponential(0.999)?);
    let warm = average_of(rules(), Averaging::exponential_with_warm_up(0.999)?);
    let both = average_of(Lookahead::new(Sgd::new()), Averaging::exponential_with_warm_up(0.999)?);
    println!("loss of the average: {cold:.4} with a decay of 0.999, {warm:.4} warmed up, {both:.4} around Lookahead");
    assert!(warm < cold);
    Ok(())
}
