//! A tensor without gradients that the momentum of a Lookahead inside moves: the one around syncs it in every storage.

use lookahead::rules::Sgd;
use lookahead::{
    Averaged, Averaging, Cadence, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet,
    PrimalAveraged, ScheduleFree, SlowStorage, SyncPeriod,
};

use super::{every, nesterov};

/// theta and phi after each sync, k = 4, of three tensors: with gradients in the first 4 steps, in all, in none.
fn syncs<A: Optimizer<f64> + Cadence>(
    inner: A,
    policy: InnerStatePolicy,
    storage: SlowStorage,
) -> Result<Vec<[Vec<Vec<f64>>; 2]>, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(4)?);
    let optimizer = Lookahead::with_config(inner, config.with_inner_state(policy).with_slow_storage(storage))?;
    let mut params = ParamSet::new();
    for name in ["coasts", "moves", "stands"] {
        params.push(name, [3], vec![0.3, -0.7, 1.1])?;
    }
    let mut state = optimizer.init(&params);
    let mut seen = Vec::new();
    for step in 0..24 {
        let gradient = Some(vec![0.5, 1.0, -0.25]);
        let grads = Grads::new(&params, [gradient.clone().filter(|_| step < 4), gradient, None])?;
        optimizer.step(0.1, &mut params, &grads, &mut state);
        if state.clock().phase() == 0 {
            seen.push([params.to_vecs(), state.slow().iter().map(|slow| slow.to_vec()).collect()]);
        }
    }
    Ok(seen)
}

/// Rounding alone tells bf16 from full storage, less than 2^-7 of a weight in each sync.
fn is_synced<A: Optimizer<f64> + Cadence + Clone>(name: &str, inner: &A) -> Result<(), Error> {
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let full = syncs(inner.clone(), policy, SlowStorage::Full)?;
        for seed in 0..8 {
            let rounded = syncs(inner.clone(), policy, SlowStorage::Bf16 { seed })?;
            for (sync, ([theta, phi], [expected, _])) in rounded.iter().zip(&full).enumerate() {
                let values = theta.iter().zip(phi).zip(expected).flat_map(|((a, b), c)| a.iter().zip(b).zip(c));
                for ((theta, phi), expected) in values {
                    let bound = 2_f64.powi(-7) * expected.abs().max(1.0);
                    let near = (theta - expected).abs() < (sync + 1) as f64 * bound && (phi - theta).abs() < bound;
                    assert!(near, "{name}, {policy:?}, sync {sync}: {theta}, {phi}, not {expected}");
                }
                assert_eq!(theta[2], [0.3, -0.7, 1.1], "{name}, {policy:?}: a tensor that has never moved");
            }
        }
    }
    Ok(())
}

#[test]
fn what_coasts_is_synced_in_bf16_too() -> Result<(), Error> {
    let coasting = Lookahead::with_config(Sgd::new(), every(2, nesterov(0.7, 0.9)?)?)?;
    is_synced("Lookahead with momentum", &coasting)?;
    is_synced("an average around it", &Averaged::new(coasting.clone(), Averaging::Running { start: 0 }))?;
    is_synced("Schedule-Free around it", &PrimalAveraged::new(coasting.clone(), ScheduleFree::new()))?;
    let around = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?);
    is_synced("Lookahead around it", &Lookahead::with_config(coasting.clone(), around.clone())?)?;
    let rounded = around.with_slow_storage(SlowStorage::Bf16 { seed: 9 });
    is_synced("Lookahead in bf16 around it", &Lookahead::with_config(coasting, rounded)?)
}

/// Without momentum inside it does not move, and keeps its bits.
#[test]
fn what_does_not_move_keeps_its_bits() -> Result<(), Error> {
    let plain = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?);
    let rounded = plain.clone().with_slow_storage(SlowStorage::Bf16 { seed: 9 });
    for inner in [plain, rounded] {
        let inner = Lookahead::with_config(Sgd::new(), inner)?;
        let seen = syncs(inner, InnerStatePolicy::Maintain, SlowStorage::Bf16 { seed: 1 })?;
        assert!(seen.iter().all(|[theta, phi]| theta[0] == seen[0][0][0] && phi[0] == seen[0][1][0]), "{seen:?}");
    }
    Ok(())
}
