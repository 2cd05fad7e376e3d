//! Lookahead in Lookahead with schedules of k: every outer sync must end an inner cycle, for all time.

use lookahead::rules::Sgd;
use lookahead::{
    Adaptive, Error, InnerStatePolicy, Lookahead, LookaheadConfig, Schedule, SlowStorage, SyncClock, SyncPeriod, Tick,
};

/// A first period and its changes, as numbers.
type Periods<'a> = (u32, &'a [(u64, u32)]);

fn schedule((first, changes): Periods) -> Result<Schedule<SyncPeriod>, Error> {
    let changes: Result<Vec<_>, Error> = changes.iter().map(|&(at, k)| Ok((at, SyncPeriod::new(k)?))).collect();
    Schedule::steps(SyncPeriod::new(first)?, changes?)
}

fn with(periods: Periods) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(schedule(periods)?))
}

#[test]
fn the_first_sync_off_the_beat_is_named() -> Result<(), Error> {
    // inner: 2 four times, then 3
    let inner = Lookahead::with_config(Sgd::new(), with((2, &[(4, 3)]))?)?;
    for (periods, outer, inside, outer_step, step, phase) in [
        ((3, &[][..]), 3, 2, 0, 3, 1),
        ((4, &[]), 4, 3, 2, 12, 1),
        ((1, &[]), 1, 2, 0, 1, 1),
        ((6, &[]), 6, 3, 1, 12, 1),
        // both values are multiples of both inner ones
        ((8, &[(1, 6), (2, 9), (5, 12)]), 12, 3, 5, 14 + 27 + 12, 0),
        ((8, &[(1, 3), (7, 4)]), 4, 3, 7, 30, 1),
    ] {
        let refused = Lookahead::with_config(inner.clone(), with((periods.0, periods.1))?).map(|_| ());
        let expected = Error::PeriodsDoNotNest { outer, inner: inside, outer_step, step, phase };
        if phase == 0 {
            assert_eq!(refused, Ok(()), "{periods:?} ends inner cycles for ever");
        } else {
            assert_eq!(refused, Err(expected), "{periods:?}");
        }
    }
    let message = Lookahead::with_config(inner, with((6, &[]))?).map(|_| ()).expect_err("12 is 1 after 11").to_string();
    assert_eq!(
        message,
        "the outer sync after gradient step 12 (outer step 1, sync period 6) comes 1 steps into an inner cycle of 3, but \
         must end one"
    );
    Ok(())
}

#[test]
fn three_deep() -> Result<(), Error> {
    let inner = Lookahead::with_config(Sgd::new(), with((2, &[(3, 3)]))?)?;
    let middle = Lookahead::with_config(inner, with((6, &[]))?)?;
    assert!(Lookahead::with_config(middle.clone(), with((12, &[(3, 6)]))?).is_ok());
    let outer = Lookahead::with_config(middle, with((8, &[]))?).map(|_| ());
    let expected = Error::PeriodsDoNotNest { outer: 8, inner: 6, outer_step: 0, step: 8, phase: 2 };
    assert_eq!(outer, Err(expected));
    Ok(())
}

/// Under "reset" the inner schedule begins anew with each outer cycle.
#[test]
fn reset_restarts_the_inner_schedule() -> Result<(), Error> {
    // ends at 2, 4, 7, 10, …
    let inner = Lookahead::with_config(Sgd::new(), with((2, &[(2, 3)]))?)?;
    for (k, maintain, reset) in
        [(4, false, true), (7, false, true), (6, false, false), (2, false, true), (3, false, false)]
    {
        for (policy, nests) in [(InnerStatePolicy::Maintain, maintain), (InnerStatePolicy::Reset, reset)] {
            let config = with((k, &[]))?.with_inner_state(policy);
            assert_eq!(Lookahead::with_config(inner.clone(), config).is_ok(), nests, "k = {k}, {policy:?}");
        }
    }
    let config = with((4, &[(3, 6)]))?.with_inner_state(InnerStatePolicy::Reset);
    let refused = Lookahead::with_config(inner, config).map(|_| ());
    let expected = Error::PeriodsDoNotNest { outer: 6, inner: 3, outer_step: 3, step: 18, phase: 2 };
    assert_eq!(refused, Err(expected));
    Ok(())
}

