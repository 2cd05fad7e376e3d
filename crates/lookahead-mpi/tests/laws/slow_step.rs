//! Laws of the slow step: what it equals, what it sends, what it refuses.

use lookahead::collective::{Collective, mean_over_workers};
use lookahead::rules::{AdamW, Sgd};
use lookahead::{
    Float, Lookahead, LookaheadConfig, Optimizer, OuterMomentum, OuterRate, OuterStep, ParamSet, SyncPeriod, Workers,
    family,
};
use lookahead_laws::family::{InnerRule, Run as Golden, Source, assert_follows, gradients, initial, outer_step};
use lookahead_mpi::{News, SlowStep, SlowStepConfig, average_gradients};

use super::{Run, bits, config, inner_step, params};

pub fn two_workers_follow_the_golden_runs(workers: &mut dyn Collective) {
    if workers.size() != 2 {
        return;
    }
    for (stem, runs) in [("two_workers_local_sgd", 6), ("two_workers_diloco", 6), ("two_workers_slowmo", 9)] {
        let source = Source::read(stem);
        assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
        for run in &source.runs {
            match run.inner.rule().unwrap() {
                InnerRule::Sgd(rule) => follow(workers, stem, run, &rule),
                InnerRule::AdamW(rule) => follow(workers, stem, run, &rule),
            }
        }
    }
}

fn follow<O: Optimizer<f64>>(workers: &mut dyn Collective, stem: &str, run: &Golden, rule: &O) {
    let lookahead = LookaheadConfig::new().with_sync_period(SyncPeriod::new(run.k).unwrap());
    let lookahead = lookahead.with_outer_step(outer_step(stem, run).unwrap());
    let mut params = initial::<f64>().unwrap();
    let mut state = rule.init(&params);
    let mut slow_step = SlowStep::new(SlowStepConfig::new(&lookahead).unwrap(), workers, &params);
    for (t, expected) in run.fast.iter().enumerate() {
        inner_step(rule, run.lr(t), &mut params, &mut state, t, workers.rank()).unwrap();
        slow_step.after_step(workers, run.lr(t), &mut params, News::default()).unwrap();
        let both = workers.gather(bits(&params).iter().flat_map(|bits| bits.to_le_bytes()).collect()).unwrap();
        let both: Vec<f64> = both.concat().chunks(8).map(|bits| f64::from_le_bytes(bits.try_into().unwrap())).collect();
        assert_follows(&format!("{stem}.json, {}, after step {}", run.name(), t + 1), &[&both], expected, 1e-12);
    }
}

/// Every rank simulates all workers beside its own run.
pub fn has_the_bits_of_the_cores_workers(workers: &mut dyn Collective) {
    compare_with_core::<f32>(workers);
    compare_with_core::<f64>(workers);
}

fn compare_with_core<T: Float>(workers: &mut dyn Collective)
where
    AdamW: Optimizer<T>,
{
    for k in [1, 3] {
        let mut run = Run::<T>::new(workers, config(k));
        let rule = AdamW::new();
        let mut all: Vec<ParamSet<'static, T>> = (0..workers.size()).map(|_| initial().unwrap()).collect();
        let mut states: Vec<_> = all.iter().map(|params| rule.init(params)).collect();
        let mut core = Workers::new(config(k).outer_step().clone(), &all[0]);
        for t in 0..12 {
            for (rank, (params, state)) in all.iter_mut().zip(&mut states).enumerate() {
                inner_step(&rule, 0.01, params, state, t, rank).unwrap();
            }
            if (t + 1) % k as usize == 0 {
                assert_eq!(core.sync(0.01, &mut all), 0);
            }
            run.steps(workers, 1);
            assert_eq!(run.bits(), bits(&all[workers.rank()]), "k = {k}, after step {}", t + 1);
        }
    }
}

/// With every outer step of the family; N = 1 runs on each rank for itself too, over a collective of its own.
pub fn one_worker_is_the_local_lookahead(workers: &mut dyn Collective) {
    let mut alone = lookahead::collective::OneProcess::default();
    let workers: &mut dyn Collective = if workers.size() == 1 { workers } else { &mut alone };
    let every = |config: LookaheadConfig| config.with_sync_period(SyncPeriod::new(4).unwrap());
    let members = [LookaheadConfig::new(), family::diloco(), family::slowmo(), family::muloco(), family::snoo()];
    let local_sgd = family::local_sgd(SyncPeriod::new(4).unwrap());
    for member in members.into_iter().chain([local_sgd]).map(every) {
        let local = Lookahead::with_config(AdamW::new(), member.clone()).unwrap();
        let (mut here, mut there) = (initial::<f32>().unwrap(), initial::<f32>().unwrap());
        let (mut state, mut inner) = (local.init(&here), AdamW::new().init(&there));
        let mut slow_step = SlowStep::new(SlowStepConfig::new(&member).unwrap(), workers, &there);
        for t in 0..22 {
            let lr = 0.01 / (1 + t) as f64;
            inner_step(&local, lr, &mut here, &mut state, t, 0).unwrap();
            inner_step(&AdamW::new(), lr, &mut there, &mut inner, t, 0).unwrap();
            slow_step.after_step(workers, lr, &mut there, News::default()).unwrap();
            assert_eq!(bits(&here), bits(&there), "{member:?}, after step {}", t + 1);
        }
        assert_eq!(state.slow(), slow_step.workers().slow());
    }
}

