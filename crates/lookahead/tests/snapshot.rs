//! Snapshots: nothing damaged or foreign is restored, nothing is half restored, no bit is lost.

use lookahead::rules::{AdaFactor, Adam, Sgd};
use lookahead::{
    Averaged, Averaging, Describe, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet,
    Snapshot, SyncPeriod,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Names and shapes.
type Layout<'a> = &'a [(&'a str, &'a [usize])];

const TENSORS: [(&str, &[usize]); 2] = [("weight", &[2, 1]), ("bias", &[1])];

fn params(tensors: Layout) -> Result<ParamSet<'static, f32>, Error> {
    let mut params = ParamSet::new();
    for (name, shape) in tensors {
        params.push(*name, *shape, vec![0.5; shape.iter().product()])?;
    }
    Ok(params)
}

fn optimizer() -> Result<Lookahead<Adam>, Error> {
    let config =
        LookaheadConfig::new().with_sync_period(SyncPeriod::new(3)?).with_inner_state(InnerStatePolicy::Interpolate);
    Lookahead::with_config(Adam::new(), config)
}

/// A snapshot after four steps with k = 3.
fn snapshot<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(
    optimizer: &O,
) -> Result<Snapshot, Error> {
    let mut params = params(&TENSORS)?;
    let mut state = optimizer.init(&params);
    for step in 0..4 {
        let grads = Grads::new(&params, [Some(vec![1.0, -0.25 * step as f32]), Some(vec![0.5])])?;
        optimizer.step(0.1, &mut params, &grads, &mut state);
    }
    Snapshot::capture(optimizer, &params, &state)
}

/// Asserts that the bytes are refused as soon as they are read.
fn assert_refused(what: &str, bytes: &[u8]) {
    let read = Snapshot::from_bytes(bytes);
    assert!(matches!(read, Err(Error::DamagedSnapshot { .. })), "{what} went unnoticed");
}

