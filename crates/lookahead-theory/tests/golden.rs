//! Golden data of `testdata/theory`, made with 80 digits by a program that shares no code with this one.

use lookahead::{Alpha, InnerStatePolicy, OuterForm, SyncPeriod};
use lookahead_theory::{
    Average, AverageDynamics, ConditionNumber, Cycle, Eigenvalues, Moments, Momentum, Noise, NoisyQuadratic,
    OuterCycle, OuterDynamics, OuterSystem, Spectrum, convergence_rate, expected_losses, fixed_point, optimal_rates,
    outer_convergence_rate, rates_at,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct File<C> {
    case: Vec<C>,
}

fn cases<C: DeserializeOwned>(name: &str) -> Vec<C> {
    let file = format!("{}/../../testdata/theory/{name}", env!("CARGO_MANIFEST_DIR"));
    toml::from_str::<File<C>>(&std::fs::read_to_string(&file).unwrap()).unwrap().case
}

/// The largest relative difference seen, and where.
#[derive(Default)]
struct Worst(f64, String);

impl Worst {
    #[track_caller]
    fn compare(&mut self, found: f64, expected: f64, tolerance: f64, place: &str) {
        let difference = if found == expected { 0.0 } else { (found - expected).abs() / expected.abs() };
        assert!(difference <= tolerance, "{place}: {found:e}, not {expected:e}: {difference:e} off");
        if difference > self.0 {
            *self = Self(difference, place.to_owned());
        }
    }
}

impl Drop for Worst {
    fn drop(&mut self) {
        println!("largest difference {:e} in {}", self.0, self.1);
    }
}

fn eigenvalues(kind: &str, dim: usize, condition_number: f64) -> Eigenvalues {
    let condition_number = ConditionNumber::new(condition_number).unwrap();
    let spectrum = match kind {
        "chebyshev" => Spectrum::Chebyshev { dim, condition_number },
        "harmonic" => Spectrum::Harmonic { dim },
        "log" => Spectrum::Log { dim, condition_number },
        "uniform" => Spectrum::Uniform { dim, condition_number },
        other => panic!("no spectrum {other}"),
    };
    spectrum.eigenvalues().unwrap()
}

fn cycle(k: u32, alpha: f64, inner_state: InnerStatePolicy) -> Cycle {
    Cycle { sync_period: SyncPeriod::new(k).unwrap(), alpha: Alpha::new(alpha).unwrap(), inner_state }
}

#[derive(Debug, Deserialize)]
struct SpectrumCase {
    spectrum: String,
    dim: usize,
    condition_number: f64,
    eigenvalues: Vec<f64>,
}

#[test]
fn spectra() {
    let mut worst = Worst::default();
    for case in cases::<SpectrumCase>("spectra.toml") {
        let found = eigenvalues(&case.spectrum, case.dim, case.condition_number);
        assert_eq!(found.as_slice().len(), case.eigenvalues.len());
        for (&found, &expected) in found.as_slice().iter().zip(&case.eigenvalues) {
            worst.compare(found, expected, 1e-14, &format!("{case:?}"));
        }
    }
}

#[derive(Debug, Deserialize)]
struct FixedPointCase {
    curvature: f64,
    noise_variance: f64,
    lr: f64,
    k: u32,
    alpha: f64,
    sgd: f64,
    lookahead: f64,
}

#[test]
fn fixed_points() {
    let mut worst = Worst::default();
    for case in cases::<FixedPointCase>("fixed_points.toml") {
        let place = format!("{case:?}");
        let cycle = Cycle::new(case.k, case.alpha).unwrap();
        let found = fixed_point(case.curvature, case.noise_variance, case.lr, &cycle).unwrap();
        worst.compare(found.sgd, case.sgd, 1e-12, &place);
        worst.compare(found.lookahead, case.lookahead, 1e-12, &place);
        worst.compare(found.ratio, case.lookahead / case.sgd, 1e-12, &place);
    }
}

#[derive(Debug, Deserialize)]
struct LossCase {
    spectrum: String,
    dim: usize,
    condition_number: f64,
    noise: String,
    lr: f64,
    k: u32,
    alpha: f64,
    momentum: f64,
    policy: InnerStatePolicy,
    steps: u64,
    initial_mean: f64,
    sgd: f64,
    sgd_final: f64,
    lookahead: f64,
    lookahead_final: f64,
}

#[test]
fn losses() {
    let mut worst = Worst::default();
    for case in cases::<LossCase>("losses.toml") {
        let place = format!("{case:?}");
        let noise = match case.noise.as_str() {
            "inverse_curvature" => Noise::InverseCurvature,
            "curvature" => Noise::Curvature,
            "constant" => Noise::Constant(0.7),
            other => panic!("no noise {other}"),
        };
        let problem =
            NoisyQuadratic::new(eigenvalues(&case.spectrum, case.dim, case.condition_number), &noise).unwrap();
        let (momentum, cycle) = (Momentum::new(case.momentum).unwrap(), cycle(case.k, case.alpha, case.policy));
        let start = Moments::at(case.initial_mean);
        let found = expected_losses(&problem, case.lr, momentum, &cycle, start, case.steps).unwrap();
        worst.compare(found.sgd, case.sgd, 1e-10, &place);
        worst.compare(found.sgd_final, case.sgd_final, 1e-10, &place);
        worst.compare(found.lookahead, case.lookahead, 1e-10, &place);
        worst.compare(found.lookahead_final, case.lookahead_final, 1e-10, &place);
    }
}

#[derive(Debug, Deserialize)]
struct RateCase {
    spectrum: String,
    dim: usize,
    condition_number: f64,
    lr: Option<f64>,
    k: u32,
    alpha: f64,
    momentum: f64,
    policy: InnerStatePolicy,
    momentum_rate: f64,
    lookahead_rate: f64,
}

#[test]
fn rates_with_given_learning_rates() {
    let mut worst = Worst::default();
    for case in cases::<RateCase>("rates.toml") {
        let place = format!("{case:?}");
        let (eigenvalues, lr) = (eigenvalues(&case.spectrum, case.dim, case.condition_number), case.lr.unwrap());
        let (momentum, cycle) = (Momentum::new(case.momentum).unwrap(), cycle(case.k, case.alpha, case.policy));
        let found = rates_at(&eigenvalues, lr, momentum, &cycle).unwrap();
        worst.compare(found.momentum.rate, case.momentum_rate, 1e-10, &place);
        worst.compare(found.lookahead.rate, case.lookahead_rate, 1e-10, &place);
        assert_eq!(found.lookahead.rate, convergence_rate(&eigenvalues, lr, momentum, &cycle).unwrap());
    }
}

#[test]
fn rates_with_the_best_learning_rates() {
    let mut worst = Worst::default();
    for case in cases::<RateCase>("optima.toml") {
        let place = format!("{case:?}");
        let eigenvalues = eigenvalues(&case.spectrum, case.dim, case.condition_number);
        let (momentum, cycle) = (Momentum::new(case.momentum).unwrap(), cycle(case.k, case.alpha, case.policy));
        let found = optimal_rates(&eigenvalues, momentum, &cycle);
        worst.compare(found.momentum.rate, case.momentum_rate, 1e-7, &place);
        worst.compare(found.lookahead.rate, case.lookahead_rate, 1e-7, &place);
    }
}

#[derive(Debug, Deserialize)]
struct OuterCase {
    curvature: f64,
    noise_variance: f64,
    lr: f64,
    momentum: f64,
    k: u32,
    eta: f64,
    mu: f64,
    form: OuterForm,
    policy: InnerStatePolicy,
    steps: u64,
    start_mean: f64,
    start_variance: f64,
    mean: f64,
    variance: f64,
    radius: f64,
    rate: f64,
    final_variance: Option<f64>,
}

fn one_direction(curvature: f64, noise_variance: f64) -> NoisyQuadratic {
    NoisyQuadratic::new(Eigenvalues::new(vec![curvature]).unwrap(), &Noise::Constant(noise_variance)).unwrap()
}

#[test]
fn outer_steps() {
    let mut worst = Worst::default();
    for case in cases::<OuterCase>("outer_steps.toml") {
        let place = format!("{case:?}");
        let (problem, momentum) =
            (one_direction(case.curvature, case.noise_variance), Momentum::new(case.momentum).unwrap());
        let inner_state = case.policy;
        let cycle = OuterCycle { form: case.form, inner_state, ..OuterCycle::new(case.k, case.eta, case.mu).unwrap() };
        let dynamics = OuterDynamics::new(&problem, case.lr, momentum, cycle).unwrap();
        let start = Moments { mean: case.start_mean, variance: case.start_variance };
        let found = dynamics.after(start, case.steps).unwrap()[0];
        worst.compare(found.mean, case.mean, 1e-10, &place);
        worst.compare(found.variance, case.variance, 1e-10, &place);
        let system = OuterSystem::new(case.lr, case.curvature, momentum, &cycle).unwrap();
        worst.compare(system.spectral_radius(), case.radius, 1e-10, &place);
        let rate = outer_convergence_rate(problem.eigenvalues(), case.lr, momentum, &cycle).unwrap();
        worst.compare(rate, case.rate, 1e-10, &place);
        assert_eq!(system.is_stable(), case.rate > 0.0);
        assert_eq!(dynamics.final_variances().is_ok(), case.rate > 0.0);
        if let Some(expected) = case.final_variance {
            worst.compare(dynamics.final_variances().unwrap()[0], expected, 1e-10, &place);
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum AverageKind {
    Running,
    Exponential { decay: f64 },
    ScheduleFree { beta: f64 },
    Gpa { mu_x: f64, mu_y: f64 },
}

#[derive(Debug, Deserialize)]
struct AverageCase {
    #[serde(flatten)]
    kind: AverageKind,
    curvature: f64,
    noise_variance: f64,
    lr: f64,
    steps: u64,
    start_mean: f64,
    start_variance: f64,
    mean: f64,
    variance: f64,
    final_variance: Option<f64>,
}

#[test]
fn averages() {
    let mut worst = Worst::default();
    for case in cases::<AverageCase>("averages.toml") {
        let place = format!("{case:?}");
        let average = match case.kind {
            AverageKind::Running => Ok(Average::running()),
            AverageKind::Exponential { decay } => Average::exponential(decay),
            AverageKind::ScheduleFree { beta } => Average::schedule_free(beta),
            AverageKind::Gpa { mu_x, mu_y } => Average::gpa(mu_x, mu_y),
        };
        let problem = one_direction(case.curvature, case.noise_variance);
        let dynamics = AverageDynamics::new(&problem, case.lr, average.unwrap()).unwrap();
        let start = Moments { mean: case.start_mean, variance: case.start_variance };
        let found = dynamics.after(start, case.steps).unwrap()[0];
        let scale = case.mean.abs() + case.variance.sqrt();
        assert!((found.mean - case.mean).abs() <= 1e-10 * scale, "{found:?} {place}");
        worst.compare(found.variance, case.variance, 1e-10, &place);
        worst.compare(dynamics.final_variances()[0], case.final_variance.unwrap_or(0.0), 1e-10, &place);
    }
}
