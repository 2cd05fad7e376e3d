//! What the core reports and resets when a sync refuses a value that is not finite.

use lookahead::rules::{Adam, Sgd};
use lookahead::{
    Adaptive, Alpha, EmaNesterov, EmaNesterovConfig, Error, Float, Gpa, Grads, InnerStatePolicy, Lookahead,
    LookaheadConfig, Optimizer, ParamSet, PrimalAveraged, ScheduleFree, SyncPeriod,
};

const K: u32 = 2;

fn config(policy: InnerStatePolicy) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(K)?).with_inner_state(policy))
}

/// Steps with gradients of 1, but for `poison` in the first element of the last step.
fn poisoned_cycle<O: Optimizer<f64>>(optimizer: &O, poison: f64) -> Result<(ParamSet<'static, f64>, O::State), Error> {
    let mut params = ParamSet::new();
    params.push("hit", [2], vec![1.0, 1.0])?.push("other", [1], vec![1.0])?;
    let mut state = optimizer.init(&params);
    for first in [1.0, poison] {
        let grads = Grads::new(&params, [Some(vec![first, 1.0]), Some(vec![1.0])])?;
        optimizer.step(0.25, &mut params, &grads, &mut state);
    }
    Ok((params, state))
}

#[test]
fn refused_elements_are_counted_and_the_inner_state_starts_afresh() -> Result<(), Error> {
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        for alpha in [0.5, 1.0] {
            let config = config(policy)?.with_alpha(Alpha::new(alpha)?);
            let rule = Sgd::new().with_momentum(0.5)?;
            let optimizer = Lookahead::with_config(rule, config)?;
            let (params, state) = poisoned_cycle(&optimizer, f64::INFINITY)?;
            let moved = 1.0 - alpha * 0.625;
            assert_eq!(params.to_vecs(), [vec![1.0, moved], vec![moved]], "{policy:?}, alpha {alpha}");
            assert_eq!(state.slow(), params.to_vecs());
            assert_eq!(state.last_sync().map(|sync| (sync.outer, sync.refused)), Some((0, 1)));
            assert_eq!(state.refused(), 1);
            assert_eq!(state.inner(), &rule.init(&params), "all of it, the tensors that were not hit too");
        }
    }
    Ok(())
}

#[test]
fn the_counter_adds_up_and_the_last_report_does_not() -> Result<(), Error> {
    let optimizer = Lookahead::with_config(Adam::new(), config(InnerStatePolicy::Maintain)?)?;
    let (mut params, mut state) = poisoned_cycle(&optimizer, f64::NAN)?;
    for gradient in [f64::NAN, f64::NAN, 1.0, 1.0] {
        let grads = Grads::new(&params, [Some(vec![gradient; 2]), Some(vec![1.0])])?;
        optimizer.step(0.25, &mut params, &grads, &mut state);
    }
    assert_eq!(state.refused(), 3);
    assert_eq!(state.last_sync().map(|sync| (sync.outer, sync.refused)), Some((2, 0)));
    Ok(())
}

#[test]
fn the_curvature_of_an_adaptive_alpha_starts_afresh_too() -> Result<(), Error> {
    let adaptive = Adaptive::new().with_low(Alpha::new(0.125)?);
    let config = config(InnerStatePolicy::Maintain)?.with_adaptive_alpha(adaptive);
    let optimizer = Lookahead::with_config(Sgd::new(), config)?;
    let (mut params, mut state) = poisoned_cycle(&optimizer, f64::NAN)?;
    let refused = state.last_sync().map(|sync| (sync.alpha.get(), sync.clipped, sync.refused));
    assert_eq!(refused, Some((0.125, true, 1)), "no estimate can be made: the smallest alpha");

    for gradient in [1.0, -0.03125] {
        let grads = Grads::new(&params, [Some(vec![gradient; 2]), Some(vec![gradient])])?;
        optimizer.step(0.25, &mut params, &grads, &mut state);
    }
    let report = state.last_sync().expect("the second sync");
    assert!(!report.clipped && report.alpha.get() > 0.125, "{report:?}");
    Ok(())
}

