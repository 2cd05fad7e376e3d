//! What the core reports and resets when a sync refuses a value that is not finite.

use lookahead::rules::{Adam, Sgd};
use lookahead::{
    Adaptive, Alpha, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, SyncPeriod,
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
