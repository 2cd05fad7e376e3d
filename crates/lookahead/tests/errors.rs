//! Bad input is refused when a value is made, with an error that names it, and what is accepted.

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{Alpha, Averaging, Error, Grads, ParamSet, Schedule, SquaredGradients, SyncPeriod};

const NOT_NUMBERS: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// Asserts that `make` refuses each value, and that the error names the hyperparameter, the value and the range.
fn assert_refused<V: std::fmt::Debug>(name: &str, values: &[f64], make: impl Fn(f64) -> Result<V, Error>) {
    for &value in values.iter().chain(&NOT_NUMBERS) {
        let error = make(value).expect_err(&format!("{name} = {value} is out of range"));
        assert!(matches!(&error, Error::OutOfRange { name: found, .. } if *found == name), "{name}: {error:?}");
        let message = error.to_string();
        let (given, _) = message.strip_prefix(&format!("{name} is ")).unwrap().split_once(", but must be ").unwrap();
        let given: f64 = given.parse().unwrap();
        assert!(given.to_bits() == value.to_bits() || given.is_nan() && value.is_nan(), "{message}");
        assert!(message.len() < 200, "no rows of zeros: {message}");
    }
}

fn assert_accepted<V>(name: &str, values: &[f64], make: impl Fn(f64) -> Result<V, Error>) {
    for &value in values {
        assert!(make(value).is_ok(), "{name} = {value} is in range");
    }
}

#[test]
fn hyperparameters_out_of_range() {
    // of the last one f32 makes 0
    assert_refused("alpha", &[0.0, -0.0, -0.5, 1.0000001, 2.0, f64::MIN, f64::MIN_POSITIVE], Alpha::new);
    assert_accepted("alpha", &[f32::MIN_POSITIVE.into(), 0.5, 1.0], Alpha::new);

    let momentum = |mu| Sgd::new().with_momentum(mu);
    assert_refused("momentum", &[-0.1, 1.0, 1.5], momentum);
    assert_accepted("momentum", &[0.0, 0.9, 0.999], momentum);

    let dampening = |value| Sgd::new().with_momentum(0.9)?.with_dampening(value);
    assert_refused("dampening", &[-0.1, 1.1], dampening);
    assert_accepted("dampening", &[0.0, 0.5, 1.0], dampening);
    let after_nesterov = |value| Sgd::new().with_momentum(0.9)?.with_nesterov()?.with_dampening(value);
    assert_refused("dampening", &[0.1, 1.0], after_nesterov);
    assert!(matches!(
        dampening(0.5).and_then(Sgd::with_nesterov),
        Err(Error::OutOfRange { name: "dampening", value: 0.5, .. })
    ));
    assert!(matches!(Sgd::new().with_nesterov(), Err(Error::OutOfRange { name: "momentum", value: 0.0, .. })));

    assert_refused("beta1", &[-0.1, 1.0, 2.0], |beta| Adam::new().with_betas(beta, 0.999));
    assert_refused("beta2", &[-0.1, 1.0, 2.0], |beta| AdamW::new().with_betas(0.9, beta));
    assert_accepted("betas", &[0.0, 0.5, 0.9999], |beta| Adam::new().with_betas(beta, beta));
    assert_refused("epsilon", &[-1e-8], |epsilon| Adam::new().with_epsilon(epsilon));
    assert_refused("epsilon", &[-1e-8], |epsilon| AdamW::new().with_epsilon(epsilon));
    assert_accepted("epsilon", &[0.0, 1.0], |epsilon| AdamW::new().with_epsilon(epsilon));

    assert_refused("beta2_decay", &[0.1], |exponent| AdaFactor::new().with_beta2_decay(exponent));
    assert_accepted("beta2_decay", &[0.0, -0.8], |exponent| AdaFactor::new().with_beta2_decay(exponent));
    assert_refused("clipping", &[0.99, 0.0, -1.0], |d| AdaFactor::new().with_clipping(d));
    assert_accepted("clipping", &[1.0, 2.0], |d| AdaFactor::new().with_clipping(d));

    assert_refused("weight_decay", &[-1e-4], |lambda| Sgd::new().with_weight_decay(lambda));
    assert_refused("weight_decay", &[-1e-4], |lambda| Adam::new().with_weight_decay(lambda));
    assert_refused("weight_decay", &[-1e-4], |lambda| AdamW::new().with_weight_decay(lambda));
    assert_refused("weight_decay", &[-1e-4], |lambda| AdaFactor::new().with_weight_decay(lambda));
    assert_accepted("weight_decay", &[0.0, 0.1], |lambda| AdaFactor::new().with_weight_decay(lambda));

    assert_refused("decay", &[-0.1, 1.0, 1.1], Averaging::exponential);
    assert_accepted("decay", &[0.0, 0.999], Averaging::exponential);
    assert_refused("beta", &[-0.1, 1.0, 1.1], SquaredGradients::<f32>::new);
    assert_accepted("beta", &[0.0, 0.999], SquaredGradients::<f32>::new);
}

