//! The noisy quadratic sampled (Eq. 4), and optimized by the very `lookahead::Lookahead` that users run: what ties the
//! recursions to the code.

use lookahead::rules::Sgd;
use lookahead::{Grads, Lookahead, LookaheadConfig, Optimizer, ParamSet, Schedule};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::error::accept;
use crate::{Cycle, Error, Moments, Momentum, NoisyQuadratic};

/// Runs in one parameter set; each such batch has its own stream of random numbers.
const BATCH: u32 = 256;

/// The most weights of all runs together: they are kept until the end.
const MOST_WEIGHTS: u64 = 10_000_000;
/// The most samples of all runs and steps together: some minutes.
const MOST_SAMPLES: u64 = 10_000_000_000;
/// A larger weight's square, summed over runs, would not be a double.
const LARGEST_WEIGHT: f64 = 1e150;

/// How much to sample. The same sample gives the same bits, on any number of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Independent runs, at least 2; times the eigenvalues at most 1e7, and times the steps 1e10.
    pub runs: u32,
    /// Inner steps in each.
    pub steps: u64,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// Means and variances estimated from a sample, in the order of the eigenvalues.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimates {
    /// The number of runs.
    pub runs: u32,
    /// The slow weights' sample means and (unbiased) variances.
    pub slow: Vec<Moments>,
    /// The fast weights'.
    pub fast: Vec<Moments>,
}

/// Runs Lookahead around SGD many times on sampled losses, all from `start`, and estimates the moments after the last
/// step. `lr` gives the rate of each inner step, counted from 0.
///
/// # Errors
/// [`Error::OutOfRange`] unless there are 2 runs or more, `start` is at most 1e100 in size, and each rate is above 0
/// and below `2 (1 + beta) / L`; [`Error::TooMuchWork`] for more than [`Sample`] takes; [`Error::NotFinite`] if the
/// weights leave the range of doubles.
///
/// ```
/// use lookahead_theory::{Cycle, Moments, Momentum, Noise, NoisyQuadratic, Recursion, Sample, Spectrum};
/// use lookahead_theory::sample_moments;
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 2 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let sample = Sample { runs: 2000, steps: 20, seed: 1 };
/// let found = sample_moments(&problem, &0.5.into(), Momentum::NONE, &Cycle::default(), 1.0, &sample)?;
///
/// let mut expected = Recursion::new(&problem, 0.5.into(), Momentum::NONE, Cycle::default(), Moments::at(1.0))?;
/// expected.run(20);
/// assert!(found.largest_deviation(&expected.slow(), &expected.fast())? < 4.0);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn sample_moments(
    problem: &NoisyQuadratic,
    lr: &Schedule<f64>,
    momentum: Momentum,
    cycle: &Cycle,
    start: f64,
    sample: &Sample,
) -> Result<Estimates, Error> {
    for rate in lr.values() {
        momentum.check_lr(rate, problem.eigenvalues().largest())?;
    }
    let config = LookaheadConfig::new()
        .with_sync_period(cycle.sync_period)
        .with_alpha(cycle.alpha)
        .with_inner_state(cycle.inner_state);
    let optimizer = Lookahead::with_config(Sgd::new().with_momentum(momentum.get())?, config)?;
    sample_optimizer(problem, &optimizer, lr, start, sample)
}

/// The same for any optimizer: `slow` are the weights that it is evaluated on ([`Optimizer::evaluate`]), `fast` those
/// that it takes gradients at.
///
/// # Errors
/// [`Error::OutOfRange`] unless there are 2 runs or more, and `start` is at most 1e100 in size; [`Error::TooMuchWork`]
/// for more than [`Sample`] takes; [`Error::NotFinite`] if the weights leave the range of doubles.
///
/// ```
/// use lookahead::{Lookahead, rules::Sgd};
/// use lookahead_theory::{Moments, Momentum, Noise, NoisyQuadratic, OuterCycle, OuterDynamics, Sample, Spectrum};
/// use lookahead_theory::sample_optimizer;
/// let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 2 }.eigenvalues()?, &Noise::InverseCurvature)?;
/// let snoo = OuterCycle::new(5, 0.7, 0.6)?;
/// let optimizer = Lookahead::with_config(Sgd::new(), snoo.config())?;
/// let found = sample_optimizer(&problem, &optimizer, &0.5.into(), 1.0, &Sample { runs: 2000, steps: 20, seed: 1 })?;
///
/// let expected = OuterDynamics::new(&problem, 0.5, Momentum::NONE, snoo)?.after(Moments::at(1.0), 20)?;
/// // After a sync both weights are the same.
/// assert!(found.largest_deviation(&expected, &expected)? < 4.0);
/// # Ok::<(), lookahead_theory::Error>(())
/// ```
pub fn sample_optimizer<O: Optimizer<f64> + Sync>(
    problem: &NoisyQuadratic,
    optimizer: &O,
    lr: &Schedule<f64>,
    start: f64,
    sample: &Sample,
) -> Result<Estimates, Error> {
    accept("the number of runs", f64::from(sample.runs), sample.runs >= 2, "at least 2")?;
    let (dim, runs) = (problem.directions().len() as u64, u64::from(sample.runs));
    let at_most = |what, size, most, less| {
        if size <= most { Ok(()) } else { Err(Error::TooMuchWork { what, size, most, less }) }
    };
    at_most("the number of runs", runs, MOST_WEIGHTS / dim, "take fewer runs or eigenvalues")?;
    at_most("the number of steps", sample.steps, MOST_SAMPLES / (runs * dim), "take fewer steps, runs or eigenvalues")?;
    let start = Moments::at(start).check()?.mean;

    let batches: Vec<u32> = (0..sample.runs.div_ceil(BATCH)).collect();
    let weights: Result<Vec<Weights>, Error> = batches
        .into_par_iter()
        .map(|batch| {
            let runs = BATCH.min(sample.runs - batch * BATCH);
            let mut random = ChaCha8Rng::seed_from_u64(sample.seed);
            random.set_stream(u64::from(batch));
            run_batch(problem, optimizer, lr, start, runs as usize, sample.steps, &mut random)
        })
        .collect();
    let weights = weights?;

    // NaN is none of them.
    let is_small = |weight: &f64| weight.abs() < LARGEST_WEIGHT;
    if !weights.iter().all(|batch| batch.slow.iter().chain(&batch.fast).all(is_small)) {
        let because = format!("within {} steps it leaves the range of doubles", sample.steps);
        return Err(Error::NotFinite { what: "the square of a sampled weight", because });
    }
    let dim = problem.directions().len();
    let of = |which: fn(&Weights) -> &[f64]| {
        let moments_of = |i: usize| {
            moments(|| weights.iter().flat_map(move |batch| which(batch).iter().skip(i).step_by(dim).copied()))
        };
        (0..dim).map(moments_of).collect()
    };
    Ok(Estimates { runs: sample.runs, slow: of(|weights| &weights.slow), fast: of(|weights| &weights.fast) })
}

