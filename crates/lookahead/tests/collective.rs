//! The collective of one process, what the trait itself gives, and means over threads.

use std::sync::Barrier;
use std::time::Duration;

use lookahead::collective::{
    Collective, CollectiveError, MeanInFlight, OneProcess, Ticket, fingerprint, mean_over_workers, on_threads,
    on_threads_within,
};
use lookahead::kernels::momentum::mean;

#[test]
fn one_process_has_what_it_gave() {
    let mut alone = OneProcess::default();
    assert_eq!((alone.rank(), alone.size(), alone.sent()), (0, 1, 0));
    assert_eq!(alone.broadcast(vec![1, 2]), Ok(vec![1, 2]));
    assert_eq!(alone.gather(vec![3]), Ok(vec![vec![3]]));
    assert_eq!((alone.barrier(), alone.agree("anything", "at all")), (Ok(()), Ok(())));
    let values = [0.1_f32, -0.0, f32::INFINITY, 1e-45];
    let travelling = MeanInFlight::start(&mut alone, &values).unwrap();
    assert_eq!(travelling.has_arrived(&mut alone), Ok(true));
    let arrived = travelling.finish(&mut alone).unwrap();
    assert!(arrived.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits()), "{arrived:?}");
    assert!(matches!(alone.finish(Ticket::new(7)), Err(CollectiveError::Ended { .. })));
}

/// Several means on their way at once, finished in another order than they were started.
#[test]
fn means_are_those_of_the_kernel() {
    let value = |rank: usize, i: usize| 1.0 / (3 + rank * 7 + i) as f64;
    on_threads(3, |workers| {
        let own: Vec<f64> = (0..10).map(|i| value(workers.rank(), i)).collect();
        let first = MeanInFlight::start(workers, &own).unwrap();
        let second = MeanInFlight::start(workers, &own[..4]).unwrap();
        let (second, first) = (second.finish(workers).unwrap(), first.finish(workers).unwrap());
        let mut expected: Vec<f64> = (0..10).map(|i| value(0, i)).collect();
        let others: Vec<Vec<f64>> = (1..3).map(|rank| (0..10).map(|i| value(rank, i)).collect()).collect();
        mean(&mut expected, others.iter().map(Vec::as_slice));
        assert_eq!((&first[..], &second[..]), (&expected[..], &expected[..4]));
    });
}

/// Rank 1 lets the mean go on by looking at it alone, and finishes it once rank 0 has; a later one is not waited for.
#[test]
fn what_has_arrived_is_finished_without_a_wait() {
    let (started, seen, finished) = (Barrier::new(2), Barrier::new(2), Barrier::new(2));
    on_threads_within(Duration::from_secs(10), 2, |workers| {
        let is_first = workers.rank() == 0;
        let mean = MeanInFlight::start(workers, &vec![f32::from(is_first); (1 << 18) + 5]).unwrap();
        let later = is_first.then(|| MeanInFlight::start(workers, &[1.0]).unwrap());
        started.wait();
        // rank 1 has sent its values, and not combined any yet
        let early = is_first.then(|| mean.has_arrived(workers));
        seen.wait();
        let sees = (0..10_000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            mean.has_arrived(workers) == Ok(true)
        });
        if !is_first {
            finished.wait();
        }
        let mean = mean.finish(workers);
        if is_first {
            finished.wait();
        }
        assert!(sees && early != Some(Ok(true)));
        assert!(mean.unwrap().iter().all(|mean| *mean == 0.5));
        let later = later.unwrap_or_else(|| MeanInFlight::start(workers, &[1.0]).unwrap());
        assert_eq!(later.finish(workers), Ok(vec![1.0]));
    });
}

#[test]
fn a_fingerprint_tells_bits() {
    let of = |values: &[f64]| fingerprint([values]);
    assert_eq!(of(&[1.0, 2.0]), fingerprint([&[1.0][..], &[2.0]]));
    for other in [[2.0, 1.0], [1.0, 2.0 + f64::EPSILON * 2.0], [-1.0, 2.0], [1.0, -2.0]] {
        assert_ne!(of(&[1.0, 2.0]), of(&other));
    }
    assert_ne!(of(&[0.0]), of(&[-0.0]));
}

#[test]
fn all_ranks_learn_what_differs() {
    let differs = on_threads(3, |workers| {
        let text = if workers.rank() == 1 { "same\nother" } else { "same\nusual\nmore" };
        workers.agree("the text", text)
    });
    let [what, expected, found] = ["the text", "usual", "other"].map(str::to_owned);
    let expected = Err(CollectiveError::Differs { what, rank: 1, expected, found });
    assert!(differs.iter().all(|found| *found == expected), "{differs:?}");
}

#[test]
fn nobody_waits_for_ever() {
    let beside = |other: fn()| {
        let results = on_threads_within(Duration::from_millis(20), 2, |workers| match workers.rank() {
            0 => mean_over_workers(workers, &mut [1.0_f32]),
            _ => {
                other();
                Ok(())
            }
        });
        results[0].clone()
    };
    let late = beside(|| std::thread::sleep(Duration::from_millis(500)));
    assert!(matches!(late, Err(CollectiveError::Deadline { .. })), "{late:?}");
    let left = beside(|| ());
    let looked_at = on_threads(2, |workers| {
        let is_first = workers.rank() == 0;
        let mean = is_first.then(|| MeanInFlight::start(workers, &[1.0]).unwrap())?;
        (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            mean.has_arrived(workers).err()
        })
    });
    assert!(matches!(looked_at[0], Some(CollectiveError::Ended { .. })), "{looked_at:?}");
    assert!(matches!(left, Err(CollectiveError::Ended { .. })), "{left:?}");
}
