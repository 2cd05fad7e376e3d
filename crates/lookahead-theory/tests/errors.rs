//! Each error says what was wrong, where, and what is accepted.

use std::fs;

use lookahead::{Alpha, InnerStatePolicy, Schedule};
use lookahead_theory::figures::{ConvergenceRates, NoisyProgress};
use lookahead_theory::{
    AdviceGrid, BlockMatrices, ConditionNumber, Cycle, CycleSystem, Dynamics, Eigenvalues, Error, MOST_EIGENVALUES,
    Moments, Momentum, Noise, NoisyQuadratic, OuterCycle, Recursion, Sample, Spectrum, advise, check_outer_search,
    check_search, convergence_rate, estimated_alpha, expected_losses, fixed_point, optimal_alpha, sample_moments,
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
    says(
        NoisyQuadratic::new(one(), &Noise::Listed(vec![1.0, 2.0])),
        "2 noise variances for 1 eigenvalue: one for each is needed",
    );
    says(
        problem().expected_loss(&[Moments::at(1.0); 3]),
        "the list of moments has 3 values for 1 eigenvalue: one for each is needed",
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
    fs::write(&file, b"# \xff\n1\n\xff2\n").unwrap();
    let expected = format!("{name}, line 3: \"\u{fffd}2\" is not a finite number above 0");
    says(Eigenvalues::from_file(&file), &expected);
    let missing = folder.path().join("missing.txt");
    let error = Noise::from_file(&missing).unwrap_err();
    assert!(matches!(&error, Error::UnreadableFile { file, .. } if *file == missing), "{error}");
}

#[test]
fn what_is_no_file_of_numbers_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let says_so = |path: &std::path::Path| {
        let expected = format!("{} is not a regular file, but must be one with a number on each line", path.display());
        says(Eigenvalues::from_file(path), &expected);
        says(Noise::from_file(path), &expected);
    };
    says_so(folder.path());
    if cfg!(unix) {
        says_so("/dev/zero".as_ref());
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        says_so(&pipe);
    }
    let file = folder.path().join("many.txt");
    fs::write(&file, "1\n".repeat(MOST_EIGENVALUES + 1)).unwrap();
    let name = file.display();
    says(
        Eigenvalues::from_file(&file),
        &format!("{name} has more than 1000000 numbers, which is the most that is accepted"),
    );
    // As large as its length says, without a byte of it written.
    fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    says(
        Eigenvalues::from_file(&file),
        &format!("{name} has more than 268435456 bytes, which is the most that is accepted"),
    );
    fs::write(&file, "1\n".to_owned() + &"x".repeat(1_000_000)).unwrap();
    let shown = "x".repeat(40);
    says(Eigenvalues::from_file(&file), &format!("{name}, line 2: {shown:?} is not a finite number above 0"));
}

#[test]
fn numbers_beyond_what_doubles_multiply_are_refused_and_printed_short() {
    says(ConditionNumber::new(1e300), "the condition number is 1e300, but must be at most 1e100");
    says(
        Eigenvalues::new(vec![1.0, 1e-320]),
        "eigenvalue number 2 is 1e-320, but must be at least 1e-100 and at most 1e100",
    );
    says(
        NoisyQuadratic::new(one(), &Noise::Constant(1e300)),
        "noise variance number 1 is 1e300, but must be 0, or at least 1e-100 and at most 1e100",
    );
    let dynamics = |mean| {
        let problem = problem();
        Dynamics::new(&problem, 0.5, Momentum::NONE, Cycle::default()).unwrap().loss_after(Moments::at(mean), 5)
    };
    says(dynamics(1e300), "the initial mean is 1e300, but must be at least -1e100 and at most 1e100");
    says(dynamics(-1e300), "the initial mean is -1e300, but must be at least -1e100 and at most 1e100");
    says(
        fixed_point(1e-200, 1.0, 0.5, &Cycle::default()),
        "the curvature is 1e-200, but must be at least 1e-100 and at most 1e100",
    );
    says(
        fixed_point(1.0, 1e200, 0.5, &Cycle::default()),
        "the noise variance is 1e200, but must be 0, or at least 1e-100 and at most 1e100",
    );
    says(
        CycleSystem::new(1.0, f64::NAN, Momentum::NONE, &Cycle::default()),
        "the curvature is NaN, but must be finite and above 0",
    );
    says(Momentum::new(1e300), "the momentum is 1e300, but must be at least 0 and below 1");
    says(
        Momentum::new(0.9).unwrap().check_lr(1e300, 1.0),
        "the learning rate is 1e300, but must be above 0 and below 2 (1 + beta) / L = 3.8",
    );
    says(
        Spectrum::Harmonic { dim: usize::MAX }.eigenvalues(),
        "the number of eigenvalues is 1.8446744073709552e19, but must be at most 1000000",
    );
    says(
        optimal_alpha(&one(), &[-1e300], &[1.0], &[1.0 - f64::EPSILON]),
        "the optimal alpha is not finite: the optimum is 1.0e300 away from theta_0, and theta_k 2.2e-16",
    );
    for unit in [1e200, 1e-200] {
        let alpha = optimal_alpha(&one(), &[0.0], &[2.0 * unit], &[0.5 * unit]).unwrap();
        assert!((alpha - 4.0 / 3.0).abs() < 1e-15, "{alpha}");
    }
}

