//! What a slow step over several workers refuses when it is made.

use lookahead::{
    Adaptive, InnerStatePolicy, LookaheadConfig, Schedule, SlowStorage, SyncPeriod, collective::OneProcess, family,
};
use lookahead_mpi::{Error, News, SlowStep, SlowStepConfig, Wire};

#[test]
fn what_has_no_form_with_workers_is_refused() {
    for lookahead in [
        LookaheadConfig::new().with_inner_state(InnerStatePolicy::Reset),
        LookaheadConfig::new().with_inner_state(InnerStatePolicy::Interpolate),
        LookaheadConfig::new().with_slow_storage(SlowStorage::Bf16 { seed: 1 }),
        LookaheadConfig::new().with_adaptive_alpha(Adaptive::new()),
    ] {
        assert!(matches!(SlowStepConfig::new(&lookahead), Err(Error::Unsupported { .. })), "{lookahead:?}");
    }
    assert!(SyncPeriod::new(0).is_err());
}

#[test]
fn a_delay_fits_into_every_cycle() {
    let period = |k| SyncPeriod::new(k).unwrap();
    let periods = Schedule::steps(period(10), [(3, period(4)), (5, period(8))]).unwrap();
    let config = SlowStepConfig::new(&family::slowmo().with_sync_period(periods)).unwrap();
    assert_eq!(config.clone().with_delay(4), Err(Error::DelayTooLong { delay: 4, period: 4 }));
    let config = config.with_delay(3).unwrap().with_wire(Wire::Int8);
    assert_eq!((config.delay(), config.wire(), config.algorithm()), (3, Wire::Int8, "delayed_slow_step"));
}

#[test]
fn other_tensors_are_refused() {
    let mut workers = OneProcess::default();
    let params = |length| {
        let mut params = lookahead::ParamSet::new();
        params.push("w", [length], vec![0.0_f32; length]).unwrap();
        params
    };
    let config = SlowStepConfig::new(&LookaheadConfig::new()).unwrap();
    let mut slow_step = SlowStep::new(config, &workers, &params(2));
    let refused = slow_step.after_step(&mut workers, 0.1, &mut params(3), News::default());
    assert_eq!(refused, Err(Error::WrongLength { what: "the weights", expected: 2, found: 3 }));
}