/// The inner Lookahead refuses the value, so that the outer one sees none.
#[test]
fn nested_the_innermost_sync_refuses() -> Result<(), Error> {
    let outer = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2 * K)?);
    let inner = Lookahead::with_config(Sgd::new(), config(InnerStatePolicy::Maintain)?)?;
    let optimizer = Lookahead::with_config(inner, outer)?;
    let (mut params, mut state) = poisoned_cycle(&optimizer, f64::NAN)?;
    assert_eq!((state.refused(), state.inner().refused()), (0, 1));
    for _ in 0..K {
        let grads = Grads::new(&params, [Some(vec![1.0; 2]), Some(vec![1.0])])?;
        optimizer.step(0.25, &mut params, &grads, &mut state);
    }
    assert_eq!((state.refused(), state.inner().refused()), (0, 1));
    // inner phi: 1 -> 1 -> 0.75 where it was hit, 1 -> 0.75 -> 0.5 elsewhere; then half of each way
    assert_eq!(params.to_vecs(), [vec![0.875, 0.75], vec![0.75]]);
    Ok(())
}

/// The weights after each of six steps with gradients of 1, but for `poison` in the first; a gradient is missing where there
/// is none in `second`.
fn poisoned_start<T: Float>(
    optimizer: &impl Optimizer<T>,
    poison: f64,
    second: Option<f64>,
) -> Result<Vec<[f64; 2]>, Error> {
    let mut params = ParamSet::new();
    params.push("w", [1], vec![T::from_f64(4.0)])?;
    let mut state = optimizer.init(&params);
    let gradients = [Some(poison), second, Some(1.0), Some(1.0), Some(1.0), Some(1.0)];
    let step = |gradient: Option<f64>| {
        let grads = Grads::new(&params, [gradient.map(|gradient| vec![T::from_f64(gradient)])])?;
        optimizer.step(0.5, &mut params, &grads, &mut state);
        Ok([params.slice(0)[0].to_f64(), optimizer.evaluate(&params, &state)[0][0].to_f64()])
    };
    gradients.into_iter().map(step).collect()
}

/// Members that take gradients at a point beside their weights go on where the Lookahead below has kept its slow weight;
/// without one they show what is not finite.
#[test]
fn an_element_goes_on_from_the_slow_weight_below() -> Result<(), Error> {
    fn check<T: Float>(
        around: &impl Optimizer<T>,
        bare: &impl Optimizer<T>,
        (poison, second): (f64, Option<f64>),
    ) -> Result<(), Error> {
        let ours = poisoned_start(around, poison, second)?;
        assert!(!ours[0][0].is_finite(), "{poison}, {second:?}: {ours:?}");
        // the sync keeps phi_0, and the average begins anew there; one cycle later it has moved
        assert_eq!(ours[1], [4.0; 2], "{poison}, {second:?}: {ours:?}");
        assert!(ours.iter().skip(1).flatten().all(|weight| weight.is_finite()), "{poison}, {second:?}: {ours:?}");
        assert!(ours[5][0] < ours[3][0] && ours[3][0] < 4.0, "{poison}, {second:?}: {ours:?}");
        let bare = poisoned_start(bare, poison, second)?;
        assert!(bare.iter().flatten().all(|weight| !weight.is_finite()), "{poison}, {second:?}, bare: {bare:?}");
        Ok(())
    }
    let below = Lookahead::with_config(Sgd::new(), config(InnerStatePolicy::Maintain)?)?;
    let (gpa, free) = (Gpa::new().with_coefficients(0.9, 0.7)?, ScheduleFree::new());
    for poisons in [f64::NAN, f64::INFINITY].into_iter().flat_map(|poison| [(poison, Some(1.0)), (poison, None)]) {
        let (around, bare) = (PrimalAveraged::new(below.clone(), gpa), PrimalAveraged::new(Sgd::new(), gpa));
        check::<f32>(&around, &bare, poisons)?;
        check::<f64>(&around, &bare, poisons)?;
        let (around, bare) = (PrimalAveraged::new(below.clone(), free), PrimalAveraged::new(Sgd::new(), free));
        check::<f64>(&around, &bare, poisons)?;
        for gamma in [0.0, 0.9] {
            let ahead = EmaNesterovConfig::new().with_beta(0.5)?.with_gamma(gamma)?;
            let around = EmaNesterov::with_config(below.clone(), ahead);
            let bare = EmaNesterov::with_config(Sgd::new(), ahead);
            check::<f32>(&around, &bare, poisons)?;
            check::<f64>(&around, &bare, poisons)?;
        }
    }
    Ok(())
}