/// The weights of a batch of runs after the last step: run after run, each with a value for each direction.
struct Weights {
    slow: Vec<f64>,
    fast: Vec<f64>,
}

fn run_batch<O: Optimizer<f64>>(
    problem: &NoisyQuadratic,
    optimizer: &O,
    lr: &Schedule<f64>,
    start: f64,
    runs: usize,
    steps: u64,
    random: &mut ChaCha8Rng,
) -> Result<Weights, Error> {
    let directions = problem.directions();
    let deviations: Vec<f64> = directions.iter().map(|direction| direction.noise_variance.sqrt()).collect();
    let mut params = ParamSet::new();
    params.push("weights", [runs, directions.len()], vec![start; runs * directions.len()])?;
    let mut state = optimizer.init(&params);
    let mut gradient = vec![0.0; runs * directions.len()];
    for step in 0..steps {
        let each = gradient.iter_mut().zip(params.slice(0)).zip(directions.iter().zip(&deviations).cycle());
        for ((gradient, theta), (direction, deviation)) in each {
            // g = a (theta - c), c ~ N(0, sigma^2)
            let normal: f64 = StandardNormal.sample(random);
            *gradient = direction.curvature * (theta - deviation * normal);
        }
        let grads = Grads::new(&params, [Some(&gradient[..])])?;
        optimizer.step(lr.at(step), &mut params, &grads, &mut state);
    }
    let slow = optimizer.evaluate(&params, &state)[0].to_vec();
    Ok(Weights { slow, fast: params.slice(0).to_vec() })
}

/// Mean and unbiased variance, in two passes.
fn moments<V: Iterator<Item = f64>>(values: impl Fn() -> V) -> Moments {
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Moments { mean, variance }
}

impl Estimates {
    /// How far the estimates lie from expected moments, in standard errors: the largest over all directions, slow and
    /// fast weights, means and variances. A Gaussian sample of n runs has standard errors `sqrt(V / n)` and
    /// `V sqrt(2 / (n - 1))`. Where the expected variance is 0, a difference of more than rounding counts as infinite.
    ///
    /// # Errors
    /// [`Error::VectorLength`] unless there is one expectation for each direction; [`Error::OutOfRange`] unless each
    /// mean is at most 1e100 in size and each variance from 0 to 1e200.
    pub fn largest_deviation(&self, slow: &[Moments], fast: &[Moments]) -> Result<f64, Error> {
        let expected = self.slow.len();
        for (name, list) in [("the list of slow moments", slow), ("the list of fast moments", fast)] {
            if list.len() != expected {
                return Err(Error::VectorLength { name, expected, found: list.len() });
            }
            list.iter().try_for_each(|moments| moments.check().map(|_| ()))?;
        }
        let pairs = self.slow.iter().zip(slow).chain(self.fast.iter().zip(fast));
        let deviations = pairs.flat_map(|(found, expected)| {
            let runs = f64::from(self.runs);
            let rounding = 1e-12 * (expected.mean.abs() + expected.variance.sqrt());
            let in_errors = |difference: f64, error: f64| {
                if difference.abs() <= rounding { 0.0 } else { difference.abs() / error }
            };
            [
                in_errors(found.mean - expected.mean, (expected.variance / runs).sqrt()),
                in_errors(found.variance - expected.variance, expected.variance * (2.0 / (runs - 1.0)).sqrt()),
            ]
        });
        Ok(deviations.fold(0.0, f64::max))
    }
}
