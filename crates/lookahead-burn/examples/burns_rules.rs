//! A rule of Burn's inside. Clipping that its config holds would be applied by `init()`; Lookahead takes the rule, from
//! `build()`, and clips by `with_grad_clipping`.

mod support;

use std::error::Error;

use burn::grad_clipping::GradientClipping;
use burn::optim::RmsPropConfig;
use lookahead_burn::Lookahead;
use lookahead_burn::lookahead::{InnerStatePolicy, LookaheadConfig};
use support::{Network, batch};

fn main() -> Result<(), Box<dyn Error>> {
    let rule = RmsPropConfig::new().build();
    let config = LookaheadConfig::new().with_inner_state(InnerStatePolicy::Reset);
    let mut optimizer = Lookahead::with_config(rule, config)?.with_grad_clipping(GradientClipping::Norm(1.0))?;
    let mut network = Network::new();
    let before = network.test_loss();
    for step in 0..200 {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.01, network, grads);
    }
    let after = optimizer.slow_model(&network).test_loss();
    println!("loss {before:.4} before, {after:.4} after 200 steps of Lookahead around Burn's RmsProp");
    assert!(after < 0.2 * before);
    Ok(())
}
