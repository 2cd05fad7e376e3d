//! Each error says what was wrong, where, and what is accepted.

use std::fs;

use lookahead::{Alpha, Schedule};
use lookahead_theory::figures::{ConvergenceRates, NoisyProgress};
use lookahead_theory::{
    AdviceGrid, BlockMatrices, ConditionNumber, Cycle, CycleSystem, Dynamics, Eigenvalues, Error, Moments, Momentum,
    Noise, NoisyQuadratic, Recursion, Sample, Spectrum, advise, convergence_rate, estimated_alpha, expected_losses,
    fixed_point, optimal_alpha, sample_moments,
};

#[track_caller]
fn says<T>(result: Result<T, Error>, expected: &str) {
    let Err(error) = result else { panic!("accepted, where expected: {expected}") };
    assert_eq!(error.to_string(), expected);
}

fn one() -> Eigenvalues {
    Eigenvalues::new(vec![1.0]).unwrap()
}

fn problem() -> NoisyQuadratic {
    NoisyQuadratic::new(one(), &Noise::InverseCurvature).unwrap()
}

#[test]
fn spectra() {
    let kappa = "the condition number is";
    says(ConditionNumber::new(0.99), &format!("{kappa} 0.99, but must be finite and at least 1"));
    says(ConditionNumber::new(f64::INFINITY), &format!("{kappa} inf, but must be finite and at least 1"));
    says(ConditionNumber::new(f64::NAN), &format!("{kappa} NaN, but must be finite and at least 1"));
    let many = ConditionNumber::THOUSAND;
    says(
        Spectrum::Log { dim: 0, condition_number: many }.eigenvalues(),
        "the number of eigenvalues is 0, but must be at least 1",
    );
    says(
        Spectrum::Chebyshev { dim: 1, condition_number: many }.eigenvalues(),
        "the condition number is 1000, but must be 1 where there is one eigenvalue",
    );
    let range = "but must be a finite number above 0";
    says(Eigenvalues::new(vec![1.0, 0.0]), &format!("eigenvalue number 2 is 0, {range}"));
    says(Eigenvalues::new(vec![-1.0]), &format!("eigenvalue number 1 is -1, {range}"));
    says(Eigenvalues::new(vec![f64::NAN]), &format!("eigenvalue number 1 is NaN, {range}"));
    says(Eigenvalues::new(vec![f64::INFINITY]), &format!("eigenvalue number 1 is inf, {range}"));
    says(Eigenvalues::new(vec![]), "there is no eigenvalue: at least one is needed");
}

#[test]
fn noise() {
    let range = "but must be a finite number of at least 0";
    says(NoisyQuadratic::new(one(), &Noise::Constant(-1.0)), &format!("noise variance number 1 is -1, {range}"));
    says(
        NoisyQuadratic::new(one(), &Noise::Listed(vec![f64::NAN])),
        &format!("noise variance number 1 is NaN, {range}"),
    );
    says(NoisyQuadratic::new(one(), &Noise::Listed(vec![1.0, 2.0])), "2 noise variances were given for 1 eigenvalues");
    says(
        problem().expected_loss(&[Moments::at(1.0); 3]),
        "the list of moments has 3 values, but there are 1 eigenvalues",
    );
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eigenvalues.txt");
    let write = |text: &str| fs::write(&file, text).unwrap();
    let name = file.display();

    write("\u{feff}# a spectrum\r\n\r\n 0.5 # the flat one\r\n1e0\r\n");
    assert_eq!(Eigenvalues::from_file(&file).unwrap().as_slice(), [0.5, 1.0]);
    assert_eq!(Noise::from_file(&file).unwrap(), Noise::Listed(vec![0.5, 1.0]));

    for (text, line, found) in
        [("1\n\n2,5\n", 3, "2,5"), ("1 2\n", 1, "1 2"), ("# x\n-3 # y\n", 2, "-3 # y"), ("inf", 1, "inf")]
    {
        write(text);
        let expected = format!("{name}, line {line}: {found:?} is not a finite number above 0");
        says(Eigenvalues::from_file(&file), &expected);
    }
    write("0\nnan\n");
    says(Noise::from_file(&file), &format!("{name}, line 2: \"nan\" is not a finite number of at least 0"));
    write("# nothing\n");
    says(Eigenvalues::from_file(&file), "there is no eigenvalue: at least one is needed");
    fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    let error = Eigenvalues::from_file(&file).unwrap_err().to_string();
    assert_eq!(error, format!("cannot read {name}"));
    let missing = folder.path().join("missing.txt");
    let error = Noise::from_file(&missing).unwrap_err();
    assert!(matches!(&error, Error::UnreadableFile { file, .. } if *file == missing), "{error}");
}

