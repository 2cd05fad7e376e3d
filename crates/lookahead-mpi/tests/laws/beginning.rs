//! Laws of the beginning, and of what ranks tell each other.

use lookahead::ParamSet;
use lookahead::collective::{Collective, CollectiveError};
use lookahead_mpi::{Error, News, SlowStep, begin_together, check_replicas};

use super::{config, params};

pub fn all_begin_with_the_weights_of_rank_0(workers: &mut dyn Collective) {
    let mut params = ParamSet::new();
    let own = |i: usize| (workers.rank() * 100 + i) as f32 + 0.1;
    params.push("w", [3], (0..3).map(own).collect::<Vec<f32>>()).unwrap();
    params.push("none", [0], Vec::new()).unwrap();
    begin_together(workers, "k = 5", &mut params).unwrap();
    assert_eq!(params.slice(0), [0.1, 1.1, 2.1]);
}

/// On the last rank, if there are several, everything is otherwise once; all ranks give the same error.
pub fn what_differs_is_named(workers: &mut dyn Collective) {
    let (rank, last) = (workers.rank(), workers.size() - 1);
    let odd = |usual: &'static str, other: &'static str| if rank == last && last > 0 { other } else { usual };
    let expect = |result: Result<(), Error>, what: &str, expected: &str, found: &str| match result {
        Ok(()) => assert_eq!(last, 0, "{what} differs"),
        Err(error) => {
            let (what, expected, found) = (what.to_owned(), expected.to_owned(), found.to_owned());
            assert_eq!(error, CollectiveError::Differs { what, rank: last, expected, found }.into());
            assert_eq!(error.exit_code(), 78);
        }
    };
    let mut weights = params(&[1.0]);
    let result = begin_together(workers, odd("a = 1\nk = 5", "a = 1\nk = 6\nb = 2"), &mut weights);
    expect(result, "the configuration", "k = 5", "k = 6");
    let mut weights = ParamSet::<f32>::new();
    weights.push("w", [2], vec![0.0; 2]).unwrap();
    weights.push(odd("bias", "offset"), [1], vec![0.0]).unwrap();
    let result = begin_together(workers, "", &mut weights);
    expect(result, "a tensor", "bias [1] of 4 bytes", "offset [1] of 4 bytes");
    let mut weights = ParamSet::<f32>::new();
    weights
        .push(
            "w",
            [if rank == last && last > 0 { 3 } else { 2 }],
            vec![0.0; if rank == last && last > 0 { 3 } else { 2 }],
        )
        .unwrap();
    expect(begin_together(workers, "", &mut weights), "a tensor", "w [2] of 4 bytes", "w [3] of 4 bytes");
    expect(workers.agree("the version", odd("0.1.0", "0.2.0")).map_err(Error::from), "the version", "0.1.0", "0.2.0");
    let mut weights = params(&[1.0]);
    let mut slow_step = SlowStep::new(config(1), workers, &weights);
    let lr = if rank == last && last > 0 { 0.2 } else { 0.1 };
    let result = slow_step.after_step(workers, lr, &mut weights, News::default()).map(drop);
    expect(result, "the learning rate", "0.1", "0.2");
}

pub fn replicas_that_differ_are_found(workers: &mut dyn Collective) {
    let last = workers.size() - 1;
    let moved = if workers.rank() == last && last > 0 { 1.0 + f64::EPSILON } else { 1.0 };
    let found = check_replicas(workers, [&[moved][..]]);
    let of_rank =
        |error: Error| matches!(error, Error::Collective(CollectiveError::Differs { rank, .. }) if rank == last);
    assert!(if last == 0 { found.is_ok() } else { found.is_err_and(of_rank) });
    // begun without `begin_together`, from other weights
    let mut weights = params(&[moved]);
    let mut slow_step = SlowStep::new(config(1), workers, &weights);
    let synced = slow_step.after_step(workers, 0.1, &mut weights, News::default());
    assert!(if last == 0 { synced.is_ok() } else { synced.is_err_and(of_rank) });
}

pub fn news_are_shared(workers: &mut dyn Collective) {
    let (rank, size) = (workers.rank(), workers.size());
    let news = News { loss: rank as f64, seconds: 1.0 + (rank % 2) as f64, stop: rank + 1 == size };
    let shared = news.share(workers).unwrap();
    assert_eq!(shared.loss, (size - 1) as f64 / 2.0);
    let slowest = usize::from(size > 1);
    assert_eq!((shared.slowest, shared.slowest_seconds, shared.fastest_seconds), (slowest, 1.0 + slowest as f64, 1.0));
    assert!(shared.stop);
    assert!(!News::default().share(workers).unwrap().stop);
    workers.barrier().unwrap();
}
