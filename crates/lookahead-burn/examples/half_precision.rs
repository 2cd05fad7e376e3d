//! A model in bf16. Slow weights and moments are f32 beside it, so that moves smaller than a bf16 step add up.

mod support;

use std::error::Error;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{FloatDType, Tensor};
use lookahead_burn::lookahead::{LookaheadConfig, SlowStorage};
use lookahead_burn::{AdamW, Lookahead};
use support::{Network, batch};

struct Cast(FloatDType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(self.0).detach().require_grad())
    }
}

fn train(mut network: Network, config: LookaheadConfig) -> Result<f32, Box<dyn Error>> {
    let mut optimizer = Lookahead::with_config(AdamW::new(), config)?;
    for step in 0..200 {
        let grads = network.gradients(&batch(step));
        network = optimizer.step(0.01, network, grads);
    }
    // evaluated in f32, on the slow weights as they are
    let slow = optimizer.slow_model(&network).map(&mut Cast(FloatDType::F32));
    Ok(slow.test_loss())
}

fn main() -> Result<(), Box<dyn Error>> {
    let before = Network::new().test_loss();
    let single = train(Network::new(), LookaheadConfig::new())?;
    let half = || Network::new().map(&mut Cast(FloatDType::BF16));
    let wider = train(half(), LookaheadConfig::new())?;
    let rounded = train(half(), LookaheadConfig::new().with_slow_storage(SlowStorage::Bf16 { seed: 0 }))?;
    println!("loss {before:.4} before; after 200 steps {single:.5} in f32, {wider:.5} in bf16 with f32 slow weights,");
    println!("{rounded:.5} in bf16 with bf16 slow weights");
    assert!(single < 0.2 * before && wider < 0.2 * before && rounded < 0.2 * before);
    Ok(())
}