/// Nesterov's rule without momentum is none, in whichever order it is asked for.
#[test]
fn nesterov_keeps_its_momentum() -> Result<(), Error> {
    let nesterov = Sgd::new().with_momentum(0.9)?.with_nesterov()?;
    assert!(matches!(nesterov.with_momentum(0.0), Err(Error::OutOfRange { name: "momentum", value: 0.0, .. })));
    assert_eq!(nesterov.with_momentum(0.5)?.momentum(), 0.5);
    Ok(())
}

#[test]
fn sync_period_zero() {
    let error = SyncPeriod::new(0).expect_err("k = 0");
    assert_eq!(error.to_string(), "sync_period is 0, but must be at least 1");
    assert_eq!(SyncPeriod::new(1).map(SyncPeriod::get), Ok(1));
    assert_eq!(SyncPeriod::new(u32::MAX).map(SyncPeriod::get), Ok(u32::MAX));
}

#[test]
fn schedules_out_of_order() {
    for (changes, position, at, after) in
        [(vec![(0, 1.0)], 0, 0, 0), (vec![(5, 1.0), (5, 2.0)], 1, 5, 5), (vec![(5, 1.0), (9, 2.0), (7, 3.0)], 2, 7, 9)]
    {
        let expected = Error::UnorderedSchedule { position, at, after };
        assert_eq!(Schedule::steps(0.5, changes), Err(expected));
    }
    assert!(Schedule::steps(0.5, []).is_ok());
}

#[test]
fn parameter_sets() -> Result<(), Error> {
    let mut params = ParamSet::new();
    params.push("weight", [2, 3], vec![0.0_f32; 6])?;
    let duplicate = params.push("weight", [1], vec![0.0]).map(|_| ());
    assert_eq!(duplicate, Err(Error::DuplicateName { name: "weight".to_owned() }));
    for (shape, expected, found) in [(vec![2, 2], 4, 5), (vec![], 1, 0), (vec![0, 7], 0, 1), (vec![3], 3, 2)] {
        let refused = params.push("bias", shape.clone(), vec![0.0; found]).map(|_| ());
        assert_eq!(refused, Err(Error::WrongLength { name: "bias".to_owned(), shape, expected, found }));
    }
    assert_eq!(params.len(), 1, "a refused tensor leaves the set as it was");
    params.push("bias", [], vec![1.0])?.push("empty", [4, 0], vec![])?;
    assert_eq!(params.len(), 3);

    let none: Option<Vec<f32>> = None;
    let too_few = Grads::new(&params, [none.clone(), none.clone()]).map(|_| ());
    assert_eq!(too_few, Err(Error::WrongCount { expected: 3, found: 2 }));
    let too_many = Grads::new(&params, vec![none.clone(); 4]).map(|_| ());
    assert_eq!(too_many, Err(Error::WrongCount { expected: 3, found: 4 }));
    let wrong = Grads::new(&params, [Some(vec![0.0; 5]), None, None]).map(|_| ());
    let expected = Error::WrongLength { name: "weight".to_owned(), shape: vec![2, 3], expected: 6, found: 5 };
    assert_eq!(wrong, Err(expected));
    assert!(Grads::new(&params, [Some(vec![0.0; 6]), None, Some(vec![])]).is_ok());
    Ok(())
}

/// A shape whose product is no number of this machine is an error like any other.
#[test]
fn a_shape_that_overflows() {
    let refused = ParamSet::<f32>::new().push("huge", [usize::MAX, 2], vec![0.0; 2]).map(|_| ());
    assert!(matches!(refused, Err(Error::WrongLength { found: 2, .. })), "{refused:?}");
}
