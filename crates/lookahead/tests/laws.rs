//! The battery of laws for the slice core, in both precisions and nested; and the public names of what it uses.

mod slices;

use lookahead::rules::Sgd;
use lookahead::{Alpha, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, SyncPeriod};

use lookahead_laws::{Rounded, WithMomentum};

type Single = slices::Slices<f32>;
type Double = slices::Slices<f64>;
type RoundedSingle = Rounded<Single>;
type RoundedDouble = Rounded<Double>;
type SingleWithMomentum = WithMomentum<Single>;
type DoubleWithMomentum = WithMomentum<Double>;

lookahead_laws::laws!(single: Single);
lookahead_laws::laws!(single_with_ada_factor: Single; ada_factor, nested_ada_factor);
lookahead_laws::laws!(double: Double);
lookahead_laws::laws!(double_with_ada_factor: Double; ada_factor, nested_ada_factor);
lookahead_laws::laws!(single_around_more: Single; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(double_around_more: Double; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(single_near_its_average: Single; schedule_free, gpa);
lookahead_laws::laws!(double_near_its_average: Double; schedule_free, gpa);
lookahead_laws::laws!(single_looking_ahead: Single; ema_nesterov, ema_nesterov_adam_w);
lookahead_laws::laws!(double_looking_ahead: Double; ema_nesterov, ema_nesterov_adam_w);
lookahead_laws::laws!(single_beside: Single; gpa_around_lookahead, ema_nesterov_around_lookahead);
lookahead_laws::laws!(double_beside: Double; gpa_around_lookahead, ema_nesterov_around_lookahead);
lookahead_laws::laws!(rounded_beside: RoundedSingle; ema_nesterov_around_lookahead);
lookahead_laws::laws!(momentum_beside: SingleWithMomentum; gpa_around_lookahead, ema_nesterov_around_lookahead);
lookahead_laws::laws!(single_with_momentum: SingleWithMomentum);
lookahead_laws::laws!(double_with_momentum: DoubleWithMomentum);
lookahead_laws::laws!(single_with_momentum_more: SingleWithMomentum; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(rounded_single: RoundedSingle);
lookahead_laws::laws!(rounded_single_around_more: RoundedSingle; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(rounded_double: RoundedDouble; sgd, heavy_ball, adam, nested_heavy_ball, averaged, nested_scheduled);

/// 3 -> 2 -> 1 -> (sync) 2 -> 1 -> (sync_now) 1.5: with theta <- theta - 1, k = 2 and alpha = 1/2 from phi = 3.
#[test]
fn a_run_small_enough_to_follow() -> Result<(), lookahead::Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?).with_alpha(Alpha::new(0.5)?);
    let optimizer = Lookahead::with_config(Sgd::new(), config)?;
    let mut params = ParamSet::new();
    params.push("w", [1], vec![3.0_f64])?;
    let mut state = optimizer.init(&params);
    let mut fast = Vec::new();
    for _ in 0..3 {
        let grads = Grads::new(&params, [Some(vec![1.0])])?;
        optimizer.step(1.0, &mut params, &grads, &mut state);
        fast.push(params.slice(0)[0]);
    }
    assert_eq!(fast, [2.0, 2.0, 1.0]);
    assert_eq!((state.clock().outer(), state.clock().phase(), state.slow()[0][0]), (1, 1, 2.0));
    optimizer.sync_now(&mut params, &mut state);
    optimizer.sync_now(&mut params, &mut state);
    assert_eq!((state.clock().outer(), state.clock().phase(), state.slow()[0][0]), (2, 0, 1.5));
    assert_eq!(params.slice(0), [1.5]);
    let sync = state.last_sync().expect("two syncs");
    assert_eq!((sync.outer, sync.alpha.get(), sync.clipped, sync.refused), (1, 0.5, false, 0));
    Ok(())
}

/// Around a Lookahead the default outer period is five inner cycles.
#[test]
fn defaults_are_those_of_the_paper() -> Result<(), lookahead::Error> {
    let single = Lookahead::new(Sgd::new());
    assert_eq!(single.config(), &LookaheadConfig::new());
    assert_eq!(single.config().sync_period().at(0).get(), 5);
    assert_eq!(single.config().inner_state(), InnerStatePolicy::Maintain);
    let around_seven = LookaheadConfig::new().with_sync_period(SyncPeriod::new(7)?);
    let nested = Lookahead::new(Lookahead::with_config(Sgd::new(), around_seven)?);
    assert_eq!(nested.config().sync_period().at(0).get(), 35);
    Ok(())
}