#[test]
fn what_grows_beyond_doubles_is_refused() {
    let (problem, momentum) = (problem(), Momentum::new(0.9).unwrap());
    let dynamics = Dynamics::new(&problem, 3.79, momentum, Cycle::new(4, 0.5).unwrap()).unwrap();
    let grows = "with learning rate 3.79, momentum 0.9, k = 4 and alpha = 0.5 it leaves the range or the precision of \
                 doubles within 400000 steps; a smaller learning rate or fewer steps help";
    says(dynamics.loss_after(Moments::at(1.0), 400_000), &format!("the expected loss is not finite: {grows}"));
    let what = "a mean or variance of the weights is not finite";
    says(dynamics.after(Moments::at(1.0), 400_000), &format!("{what}: {grows}"));
    let sample = Sample { runs: 2, steps: 400_000, seed: 0 };
    says(
        sample_moments(&problem, &3.79.into(), momentum, &Cycle::new(4, 0.5).unwrap(), 1.0, &sample),
        "the square of a sampled weight is not finite: within 400000 steps it leaves the range of doubles",
    );
}

#[test]
fn what_would_take_hours_is_refused() {
    let large = Spectrum::Harmonic { dim: 100_000 }.eigenvalues().unwrap();
    let what = "the number of eigenvalues that a learning rate is searched for";
    let error = check_search(&large, Momentum::NONE, &Cycle::default()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{what} is 100000, but must be at most")), "{error}");
    let momentum = Momentum::new(0.9).unwrap();
    let diloco = OuterCycle::new(500, 0.7, 0.9).unwrap();
    let reset = OuterCycle { inner_state: InnerStatePolicy::Reset, ..diloco };
    let check = |dim, cycle| check_outer_search(&Spectrum::Harmonic { dim }.eigenvalues().unwrap(), momentum, cycle);
    let error = check(100_000, &diloco).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{what} is 100000, but must be at most")), "{error}");
    // A cycle that forgets takes less time.
    assert!(check(500, &diloco).is_err() && check(500, &reset).is_ok() && check(20, &diloco).is_ok());
    let sample = Sample { runs: u32::MAX, steps: 5, seed: 0 };
    says(
        sample_moments(&problem(), &0.5.into(), Momentum::NONE, &Cycle::default(), 1.0, &sample),
        "the number of runs is 4294967295, but must be at most 10000000: take fewer runs or eigenvalues",
    );
    let spectrum = Spectrum::Harmonic { dim: 1_000_000 };
    let error = NoisyProgress { spectrum, ..NoisyProgress::fig03() }.compute().unwrap_err().to_string();
    assert!(error.ends_with("is 9000000000, but must be at most 200000000: take fewer of any"), "{error}");
    let error = ConvergenceRates { dim: 1_000_000, ..ConvergenceRates::default() }.compute().unwrap_err().to_string();
    assert!(error.starts_with("the number of eigenvalues times condition numbers is 71000000, but"), "{error}");
}

#[test]
fn distances_that_are_rounding_are_no_verdict() {
    let one_condition_number = Spectrum::Log { dim: 3, condition_number: ConditionNumber::new(1.0).unwrap() };
    let figure = NoisyProgress { spectrum: one_condition_number, learning_rates: 3, ..NoisyProgress::fig11a() };
    let rounding = "the distance to the final loss after 1000 steps is too small to be compared in doubles: take fewer \
                    steps, a larger condition number or another initial mean";
    let error = figure.compute().unwrap_err().to_string();
    assert!(error.ends_with(rounding), "{error}");
    assert!(NoisyProgress { steps: 20, ..figure.clone() }.compute().is_ok());
    says(NoisyProgress { steps: 0, ..figure }.compute(), "the number of steps is 0, but must be at least 1");
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
    says(
        optimal_alpha(&one(), &[0.0], &[1.0, 2.0], &[0.5]),
        "theta_0 has 2 values for 1 eigenvalue: one for each is needed",
    );
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
