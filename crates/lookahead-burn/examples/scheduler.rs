//! A learning-rate scheduler of Burn's: what it gives goes into each step, as with a plain optimizer.

mod support;

use std::error::Error;

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use lookahead_burn::{Lookahead, Sgd};
use support::{Network, batch};

const STEPS: usize = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let mut scheduler: ModuleLrScheduler = CosineAnnealingLrSchedulerConfig::new(0.1, STEPS).init()?;
    let mut optimizer = Lookahead::new(Sgd::new().with_momentum(0.9)?);
    let mut network = Network::new();
    let before = network.test_loss();
    for step in 0..STEPS {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(scheduler.step(), network, grads);
    }
    let after = optimizer.slow_model(&network).test_loss();
    println!("loss {before:.4} before, {after:.4} after a cosine of {STEPS} steps");
    assert!(after < 0.2 * before);
    Ok(())
}
