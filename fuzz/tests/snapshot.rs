//! The core's snapshot reader: `Snapshot::from_bytes`, then `restore`, then steps with what came out.

use bolero::check;
use lookahead::rules::{AdaFactor, Adam, Sgd};
use lookahead::{
    Adaptive, Alpha, Averaged, Averaging, Describe, Description, Error, Grads, InnerStatePolicy, Lookahead,
    LookaheadConfig, Optimizer, ParamSet, Snapshot, SyncPeriod,
};
use lookahead_fuzz::{Edit, damaged, edits};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ITERATIONS: usize = 20_000;

#[test]
fn any_bytes_as_a_snapshot() {
    check!().with_iterations(ITERATIONS).for_each(|bytes| {
        let _ = Snapshot::from_bytes(bytes);
    });
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let valid = snapshot_of(&momentum().unwrap());
    let original = Snapshot::from_bytes(&valid).unwrap();
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        if let Ok(snapshot) = Snapshot::from_bytes(&damaged(&valid, edits)) {
            assert_eq!(snapshot, original);
        }
    });
}

#[test]
fn damaged_snapshot_around_momentum() {
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(edits())
        .for_each(|edits| damaged_content(&momentum().unwrap(), edits));
}

#[test]
fn damaged_snapshot_around_nested_adam() {
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(edits())
        .for_each(|edits| damaged_content(&nested_adam().unwrap(), edits));
}

#[test]
fn damaged_snapshot_around_averaged_adafactor() {
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(edits())
        .for_each(|edits| damaged_content(&averaged_adafactor().unwrap(), edits));
}

/// Under other hyperparameters too: k, alpha and policy are new, and so is the momentum.
#[test]
fn damaged_snapshot_under_new_hyperparameters() {
    let valid = momentum().unwrap();
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2).unwrap()).with_alpha(Alpha::ONE);
    let other = Lookahead::with_config(Sgd::new(), config.with_adaptive_alpha(Adaptive::default())).unwrap();
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        let mut parts: Parts = postcard::from_bytes(&snapshot_of(&valid)).unwrap();
        parts.payload = damaged(&parts.payload, edits);
        let mut params = params();
        let restored =
            Snapshot::from_bytes(&parts.sealed()).unwrap().restore_under_new_hyperparameters(&other, &mut params);
        match restored {
            Ok(mut state) => steps(&other, &mut params, &mut state, 9),
            Err(_) => assert_eq!(params.to_vecs(), self::params().to_vecs()),
        }
    });
}

/// A damaged description is refused, and says so, however it is damaged.
#[test]
fn damaged_description() {
    let valid = momentum().unwrap();
    let snapshot = snapshot_of(&valid);
    check!().with_iterations(ITERATIONS).with_generator(edits()).for_each(|edits| {
        let mut parts: Parts = postcard::from_bytes(&snapshot).unwrap();
        let bytes = damaged(&postcard::to_allocvec(&parts.optimizer).unwrap(), edits);
        let Ok(description) = postcard::from_bytes::<Description>(&bytes) else { return };
        let is_intact = description == valid.describe();
        let _text = description.to_string();
        parts.optimizer = description;
        let restored = Snapshot::from_bytes(&parts.sealed()).unwrap().restore(&valid, &mut params());
        assert!(restored.is_ok() || !is_intact);
        if let Err(error) = restored {
            assert!(matches!(error, Error::OtherOptimizer { .. }), "{error}");
        }
    });
}

/// Past the checksum: what `restore` refuses leaves the weights as they were; what it gives can be stepped.
fn damaged_content<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(optimizer: &O, edits: &[Edit]) {
    let mut parts: Parts = postcard::from_bytes(&snapshot_of(optimizer)).unwrap();
    parts.payload = damaged(&parts.payload, edits);
    let snapshot = Snapshot::from_bytes(&parts.sealed()).unwrap();
    let mut params = params();
    match snapshot.restore(optimizer, &mut params) {
        Ok(mut state) => steps(optimizer, &mut params, &mut state, 9),
        Err(_) => assert_eq!(params.to_vecs(), self::params().to_vecs()),
    }
}

fn momentum() -> Result<Lookahead<Sgd>, Error> {
    let config =
        LookaheadConfig::new().with_sync_period(SyncPeriod::new(4)?).with_inner_state(InnerStatePolicy::Interpolate);
    Lookahead::with_config(Sgd::new().with_momentum(0.9)?, config)
}

fn nested_adam() -> Result<Lookahead<Lookahead<Adam>>, Error> {
    let inner = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?).with_alpha(Alpha::new(0.8)?);
    let outer = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(4)?)
        .with_adaptive_alpha(Adaptive::default())
        .with_inner_state(InnerStatePolicy::Interpolate);
    Lookahead::with_config(Lookahead::with_config(Adam::new(), inner)?, outer)
}

fn averaged_adafactor() -> Result<Averaged<Lookahead<AdaFactor>>, Error> {
    let config = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(4)?)
        .with_adaptive_alpha(Adaptive::default())
        .with_inner_state(InnerStatePolicy::Interpolate);
    let lookahead = Lookahead::with_config(AdaFactor::new(), config)?;
    Ok(Averaged::new(lookahead, Averaging::Running { start: 2 }))
}

fn params() -> ParamSet<'static, f32> {
    let mut params = ParamSet::new();
    params.push("weight", [2, 3], vec![1.0, -2.0, 0.5, -0.0, 3.0, 1.5]).unwrap();
    params.push("bias", [2], vec![0.25, -1.0]).unwrap();
    params
}

/// Gradient steps on |w|^2 / 2.
fn steps<O: Optimizer<f32>>(optimizer: &O, params: &mut ParamSet<'_, f32>, state: &mut O::State, count: usize) {
    for _ in 0..count {
        let gradients: Vec<_> = params.to_vecs().into_iter().map(Some).collect();
        let grads = Grads::new(params, gradients).unwrap();
        optimizer.step(0.1, params, &grads, state);
    }
}

/// A snapshot in the middle of the second cycle.
fn snapshot_of<O: Optimizer<f32, State: Serialize> + Describe>(optimizer: &O) -> Vec<u8> {
    let mut params = params();
    let mut state = optimizer.init(&params);
    steps(optimizer, &mut params, &mut state, 6);
    Snapshot::capture(optimizer, &params, &state).unwrap().to_bytes().unwrap()
}

/// The layout of a snapshot, version 2.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Parts {
    version: u32,
    optimizer: Description,
    tensors: Vec<(String, Vec<usize>)>,
    payload: Vec<u8>,
    checksum: u32,
}

impl Parts {
    /// The bytes, with the checksum of this content.
    fn sealed(mut self) -> Vec<u8> {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&postcard::to_allocvec(&(self.version, &self.optimizer, &self.tensors)).unwrap());
        hasher.update(&self.payload);
        self.checksum = hasher.finalize();
        postcard::to_allocvec(&self).unwrap()
    }
}