#[test]
fn every_truncation_is_refused() -> Result<(), Error> {
    let bytes = snapshot(&optimizer()?)?.to_bytes()?;
    for length in 0..bytes.len() {
        assert_refused(&format!("a cut to {length} of {} bytes", bytes.len()), &bytes[..length]);
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert_refused("one more byte", &longer);
    Ok(())
}

#[test]
fn every_flipped_bit_and_byte_is_refused() -> Result<(), Error> {
    let bytes = snapshot(&optimizer()?)?.to_bytes()?;
    for position in 0..bytes.len() {
        for flip in (0..8).map(|bit| 1 << bit).chain([0xFF]) {
            let mut damaged = bytes.clone();
            damaged[position] ^= flip;
            assert_refused(&format!("byte {position} with {flip:#04x} flipped"), &damaged);
        }
    }
    Ok(())
}

#[test]
fn another_version_is_named() -> Result<(), Error> {
    let json = serde_json::to_value(snapshot(&optimizer()?)?).expect("JSON");
    let mut newer = json.clone();
    newer["version"] = serde_json::json!(3);
    let newer: Snapshot = serde_json::from_value(newer).expect("a snapshot of another version");
    let restored = newer.restore(&optimizer()?, &mut params(&TENSORS)?);
    assert_eq!(restored.map(|_| ()), Err(Error::UnknownVersion { found: 3, supported: 2 }));
    Ok(())
}

/// The layout of 0.1.0's first snapshots, with the optimizer as text.
#[test]
fn version_1_is_named() {
    let tensors = vec![("weight".to_owned(), vec![2_usize, 1])];
    let content = (1_u32, "Sgd { momentum: 0.9 }".to_owned(), tensors, vec![0_u8; 40], 0x1234_5678_u32);
    let bytes = postcard::to_allocvec(&content).expect("plain data");
    let read = Snapshot::from_bytes(&bytes).map(|_| ());
    assert_eq!(read, Err(Error::UnknownVersion { found: 1, supported: 2 }));
}

#[test]
fn a_damaged_value_inside_another_format_is_refused() -> Result<(), Error> {
    let json = serde_json::to_value(snapshot(&optimizer()?)?).expect("JSON");
    let mut damaged = json.clone();
    let byte = damaged["payload"][2].as_u64().expect("a byte");
    damaged["payload"][2] = serde_json::json!(byte ^ 1);
    let damaged: Snapshot = serde_json::from_value(damaged).expect("the form of a snapshot");
    let mut params = params(&TENSORS)?;
    let restored = damaged.restore(&optimizer()?, &mut params);
    assert!(matches!(restored, Err(Error::DamagedSnapshot { .. })), "{restored:?}");
    assert!(params.iter().all(|param| param.values().iter().all(|&w| w == 0.5)));
    Ok(())
}

#[test]
fn other_parameters_are_refused_and_named() -> Result<(), Error> {
    let snapshot = snapshot(&optimizer()?)?;
    let cases: [(Layout, &str); 6] = [
        (&[("weights", &[2, 1]), ("bias", &[1])], "\"weights\""),
        (&[("weight", &[1, 2]), ("bias", &[1])], "[1, 2]"),
        (&[("weight", &[3, 1]), ("bias", &[1])], "[3, 1]"),
        (&[("bias", &[1]), ("weight", &[2, 1])], "\"bias\""),
        (&[("weight", &[2, 1])], "2 tensors"),
        (&[("weight", &[2, 1]), ("bias", &[1]), ("gain", &[1])], "3"),
    ];
    for (tensors, named) in cases {
        let mut params = params(tensors)?;
        let before = params.to_vecs();
        let Err(error) = snapshot.restore(&optimizer()?, &mut params) else { panic!("restored into {tensors:?}") };
        assert!(matches!(&error, Error::OtherParameters { reason } if reason.contains(named)), "{tensors:?}: {error}");
        assert_eq!(params.to_vecs(), before);
    }
    Ok(())
}

/// A snapshot of `f32` weights says nothing about `f64` ones, and the other way round.
#[test]
fn another_precision_is_refused() -> Result<(), Error> {
    let mut double = ParamSet::<f64>::new();
    for (name, shape) in TENSORS {
        double.push(name, shape, vec![0.0; shape.iter().product()])?;
    }
    assert!(snapshot(&optimizer()?)?.restore(&optimizer()?, &mut double).is_err());
    for rule in [Sgd::new(), Sgd::new().with_momentum(0.9)?] {
        let of_double = Snapshot::capture(&rule, &double, &rule.init(&double))?;
        assert!(of_double.restore(&rule, &mut params(&TENSORS)?).is_err(), "{rule:?}");
        let single = params(&TENSORS)?;
        let of_single = Snapshot::capture(&rule, &single, &rule.init(&single))?;
        assert!(of_single.restore(&rule, &mut double).is_err(), "{rule:?}");
    }
    Ok(())
}

#[test]
fn every_bit_survives_json() -> Result<(), Error> {
    let bits = [f32::NAN.to_bits() | 7, (-0.0_f32).to_bits(), f32::INFINITY.to_bits(), 1, 0.1_f32.to_bits()];
    let mut params = ParamSet::new();
    params.push("odd", [bits.len()], bits.map(f32::from_bits).to_vec())?;
    let optimizer = Lookahead::new(Sgd::new());
    let captured = Snapshot::capture(&optimizer, &params, &optimizer.init(&params))?;
    let json = serde_json::to_string(&captured).expect("JSON");
    let read: Snapshot = serde_json::from_str(&json).expect("the same snapshot");
    assert_eq!(read, captured);

    params.slice_mut(0).fill(3.0);
    let state = read.restore(&optimizer, &mut params)?;
    assert_eq!(params.slice(0).iter().map(|w| w.to_bits()).collect::<Vec<_>>(), bits);
    assert_eq!(state.slow()[0].iter().map(|w| w.to_bits()).collect::<Vec<_>>(), bits);
    Ok(())
}

#[test]
fn capturing_twice_gives_the_same_bytes() -> Result<(), Error> {
    let first = snapshot(&optimizer()?)?;
    assert_eq!(first.to_bytes()?, snapshot(&optimizer()?)?.to_bytes()?);
    assert_eq!(Snapshot::from_bytes(&first.to_bytes()?)?, first);
    Ok(())
}

/// A tensor that joined after the last step is in the snapshot, seeded from its value.
#[test]
fn a_tensor_that_has_just_joined_is_saved_too() -> Result<(), Error> {
    fn joined<O: Optimizer<f32, State: Serialize + DeserializeOwned> + Describe>(optimizer: &O) -> Result<(), Error> {
        let step = |params: &mut ParamSet<'_, f32>, state: &mut O::State| -> Result<(), Error> {
            let grads: Vec<_> = params.iter().map(|param| Some(vec![0.25; param.values().len()])).collect();
            let grads = Grads::new(params, grads)?;
            optimizer.step(0.1, params, &grads, state);
            Ok(())
        };
        let mut original = params(&TENSORS[..1])?;
        let mut state = optimizer.init(&original);
        step(&mut original, &mut state)?;
        original.push("bias", [1], vec![0.5])?;
        let bytes = Snapshot::capture(optimizer, &original, &state)?.to_bytes()?;

        let mut copy = params(&TENSORS)?;
        let mut copied_state = Snapshot::from_bytes(&bytes)?.restore(optimizer, &mut copy)?;
        for _ in 0..4 {
            step(&mut original, &mut state)?;
            step(&mut copy, &mut copied_state)?;
            assert_eq!(original.to_vecs(), copy.to_vecs(), "{}", optimizer.describe());
        }
        Ok(())
    }
    joined(&optimizer()?)?;
    joined(&AdaFactor::new())?;
    joined(&Averaged::new(Sgd::new().with_momentum(0.9)?, Averaging::Running { start: 0 }))
}