#[test]
fn learning_rates() {
    let sgd = "but must be above 0 and below 2 / L = 0.5";
    let four = NoisyQuadratic::new(Eigenvalues::new(vec![1.0, 4.0]).unwrap(), &Noise::default()).unwrap();
    let cycle = Cycle::default();
    for lr in [0.0, -0.1, 0.5, f64::NAN, f64::INFINITY] {
        let expected = format!("the learning rate is {lr}, {sgd}");
        says(Dynamics::new(&four, lr, Momentum::NONE, cycle), &expected);
        says(Recursion::new(&four, lr.into(), Momentum::NONE, cycle, Moments::at(1.0)), &expected);
        says(convergence_rate(four.eigenvalues(), lr, Momentum::NONE, &cycle), &expected);
        says(expected_losses(&four, lr, Momentum::NONE, &cycle, Moments::at(1.0), 5), &expected);
        says(fixed_point(4.0, 1.0, lr, &cycle), &expected);
        says(advise(&four, lr, Momentum::NONE, &AdviceGrid::default()), &expected);
        says(BlockMatrices::new(four.eigenvalues(), lr, Momentum::NONE, 5, Alpha::default()), &expected);
    }
    assert!(Dynamics::new(&four, 0.5_f64.next_down(), Momentum::NONE, cycle).is_ok());
    let momentum = Momentum::new(0.5).unwrap();
    says(
        CycleSystem::new(3.0, 1.0, momentum, &cycle),
        "the learning rate is 3, but must be above 0 and below 2 (1 + beta) / L = 3",
    );
    let schedule = Schedule::steps(0.1, [(5, 9.0)]).unwrap();
    says(
        Recursion::new(&four, schedule, momentum, cycle, Moments::at(1.0)),
        "the learning rate is 9, but must be above 0 and below 2 (1 + beta) / L = 0.75",
    );
}

#[test]
fn hyperparameters() {
    says(Cycle::new(0, 0.5), "sync_period is 0, but must be at least 1");
    for alpha in [0.0, 1.5, -0.5, f64::NAN] {
        says(Cycle::new(5, alpha), &format!("alpha is {alpha}, but must be above 0 and at most 1"));
    }
    for beta in [1.0, -0.1, f64::NAN] {
        says(Momentum::new(beta), &format!("the momentum is {beta}, but must be at least 0 and below 1"));
    }
    says(
        BlockMatrices::new(&one(), 0.5, Momentum::NONE, 1, Alpha::default()),
        "the printed matrices need a synchronization period k of at least 2, but k is 1: use the system in (theta, \
         velocity)",
    );
    says(
        BlockMatrices::new(&one(), 0.5, Momentum::NONE, 1000, Alpha::default()),
        "the printed matrices have 1001 rows, but at most 512 are accepted: use fewer eigenvalues or a smaller k",
    );
}

#[test]
fn starts_and_steps() {
    let problem = problem();
    let dynamics = Dynamics::new(&problem, 0.5, Momentum::NONE, Cycle::default()).unwrap();
    says(
        dynamics.loss_after(Moments::at(1.0), 12),
        "the number of steps is 12, but must be a multiple of the synchronization period k = 5",
    );
    says(dynamics.after(Moments::at(f64::NAN), 5), "the initial mean is NaN, but must be finite");
    says(
        dynamics.after(Moments { mean: 0.0, variance: -1.0 }, 5),
        "the initial variance is -1, but must be finite and at least 0",
    );
    says(fixed_point(0.0, 1.0, 0.5, &Cycle::default()), "the curvature is 0, but must be finite and above 0");
    says(fixed_point(1.0, -1.0, 0.5, &Cycle::default()), "the noise variance is -1, but must be finite and at least 0");
    let sample = Sample { runs: 1, steps: 5, seed: 0 };
    says(
        sample_moments(&problem, &0.5.into(), Momentum::NONE, &Cycle::default(), 1.0, &sample),
        "the number of runs is 1, but must be at least 2",
    );
}

#[test]
fn vectors() {
    says(optimal_alpha(&one(), &[0.0], &[1.0, 2.0], &[0.5]), "theta_0 has 2 values, but there are 1 eigenvalues");
    says(optimal_alpha(&one(), &[0.0], &[1.0], &[f64::NAN]), "theta_k is NaN, but must be finite in every direction");
    says(
        estimated_alpha(&[-1.0], &[1.0], &[0.5], &[0.5], Alpha::default()),
        "a curvature is -1, but must be at least 0",
    );
    says(estimated_alpha(&[], &[], &[], &[], Alpha::default()), "there is no curvature: at least one is needed");
}

#[test]
fn figures() {
    let figure = NoisyProgress::fig11a;
    says(
        NoisyProgress { learning_rates: 0, ..figure() }.compute(),
        "the number of learning rates is 0, but must be at least 1",
    );
    says(NoisyProgress { alphas: vec![], ..figure() }.compute(), "there is no alpha: at least one is needed");
    says(
        NoisyProgress { steps: 7, learning_rates: 2, ..figure() }.compute(),
        "the number of steps is 7, but must be a multiple of the synchronization period k = 5",
    );
    says(
        ConvergenceRates { condition_numbers: vec![], ..ConvergenceRates::default() }.compute(),
        "there is no condition number: at least one is needed",
    );
    says(
        advise(&problem(), 0.5, Momentum::NONE, &AdviceGrid { alphas: vec![], ..AdviceGrid::default() }),
        "there is no pair of k and alpha: at least one is needed",
    );
}
