//! The Burn adapter's record reader: `Record::from_bytes`, then `load_record`, then steps with what came out.

use bolero::check;
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use lookahead_burn::lookahead::{Averaging, InnerStatePolicy, LookaheadConfig, SlowStorage, SyncPeriod, rules};
use lookahead_burn::{Adam, Averaged, InnerOptimizer, Lookahead, Record, RuleSet, Sgd};
use lookahead_fuzz::{Edit, damaged, edits};

const ITERATIONS: usize = 5_000;
const ITERATIONS_WITH_STEPS: usize = 1_000;

/// Where the content begins: after the magic word, the version and the checksum.
const CONTENT: usize = 16;

#[test]
fn any_bytes_as_a_record() {
    check!().with_iterations(ITERATIONS).for_each(|bytes| {
        let _ = Record::from_bytes(bytes);
    });
}

#[test]
fn a_damaged_record_is_refused() {
    let valid = record_of(momentum());
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        let bytes = damaged(&valid, edits);
        assert!(bytes == valid || Record::from_bytes(&bytes).is_err());
    });
}

#[test]
fn damaged_record_around_momentum() {
    let valid = record_of(momentum());
    check!()
        .with_iterations(ITERATIONS_WITH_STEPS)
        .with_generator(edits())
        .for_each(|edits| load(momentum(), &valid, edits));
}

#[test]
fn damaged_record_around_nested_adam() {
    let valid = record_of(nested_adam());
    check!()
        .with_iterations(ITERATIONS_WITH_STEPS)
        .with_generator(edits())
        .for_each(|edits| load(nested_adam(), &valid, edits));
}

#[test]
fn damaged_record_around_rounded_slow_weights() {
    let valid = record_of(rounded());
    check!()
        .with_iterations(ITERATIONS_WITH_STEPS)
        .with_generator(edits())
        .for_each(|edits| load(rounded(), &valid, edits));
}

/// Past the checksum: what is not refused can be stepped.
fn load<I: InnerOptimizer>(optimizer: Lookahead<I>, valid: &[u8], edits: &[Edit]) {
    let content = damaged(&valid[CONTENT..], edits);
    // of the version and the content
    let checksum = crc32fast::hash(&[&valid[8..CONTENT - 4], &content].concat());
    let bytes = [&valid[..CONTENT - 4], &checksum.to_le_bytes(), &content].concat();
    let Ok(record) = Record::from_bytes(&bytes) else { return };
    let model = model();
    if let Ok(optimizer) = optimizer.load_record(&record, &model) {
        steps(optimizer, model, 5);
    }
}

fn momentum() -> Lookahead<RuleSet<Sgd>> {
    let config = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(4).unwrap())
        .with_inner_state(InnerStatePolicy::Interpolate);
    Lookahead::with_config(rules::Sgd::new().with_momentum(0.9).unwrap().into(), config).unwrap()
}

/// Around an average, with slow weights in bf16.
fn rounded() -> Lookahead<Averaged<RuleSet<Sgd>>> {
    let config = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(4).unwrap())
        .with_slow_storage(SlowStorage::Bf16 { seed: 1 });
    Lookahead::around(Averaged::new(RuleSet::new(Sgd::new()), Averaging::Running { start: 2 }), config).unwrap()
}

fn nested_adam() -> Lookahead<Lookahead<RuleSet<Adam>>> {
    let period = |steps| LookaheadConfig::new().with_sync_period(SyncPeriod::new(steps).unwrap());
    let outer = period(4).with_adaptive_alpha(Default::default()).with_inner_state(InnerStatePolicy::Interpolate);
    Lookahead::around(Lookahead::with_config(Adam::new(), period(2)).unwrap(), outer).unwrap()
}

/// A record from the middle of the second cycle.
fn record_of<I: InnerOptimizer>(optimizer: Lookahead<I>) -> Vec<u8> {
    let (optimizer, model) = steps(optimizer, model(), 6);
    optimizer.to_record(&model).unwrap().to_bytes().unwrap()
}

fn model() -> Linear {
    LinearConfig::new(3, 2).init(&device())
}

fn steps<I: InnerOptimizer>(mut optimizer: Lookahead<I>, mut model: Linear, count: usize) -> (Lookahead<I>, Linear) {
    for _ in 0..count {
        let loss = model.forward(Tensor::<2>::ones([1, 3], &device())).powi_scalar(2).sum();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.1, model, grads);
    }
    (optimizer, model)
}

fn device() -> Device {
    Device::flex().autodiff()
}