pub fn k_1_and_eta_1_average_gradients(workers: &mut dyn Collective) {
    let local_sgd = SlowStepConfig::new(&family::local_sgd(SyncPeriod::new(1).unwrap())).unwrap();
    let (rule, rank) = (Sgd::new(), workers.rank());
    let (mut synced, mut averaged) = (initial::<f64>().unwrap(), initial::<f64>().unwrap());
    let mut slow_step = SlowStep::new(local_sgd, workers, &synced);
    let (mut state, mut other) = (rule.init(&synced), rule.init(&averaged));
    for t in 0..20 {
        inner_step(&rule, 0.1, &mut synced, &mut state, t, rank).unwrap();
        slow_step.after_step(workers, 0.1, &mut synced, News::default()).unwrap();
        let mut grads: Vec<Vec<f64>> = gradients(&averaged, t, rank).into_iter().map(Option::unwrap).collect();
        let mut slices: Vec<&mut [f64]> = grads.iter_mut().map(Vec::as_mut_slice).collect();
        average_gradients(workers, &mut slices, |_, _| {}).unwrap();
        let grads = lookahead::Grads::new(&averaged, grads.into_iter().map(Some)).unwrap();
        rule.step(0.1, &mut averaged, &grads, &mut other);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-14;
        assert!(synced.slice(0).iter().zip(averaged.slice(0)).all(near), "{synced:?} {averaged:?}");
    }
}

pub fn bytes_are_one_kth(workers: &mut dyn Collective) {
    let (elements, steps, others) = (4096, 20, workers.size() as u64 - 1);
    let mut gradient = vec![1.0_f32; elements];
    let before = workers.sent();
    for _ in 0..steps {
        average_gradients(workers, &mut [&mut gradient], |_, _| {}).unwrap();
    }
    let gradients = workers.sent() - before;
    for k in [1, 5, 20] {
        let mut params = ParamSet::<f32>::new();
        params.push("w", [elements], vec![1.0; elements]).unwrap();
        let mut slow_step = SlowStep::new(config(k), workers, &params);
        let before = workers.sent();
        for _ in 0..steps {
            slow_step.after_step(workers, 0.1, &mut params, News::default()).unwrap();
        }
        // beside the weights, at each sync: 7 words to each other rank, and their length where it travels
        let (sent, syncs) = (workers.sent() - before, steps / u64::from(k));
        let beside = sent - gradients / u64::from(k);
        assert!(beside == syncs * others * 56 || beside == syncs * others * 64, "k = {k}: {sent} of {gradients}");
    }
}

pub fn values_that_are_not_finite_stay_out(workers: &mut dyn Collective) {
    let mut params = params(&[1.0, 2.0]);
    let mut slow_step = SlowStep::new(config(1), workers, &params);
    let last = workers.rank() + 1 == workers.size();
    params.slice_mut(0).copy_from_slice(&[if last { f64::INFINITY } else { 0.0 }, 1.0]);
    let synced = slow_step.after_step(workers, 0.1, &mut params, News::default()).unwrap().unwrap();
    // delta = 1, b = 1: phi - 0.7 (1 + 0.9)
    assert_eq!((synced.refused, params.slice(0)), (1, &[1.0, 2.0 - 0.7 * 1.9][..]));
}

/// The equations of `SlowStepConfig::with_delay`, written out for Local SGD; no worker is ahead of another's mean.
pub fn a_delay_is_what_it_says(workers: &mut dyn Collective) {
    let (rank, way) = (workers.rank(), |rank: usize, t: usize| 0.1 * (1 + rank) as f64 + 0.01 * t as f64);
    let local_sgd = SlowStepConfig::new(&family::local_sgd(SyncPeriod::new(5).unwrap())).unwrap();
    let mut params = params(&[1.0]);
    let mut slow_step = SlowStep::new(local_sgd.with_delay(2).unwrap(), workers, &params);
    let (mut theta, mut start) = (1.0, 0.0);
    for t in 0..15 {
        params.slice_mut(0)[0] -= way(rank, t);
        theta -= way(rank, t);
        slow_step.after_step(workers, 0.1, &mut params, News::default()).unwrap();
        if t % 5 == 2 {
            start = theta;
        }
        if t % 5 == 4 {
            let mut mean = [start];
            mean_over_workers(workers, &mut mean).unwrap();
            theta = mean[0] + (theta - start);
        }
        assert!((params.slice(0)[0] - theta).abs() < 1e-12, "after step {}", t + 1);
    }
    let slow = slow_step.workers().slow()[0][0];
    let mut largest = [slow];
    mean_over_workers(workers, &mut largest).unwrap();
    assert_eq!(largest[0].to_bits(), slow.to_bits(), "the slow weights are the same everywhere");
}

pub fn the_cosine_tells_equal_from_opposite_ways(workers: &mut dyn Collective) {
    let step = OuterStep::nesterov(OuterRate::new(1.0).unwrap(), OuterMomentum::ZERO);
    let lookahead = LookaheadConfig::new().with_sync_period(SyncPeriod::new(1).unwrap()).with_outer_step(step);
    for ways in [[1.0, 1.0], [1.0, -1.0]] {
        let mut params = params(&[0.0, 0.0]);
        let mut slow_step = SlowStep::new(SlowStepConfig::new(&lookahead).unwrap(), workers, &params);
        let sign = ways[workers.rank() % 2];
        params.slice_mut(0).copy_from_slice(&[3.0 * sign, 4.0 * sign]);
        let synced = slow_step.after_step(workers, 0.1, &mut params, News::default()).unwrap().unwrap();
        let n = workers.size() as f64;
        let sum: f64 = (0..workers.size()).map(|rank| ways[rank % 2]).sum();
        // of n (n - 1) pairs, sum^2 - n more go the same way than opposite ways
        let expected = (n > 1.0).then_some((sum * sum - n) / (n * (n - 1.0)));
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-12;
        assert!(near(synced.cosine.unwrap_or(0.5), expected.unwrap_or(0.5)), "{synced:?}, {expected:?}");
        assert!(near(synced.delta, 5.0 * sum.abs() / n), "{synced:?}");
    }
}
