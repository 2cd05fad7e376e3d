//! The laws with workers that are threads of this process, and with one alone.

mod laws;

use std::time::Duration;

use lookahead::collective::{
    Collective, CollectiveError, OneProcess, mean_over_workers, on_threads, on_threads_within,
};
use lookahead_laws::family::initial;
use lookahead_mpi::{Error, Job, News, SlowStep, Wire};

#[test]
fn one_process() {
    laws::LAWS.iter().for_each(|(_, law)| law(&mut OneProcess::default()));
}

fn with_threads(size: usize) {
    for (name, law) in laws::LAWS {
        println!("{name}");
        on_threads(size, |workers| law(workers));
    }
}

#[test]
fn one_thread() {
    with_threads(1);
}

#[test]
fn two_threads() {
    with_threads(2);
}

#[test]
fn three_threads() {
    with_threads(3);
}

#[test]
fn four_threads() {
    with_threads(4);
}

/// What the first of two workers gets of a mean while the second does something else.
fn mean_beside(other: impl Fn() + Sync) -> Error {
    let results = on_threads_within(Duration::from_millis(50), 2, |workers| match workers.rank() {
        0 => mean_over_workers(workers, &mut [1.0_f32]).map_err(Error::from),
        _ => {
            other();
            Ok(())
        }
    });
    results[0].clone().unwrap_err()
}

#[test]
fn who_is_left_alone_gives_up() {
    let late = mean_beside(|| std::thread::sleep(Duration::from_millis(500)));
    assert!(matches!(late, Error::Collective(CollectiveError::Deadline { .. })) && late.exit_code() == 75, "{late}");
    let left = mean_beside(|| ());
    assert!(matches!(left, Error::Collective(CollectiveError::Ended { .. })), "{left}");
}

#[test]
fn an_estimate_falls_with_k_and_delay() {
    let job = Job { step: 0.05, bytes: 4e8, latency: 5e-5, bandwidth: 1.25e8, bucket: 1e6 };
    for workers in [2, 8, 1024] {
        let (mean, k) = (job.mean(workers), job.break_even(workers));
        assert!(mean < f64::from(k) * job.step && mean >= f64::from(k - 1) * job.step);
        assert_eq!(job.slow_step(workers, 1, 0), job.gradients(workers));
        assert!(job.slow_step(workers, k, 0) <= 2.0 * job.step && job.slow_step(workers, k, k) == job.step);
    }
}

/// Any flipped bit is an error, or a state that steps: a checkpoint's checksum finds it before.
#[test]
fn damaged_states_do_no_harm() {
    let mut alone = OneProcess::default();
    let config = laws::config(4).with_delay(2).unwrap().with_wire(Wire::Int8);
    let mut run = laws::Run::<f32>::new(&alone, config.clone());
    run.steps(&mut alone, 6);
    let saved = run.slow_step.save(&mut alone).unwrap();
    for bit in 0..8 * saved.len() {
        let mut damaged = saved.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(mut slow_step) = SlowStep::restore(config.clone(), &alone, &run.params, &damaged) {
            let mut params = initial::<f32>().unwrap();
            (0..4).for_each(|_| drop(slow_step.after_step(&mut alone, 0.1, &mut params, News::default())));
        }
    }
}
