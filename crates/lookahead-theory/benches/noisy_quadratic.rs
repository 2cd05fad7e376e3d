//! The whole of Fig. 3, and what else has to be quick. `benches/numpy_reference.py` computes the same Fig. 3 in numpy.
//!
//!     cargo bench -p lookahead-theory

use divan::counter::ItemsCount;
use lookahead_theory::figures::NoisyProgress;
use lookahead_theory::{
    AdviceGrid, ConditionNumber, Cycle, Dynamics, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic, Spectrum,
    advise, optimal_rate,
};

fn main() {
    divan::main();
}

fn eigenvalues(dim: usize) -> Eigenvalues {
    let spectrum = Spectrum::Chebyshev { dim, condition_number: ConditionNumber::THOUSAND };
    spectrum.eigenvalues().expect("a spectrum")
}

/// SGD and nine alphas, 1000 learning rates, 1000 directions, T = 1000; and SGD again at each matching final loss.
#[divan::bench(sample_count = 10)]
fn fig03() {
    divan::black_box(NoisyProgress::fig03().compute().expect("the figure"));
}

/// The ten curves alone, which is all that the numpy program computes.
#[divan::bench(sample_count = 10)]
fn fig03_curves_on_one_thread(bencher: divan::Bencher<'_, '_>) {
    let problem = NoisyQuadratic::new(eigenvalues(1000), &Noise::InverseCurvature).expect("a problem");
    let cycles: Vec<Cycle> = (1..=10).map(|tenths| Cycle::new(5, f64::from(tenths) / 10.0).expect("a cycle")).collect();
    bencher.counter(ItemsCount::new(10_000_000_u32)).bench(|| {
        let mut sum = 0.0;
        for &cycle in &cycles {
            for i in 1..=1000 {
                let lr = f64::from(i) / 1001.0;
                let dynamics = Dynamics::new(&problem, lr, Momentum::NONE, cycle).expect("a learning rate in (0, 1)");
                sum += dynamics.progress(Moments::at(1.0), 1000).expect("k divides 1000").excess;
            }
        }
        sum
    });
}

#[divan::bench]
fn optimal_rate_of_64_directions() -> f64 {
    let momentum = Momentum::new(0.99).expect("a momentum");
    optimal_rate(&eigenvalues(64), momentum, &Cycle::new(20, 0.5).expect("a cycle")).rate
}

#[divan::bench]
fn advice_with_momentum_for_100_directions() -> f64 {
    let problem = NoisyQuadratic::new(eigenvalues(100), &Noise::InverseCurvature).expect("a problem");
    let momentum = Momentum::new(0.9).expect("a momentum");
    advise(&problem, 0.05, momentum, &AdviceGrid::default()).expect("advice").best.loss
}
