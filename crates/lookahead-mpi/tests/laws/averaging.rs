//! Laws of means: in order of rank, in 8 bits, of gradients, of batch norm.

use std::time::Duration;

use lookahead::collective::{Collective, mean_over_workers};
use lookahead::kernels::momentum::mean;
use lookahead::rules::Sgd;
use lookahead::{Grads, Lookahead, Optimizer, ParamSet};
use lookahead_laws::family::{gradients, initial};
use lookahead_mpi::{Int8Feedback, Int8InFlight, average_batch_norm, average_gradients, check_replicas};

use super::bits;

/// Values of one rank that all ranks can compute; their mean depends on the order in which it is summed.
fn values(rank: usize, elements: usize, round: usize) -> Vec<f32> {
    (0..elements).map(|i| ((i * 31 + rank * 17 + round * 7) as f32).sin() * 10.0_f32.powi((i % 7) as i32 - 3)).collect()
}

/// Lengths that shares do not divide; the last is more than a bucket.
pub fn the_mean_does_not_depend_on_timing(workers: &mut dyn Collective) {
    for (round, elements) in [0, 1, 5, 1000, (1 << 18) + 3].into_iter().enumerate() {
        let mut expected = values(0, elements, round);
        let others: Vec<Vec<f32>> = (1..workers.size()).map(|rank| values(rank, elements, round)).collect();
        mean(&mut expected, others.iter().map(Vec::as_slice));
        for late in 0..workers.size() {
            if workers.rank() == late {
                std::thread::sleep(Duration::from_millis(5));
            }
            let mut found = values(workers.rank(), elements, round);
            mean_over_workers(workers, &mut found).unwrap();
            assert!(found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{elements} elements");
        }
    }
}

/// With a Lookahead around SGD with momentum; tensors are handed out once, in order, with their means.
pub fn averaged_gradients_keep_replicas_equal(workers: &mut dyn Collective) {
    let optimizer = Lookahead::new(Sgd::new().with_momentum(0.9).unwrap());
    let mut params = initial::<f32>().unwrap();
    let mut state = optimizer.init(&params);
    for t in 0..12 {
        let mut grads: Vec<Vec<f32>> = gradients(&params, t, workers.rank()).into_iter().map(Option::unwrap).collect();
        let mut handed_out = Vec::new();
        let mut slices: Vec<&mut [f32]> = grads.iter_mut().map(Vec::as_mut_slice).collect();
        average_gradients(workers, &mut slices, |tensor, mean| handed_out.push((tensor, mean.to_vec()))).unwrap();
        assert_eq!(handed_out, grads.iter().cloned().enumerate().collect::<Vec<_>>());
        let grads = Grads::new(&params, grads.into_iter().map(Some)).unwrap();
        optimizer.step(0.05, &mut params, &grads, &mut state);
        check_replicas(workers, params.iter().map(|param| param.values())).unwrap();
    }
    let large: [usize; 4] = [3, (1 << 18) + 1, 0, 7];
    let mut grads: Vec<Vec<f32>> = large.iter().map(|&elements| values(workers.rank(), elements, 0)).collect();
    let mut slices: Vec<&mut [f32]> = grads.iter_mut().map(Vec::as_mut_slice).collect();
    let mut order = Vec::new();
    average_gradients(workers, &mut slices, |tensor, _| order.push(tensor)).unwrap();
    assert_eq!(order, [0, 1, 2, 3]);
    for (&elements, found) in large.iter().zip(&grads) {
        let mut whole = values(workers.rank(), elements, 0);
        mean_over_workers(workers, &mut whole).unwrap();
        assert!(found.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    assert!(!bits(&params).is_empty());
}

/// Each single mean is off by at most two roundings of its block, and the sums of many by no more.
pub fn eight_bits_give_back_what_they_take(workers: &mut dyn Collective) {
    let elements = 1000;
    let mut feedback = Int8Feedback::new(elements, workers.size());
    let (mut sums, mut true_sums) = (vec![0.0_f64; elements], vec![0.0_f64; elements]);
    let mut largest = 0.0_f64;
    for round in 0..30 {
        let mut exact = values(workers.rank(), elements, round);
        let sent = workers.sent();
        let in_flight = Int8InFlight::start(workers, &exact, &mut feedback).unwrap();
        let found = in_flight.finish(workers, &mut feedback).unwrap();
        let sent = workers.sent() - sent;
        mean_over_workers(workers, &mut exact).unwrap();
        largest = (0..workers.size())
            .flat_map(|rank| values(rank, elements, round))
            .fold(largest, |largest, x| largest.max(f64::from(x.abs())));
        for place in 0..elements {
            sums[place] += f64::from(found[place]);
            true_sums[place] += f64::from(exact[place]);
            // x is delta + e, so a little more than the largest delta
            let bound = 2.0 * 1.02 * largest / 254.0;
            assert!((sums[place] - true_sums[place]).abs() < bound, "element {place} of round {round}");
        }
        let share = elements.div_ceil(workers.size()).next_multiple_of(256);
        assert_eq!(sent, (2 * (workers.size() - 1) * share / 256 * 260) as u64);
    }
    let (sum, error): (f64, f64) =
        sums.iter().zip(&true_sums).fold((0.0, 0.0), |(s, e), (a, b)| (s + b * b, e + (a - b) * (a - b)));
    assert!(error > 0.0 && error < 1e-4 * sum, "it rounds, and little: {error} of {sum}");
    let mut infinite = vec![0.0; elements];
    infinite[3] = if workers.rank() == 0 { f32::INFINITY } else { 1.0 };
    let in_flight = Int8InFlight::start(workers, &infinite, &mut feedback).unwrap();
    let found = in_flight.finish(workers, &mut feedback).unwrap();
    assert!(found[3].is_nan() && found[4].is_finite());
}

/// Of batches of equal size the mixture's variance is that of all their examples.
pub fn batch_norm_is_that_of_all_examples(workers: &mut dyn Collective) {
    let batch = |rank: usize| values(rank, 64, 0).into_iter().map(f64::from).collect::<Vec<f64>>();
    let moments = |examples: &[f64]| {
        let mean = examples.iter().sum::<f64>() / examples.len() as f64;
        (mean, examples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / examples.len() as f64)
    };
    let (mean, variance) = moments(&batch(workers.rank()));
    let (mut means, mut variances) = ([mean], [variance]);
    average_batch_norm(workers, &mut means, &mut variances).unwrap();
    let (mean, variance) = moments(&(0..workers.size()).flat_map(batch).collect::<Vec<_>>());
    assert!((means[0] - mean).abs() < 1e-12 * mean.abs().max(1.0), "{means:?} {mean}");
    assert!((variances[0] - variance).abs() < 1e-9 * variance, "{variances:?} {variance}");
    let mut params = ParamSet::<f64>::new();
    params.push("mean", [1], means.to_vec()).unwrap();
    check_replicas(workers, params.iter().map(|param| param.values())).unwrap();
    assert!(average_batch_norm(workers, &mut [0.0_f64], &mut []).is_err());
}