/// Against two clocks run side by side, for thousands of pairs of schedules: what is accepted never drifts apart, what
/// is refused does so at the step named.
#[test]
fn the_verdict_is_that_of_two_clocks() -> Result<(), Error> {
    const STEPS: u64 = 400;
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut periods = |largest: u64| {
            let first = draw(largest) as u32 + 1;
            let (mut at, mut changes) = (0, Vec::new());
            for _ in 0..draw(3) {
                at += draw(4) + 1;
                changes.push((at, draw(largest) as u32 + 1));
            }
            (first, changes)
        };
        let (inner, outer) = (periods(3), periods(8));
        let [inside, around] = [(inner.0, &inner.1[..]), (outer.0, &outer.1[..])].map(schedule);
        let (inside, around) = (inside?, around?);
        for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Reset] {
            let (mut slow, mut quick) = (SyncClock::default(), SyncClock::default());
            let off = (1..=STEPS).find(|_| {
                quick.tick(&inside);
                let ends = matches!(slow.tick(&around), Tick::Sync { .. });
                let off = ends && quick.phase() > 0;
                if ends && policy == InnerStatePolicy::Reset {
                    quick = SyncClock::default();
                }
                off
            });
            let config = LookaheadConfig::new().with_sync_period(around.clone()).with_inner_state(policy);
            match (config.nests_around(std::slice::from_ref(&inside)), off) {
                (Ok(()), None) => accepted += 1,
                (Err(Error::PeriodsDoNotNest { step, .. }), Some(off)) if step == off => {}
                (verdict, off) => panic!("{inner:?} in {outer:?}, {policy:?}: {verdict:?}, the clocks say {off:?}"),
            }
        }
    }
    assert!(accepted > 1_000, "{accepted} pairs nest");
    Ok(())
}

#[test]
fn the_default_is_five_inner_cycles() -> Result<(), Error> {
    let around = |periods| -> Result<_, Error> {
        let inner = Lookahead::with_config(Sgd::new(), with(periods)?)?;
        let outer = Lookahead::new(inner.clone());
        assert!(Lookahead::with_config(inner, outer.config().clone()).is_ok(), "{periods:?}");
        Ok(outer.config().sync_period().clone())
    };
    assert_eq!(around((7, &[]))?, SyncPeriod::new(35)?.into());
    assert_eq!(around((2, &[(5, 3)]))?, schedule((10, &[(1, 15)]))?);
    assert_eq!(around((2, &[(4, 3)]))?, schedule((11, &[(1, 15)]))?);
    assert_eq!(around((2, &[(1, 3), (2, 4), (11, 4), (23, 1)]))?, schedule((17, &[(1, 20), (4, 14), (5, 5)]))?);
    // around two: the outer one of them counts
    let twice = Lookahead::new(Lookahead::new(Lookahead::new(Sgd::new())));
    assert_eq!(*twice.config().sync_period(), SyncPeriod::new(125)?.into());
    Ok(())
}

/// Periods and outer steps as large as their types allow.
#[test]
fn nothing_overflows() -> Result<(), Error> {
    let inner = (u32::MAX, &[(1_u64, u32::MAX), (u64::MAX, 3)][..]);
    let outer = with((u32::MAX, &[(u64::MAX, u32::MAX)]))?;
    // the outer sync number u64::MAX + 1 is one of period u32::MAX, a multiple of 3
    assert_eq!(outer.nests_around(&[schedule(inner)?]), Ok(()));
    let refused = with((u32::MAX, &[(u64::MAX, 2)]))?.nests_around(&[schedule(inner)?]);
    let expected = Error::PeriodsDoNotNest { outer: 2, inner: 3, outer_step: u64::MAX, step: u64::MAX, phase: 2 };
    assert_eq!(refused, Err(expected));
    let wide = LookaheadConfig::around(&[schedule((u32::MAX, &[(u64::MAX, 1)]))?]);
    assert_eq!(wide.sync_period().at(0).get(), u32::MAX);
    Ok(())
}

#[test]
fn an_adaptive_alpha_over_rounded_slow_weights_is_refused() {
    let adaptive = LookaheadConfig::new().with_adaptive_alpha(Adaptive::default());
    let rounded = adaptive.clone().with_slow_storage(SlowStorage::Bf16 { seed: 1 });
    let refused = Lookahead::with_config(Sgd::new(), rounded).map(|_| ());
    assert_eq!(refused, Err(Error::AdaptiveOverRounded));
    let message = Error::AdaptiveOverRounded.to_string();
    assert!(message.contains("adaptive alpha") && message.contains("bf16"), "{message}");
    assert!(Lookahead::with_config(Sgd::new(), adaptive).is_ok());
}
