//! Reduce-on-plateau against trajectories of PyTorch 2.15.

use lookahead_burn::{Error, PlateauMode, PlateauThreshold, ReduceOnPlateau};

// import torch
// from torch.optim.lr_scheduler import ReduceLROnPlateau
// def run(metrics, **settings):
//     opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
//     plateau = ReduceLROnPlateau(opt, **settings)
//     rates = []
//     for metric in metrics:
//         plateau.step(metric)
//         rates.append(opt.param_groups[0]['lr'])
//     print(', '.join(f'{rate:.6g}' for rate in rates))
// falling, rising = [...], [...]     # as below
// run(falling, patience=2)
// run(falling, patience=1, factor=.5, cooldown=2, min_lr=.02)
// run(falling, patience=0, factor=.5, threshold=.05, threshold_mode='abs', cooldown=1)
// run(falling, patience=0, factor=.5, eps=.01)
// run(rising, mode='max', patience=1, factor=.2)
// run(rising, mode='max', patience=1, factor=.2, threshold=.04, threshold_mode='abs')
// run(rising, mode='max', patience=0, factor=.9, threshold=.5)

const FALLING: [f64; 22] = [
    1.,
    0.9,
    0.90001,
    0.8999,
    0.9,
    f64::NAN,
    0.95,
    0.7,
    0.8,
    0.8,
    0.8,
    0.8,
    0.8,
    0.8,
    0.8,
    0.8,
    0.6,
    0.65,
    0.65,
    0.65,
    0.65,
    0.65,
];
const RISING: [f64; 17] = [-0.2, -0.1, 0.1, 0.105, 0.14, 0.15, 0.15, 0.16, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3];

fn start() -> ReduceOnPlateau {
    ReduceOnPlateau::new(0.1).unwrap()
}

fn assert_rates(mut plateau: ReduceOnPlateau, metrics: &[f64], expected: &[f64]) {
    let rates: Vec<f64> = metrics.iter().map(|&metric| plateau.observe(metric)).collect();
    let close = |(&rate, &expected): (&f64, &f64)| (rate - expected).abs() <= 5e-6 * expected;
    assert_eq!(rates.len(), expected.len());
    assert!(rates.iter().zip(expected).all(close), "{rates:?}\nis not\n{expected:?}");
}

#[test]
fn a_falling_metric_follows_pytorch() {
    assert_rates(
        start().with_patience(2),
        &FALLING,
        &[
            0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.0001, 0.0001, 0.0001, 0.0001,
            0.0001, 0.0001, 1e-05, 1e-05, 1e-05,
        ],
    );
    assert_rates(
        start().with_patience(1).with_factor(0.5).unwrap().with_cooldown(2).with_min_learning_rate(0.02).unwrap(),
        &FALLING,
        &[
            0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02, 0.02, 0.02,
            0.02, 0.02, 0.02, 0.02,
        ],
    );
    let threshold = PlateauThreshold::Absolute(0.05);
    assert_rates(
        start().with_patience(0).with_factor(0.5).unwrap().with_threshold(threshold).unwrap().with_cooldown(1),
        &FALLING,
        &[
            0.1,
            0.1,
            0.05,
            0.05,
            0.025,
            0.025,
            0.0125,
            0.0125,
            0.00625,
            0.00625,
            0.003125,
            0.003125,
            0.0015625,
            0.0015625,
            0.00078125,
            0.00078125,
            0.00078125,
            0.000390625,
            0.000390625,
            0.000195313,
            0.000195313,
            9.76563e-05,
        ],
    );
    assert_rates(
        start().with_patience(0).with_factor(0.5).unwrap().with_epsilon(0.01).unwrap(),
        &FALLING,
        &[
            0.1, 0.1, 0.05, 0.05, 0.025, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125,
            0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125,
        ],
    );
}

#[test]
fn a_rising_metric_follows_pytorch() {
    let rising = start().with_mode(PlateauMode::Max);
    assert_rates(
        rising.clone().with_patience(1).with_factor(0.2).unwrap(),
        &RISING,
        &[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.004, 0.004, 0.0008, 0.0008, 0.00016],
    );
    let threshold = PlateauThreshold::Absolute(0.04);
    assert_rates(
        rising.clone().with_patience(1).with_factor(0.2).unwrap().with_threshold(threshold).unwrap(),
        &RISING,
        &[
            0.1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.02, 0.004, 0.004, 0.004, 0.0008, 0.0008, 0.00016, 0.00016, 3.2e-05,
            3.2e-05, 6.4e-06,
        ],
    );
    let threshold = PlateauThreshold::Relative(0.5);
    assert_rates(
        rising.with_patience(0).with_factor(0.9).unwrap().with_threshold(threshold).unwrap(),
        &RISING,
        &[
            0.1, 0.1, 0.1, 0.09, 0.081, 0.0729, 0.06561, 0.06561, 0.06561, 0.059049, 0.0531441, 0.0478297, 0.0430467,
            0.038742, 0.0348678, 0.0313811, 0.028243,
        ],
    );
}

#[test]
fn a_metric_that_is_not_finite_is_no_improvement() {
    let mut plateau = start().with_patience(2);
    for metric in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        plateau.observe(metric);
    }
    assert_eq!(plateau.best(), None);
    assert!(plateau.learning_rate() < 0.1);
    plateau.observe(3.0);
    assert_eq!(plateau.best(), Some(3.0));
}

#[test]
fn saved_after_any_observation_it_goes_on_as_if_nothing_had_happened() {
    let fresh = start().with_patience(1).with_cooldown(2).with_factor(0.3).unwrap();
    for cut in 0..FALLING.len() {
        let mut plateau = fresh.clone();
        for &metric in &FALLING[..cut] {
            plateau.observe(metric);
        }
        let text = serde_json::to_string(&plateau).unwrap();
        let mut resumed: ReduceOnPlateau = serde_json::from_str(&text).unwrap();
        assert_eq!(resumed, plateau);
        for &metric in &FALLING[cut..] {
            assert_eq!(resumed.observe(metric).to_bits(), plateau.observe(metric).to_bits());
        }
    }
}

#[test]
fn a_saved_value_out_of_range_is_refused_when_read() {
    let good = serde_json::to_string(&start()).unwrap();
    let cases = [
        ("\"factor\":0.1", "\"factor\":1.5", "factor is 1.5, but must be above 0 and below 1"),
        ("\"learning_rate\":0.1", "\"learning_rate\":-1.0", "learning_rate is -1"),
        ("\"patience\":10", "\"patience\":10,\"patiance\":3", "unknown field `patiance`"),
    ];
    for (from, to, message) in cases {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let error = serde_json::from_str::<ReduceOnPlateau>(&bad).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn hyperparameters_out_of_range_are_named() {
    #[track_caller]
    fn refused<T>(result: Result<T, Error>, expected: &str) {
        assert!(
            matches!(result, Err(Error::Hyperparameter(lookahead::Error::OutOfRange { name, .. })) if name == expected),
            "{expected}"
        );
    }
    for value in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        refused(ReduceOnPlateau::new(value), "learning_rate");
        refused(start().with_factor(value), "factor");
    }
    refused(start().with_factor(1.0), "factor");
    for value in [-1e-9, f64::NAN, f64::INFINITY] {
        refused(start().with_threshold(PlateauThreshold::Relative(value)), "threshold");
        refused(start().with_threshold(PlateauThreshold::Absolute(value)), "threshold");
        refused(start().with_min_learning_rate(value), "min_learning_rate");
        refused(start().with_epsilon(value), "epsilon");
    }
}
