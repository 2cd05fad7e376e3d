//! Laws of what is saved: the same bits after a resume, and a defined beginning with other workers.

use lookahead::Optimizer;
use lookahead::collective::{Collective, OneProcess};
use lookahead::rules::AdamW;
use lookahead_laws::family::initial;
use lookahead_mpi::{Error, SlowStep, Wire};

use super::{Run, bits, config, params};

pub fn a_run_resumes_at_every_step(workers: &mut dyn Collective) {
    for (delay, wire) in [(0, Wire::Full), (2, Wire::Full), (3, Wire::Int8)] {
        let config = config(4).with_delay(delay).unwrap().with_wire(wire);
        let mut undisturbed = Run::<f32>::new(workers, config.clone());
        undisturbed.steps(workers, 13);
        for at in 0..9 {
            let mut run = Run::<f32>::new(workers, config.clone());
            run.steps(workers, at);
            let saved = run.slow_step.save(workers).unwrap();
            let mut gone_on =
                Run { slow_step: SlowStep::restore(config.clone(), workers, &run.params, &saved).unwrap(), ..run };
            gone_on.steps(workers, 13 - at);
            assert_eq!(gone_on.bits(), undisturbed.bits(), "delay {delay}, {wire:?}, saved after step {at}");
            assert_eq!(gone_on.slow_step.workers(), undisturbed.slow_step.workers());
        }
    }
    // saved without a delay where a longer one would have started the mean already
    let mut run = Run::<f32>::new(workers, config(4));
    run.steps(workers, 3);
    let saved = run.slow_step.save(workers).unwrap();
    let delayed = config(4).with_delay(3).unwrap();
    let slow_step = SlowStep::restore(delayed, workers, &run.params, &saved).unwrap();
    let mut gone_on = Run { slow_step, ..run };
    gone_on.steps(workers, 1);
    assert_eq!(gone_on.slow_step.clock().outer(), 1);

    // and the reverse: a mean on its way ends as a delayed one, the steps since it started are kept
    for wire in [Wire::Full, Wire::Int8] {
        let (now, delayed) = (config(4).with_wire(wire), config(4).with_wire(wire).with_delay(3).unwrap());
        let mut undisturbed = Run::<f32>::new(workers, delayed.clone());
        undisturbed.steps(workers, 4);
        let mut run = Run::<f32>::new(workers, delayed);
        run.steps(workers, 2);
        let saved = run.slow_step.save(workers).unwrap();
        let mut gone_on = Run { slow_step: SlowStep::restore(now, workers, &run.params, &saved).unwrap(), ..run };
        gone_on.steps(workers, 2);
        assert_eq!(gone_on.bits(), undisturbed.bits(), "{wire:?}");
        gone_on.steps(workers, 4);
        assert_eq!(gone_on.params.to_vecs().concat(), gone_on.slow_step.workers().slow().concat());
    }

    let mut run = Run::<f32>::new(workers, config(4));
    let saved = run.slow_step.save(workers).unwrap();
    let damaged = |config, bytes: &[u8]| SlowStep::restore(config, &*workers, &run.params, bytes).map(drop);
    assert!(matches!(damaged(config(4).with_wire(Wire::Int8), &saved), Err(Error::DamagedState { .. })));
    assert!(matches!(damaged(config(4), &saved[1..]), Err(Error::DamagedState { .. } | Error::Optimizer(_))));
    assert!(matches!(damaged(config(4), &[&saved[..], &[0]].concat()), Err(Error::DamagedState { .. })));
    let other = SlowStep::restore(config(4), workers, &params(&[0.0]), &saved).map(drop);
    assert!(matches!(other, Err(Error::DamagedState { .. } | Error::Optimizer(_))), "{other:?}");
}

/// Saved by one worker, in mid-cycle: all go on from its slow weights, and stay together.
pub fn a_state_goes_to_other_workers(workers: &mut dyn Collective) {
    let config = config(4).with_wire(Wire::Int8);
    let mut alone = OneProcess::default();
    let mut run = Run::<f32>::new(&alone, config.clone());
    run.steps(&mut alone, 6);
    let slow = run.slow_step.workers().clone();
    let saved = run.slow_step.save(&mut alone).unwrap();
    let mut weights = initial::<f32>().unwrap();
    let slow_step = SlowStep::restore_with_other_workers(config.clone(), workers, &mut weights, &saved).unwrap();
    assert_eq!((slow_step.workers(), slow_step.clock().phase(), slow_step.clock().outer()), (&slow, 0, 1));
    assert_eq!(weights.to_vecs(), slow.slow().iter().map(|tensor| tensor.to_vec()).collect::<Vec<_>>());
    let inner = AdamW::new().init(&weights);
    let mut run = Run { params: weights, inner, slow_step, step: 4 };
    run.steps(workers, 4);
    assert_ne!(bits(&run.params), bits(&initial::<f32>().unwrap()));
    if workers.size() > 1 {
        let refused = SlowStep::restore(config, workers, &run.params, &saved).map(drop);
        assert_eq!(refused, Err(Error::OtherWorkers { found: 1, here: workers.size() }));
    }
}
