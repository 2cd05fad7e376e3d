//! The module form in what is Burn's own: parameter groups, frozen parameters and batch-norm statistics, evaluation,
//! `ModuleOptimizer` and foreign rules inside, averages, non-finite gradients, adaptive alpha, schedulers, clipping,
//! buffers written in place, Lookahead's descendants, layers that are replaced or stand at several places.

mod adaptive;
mod around_lookaheads;
mod average;
mod black_box;
mod builders;
mod clipping;
mod descendants;
#[path = "../device/mod.rs"]
mod device;
mod foreign_rules;
mod frozen;
mod groups;
mod in_place;
#[path = "../network/mod.rs"]
mod network;
mod non_finite;
#[path = "../parameters/mod.rs"]
mod parameters;
mod replaced;
mod reshaped;
mod schedulers;
mod slow_model;
mod twins;

use burn::tensor::DType;
use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use lookahead_burn::{InnerOptimizer, Sgd};

use parameters::Parameters;

fn config(k: u32, alpha: f64) -> LookaheadConfig {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k).expect("a period"));
    config.with_alpha(Alpha::new(alpha).expect("an alpha"))
}

fn with_policy(k: u32, alpha: f64, policy: InnerStatePolicy) -> LookaheadConfig {
    config(k, alpha).with_inner_state(policy)
}

fn heavy_ball() -> Sgd {
    rules::Sgd::new().with_momentum(0.9).expect("a momentum").into()
}

/// Vectors in f32.
fn vectors(tensors: &[&[f64]]) -> Parameters {
    let mut module = Parameters::new();
    tensors.iter().for_each(|values| module.push(&[values.len()], values, DType::F32));
    module
}

/// One step with the same gradient for every element of a tensor.
fn step(optimizer: &mut impl InnerOptimizer, module: Parameters, lr: f64, gradients: &[f64]) -> Parameters {
    let gradients: Vec<_> =
        module.values().iter().zip(gradients).map(|(values, &gradient)| Some(vec![gradient; values.len()])).collect();
    let grads = module.gradients(&gradients);
    optimizer.advance(&lr.into(), module, grads)
}
