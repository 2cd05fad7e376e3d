//! Student's t, power, seeds and Holm's correction against SciPy's (`testdata/statistics/statistics.py`).

use std::num::NonZeroU32;
use std::path::PathBuf;

use lookahead_runs::statistics::{PairedDifference, StudentT, holm, power, seeds_to_decide};
use toml::{Table, Value};

fn golden() -> Table {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/statistics/statistics.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(float).collect()
}

fn float(value: &Value) -> f64 {
    value.as_float().unwrap()
}

fn whole(value: &Value) -> u32 {
    u32::try_from(value.as_integer().unwrap()).unwrap()
}

#[track_caller]
fn assert_close(ours: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((ours - expected).abs() <= tolerance * expected.abs(), "{what}: {ours} instead of {expected}");
}

#[test]
fn p_values_and_critical_values_are_scipy_s() {
    let golden = golden();
    for case in golden["student"].as_array().unwrap() {
        let nu = whole(&case["degrees_of_freedom"]);
        let t = StudentT::new(NonZeroU32::new(nu).unwrap());
        for (statistic, expected) in floats(&golden["statistics"]).into_iter().zip(floats(&case["outside"])) {
            let what = format!("P(|T| > {statistic}), nu = {nu}");
            assert_close(t.outside(statistic), expected, 1e-11, &what);
            assert_close(t.outside(-statistic), expected, 1e-11, &what);
        }
        for (level, expected) in floats(&golden["levels"]).into_iter().zip(floats(&case["critical"])) {
            assert_close(t.critical_value(level), expected, 1e-9, &format!("critical at {level}, nu = {nu}"));
        }
    }
}

#[test]
fn power_is_that_of_the_noncentral_t() {
    for case in golden()["power"].as_array().unwrap() {
        let (n, level) = (whole(&case["n"]), float(&case["level"]));
        for (effect, expected) in floats(&case["effects"]).into_iter().zip(floats(&case["power"])) {
            assert_close(power(n, effect, level), expected, 1e-7, &format!("n = {n}, effect {effect}, level {level}"));
        }
    }
    assert_eq!((power(0, 1.0, 0.05), power(1, 1.0, 0.05)), (0.0, 0.0));
}

#[test]
fn seeds_are_the_fewest_with_enough_power() {
    for case in golden()["seeds"].as_array().unwrap() {
        let (effect, level, seeds) = (float(&case["effect"]), float(&case["level"]), whole(&case["seeds"]));
        assert_eq!(seeds_to_decide(effect, level).unwrap_or(0), seeds, "effect {effect}, level {level}");
    }
}

#[test]
fn a_paired_test_and_its_intervals_are_scipy_s() {
    let golden = golden();
    let paired = &golden["paired"];
    let pairs = floats(&paired["treated"]).into_iter().zip(floats(&paired["control"]));
    let difference = PairedDifference::of(&pairs.map(|(a, b)| (Some(a), Some(b))).collect::<Vec<_>>()).unwrap();
    assert_close(difference.p_value(difference.mean).unwrap(), float(&paired["p"]), 1e-10, "p");
    for case in paired["interval"].as_array().unwrap() {
        let ends = difference.interval(float(&case["level"])).unwrap();
        for (ours, expected) in ends.into_iter().zip(floats(&case["ends"])) {
            assert_close(ours, expected, 1e-9, "interval");
        }
    }
}

#[test]
fn adjusted_p_values_are_holm_s_and_agree_with_the_decision_and_its_level() {
    for case in golden()["holm"].as_array().unwrap() {
        let p_values = floats(&case["p"]);
        for ((tested, p), expected) in holm(&p_values, 0.05).into_iter().zip(&p_values).zip(floats(&case["adjusted"])) {
            assert_close(tested.adjusted, expected, 1e-14, &format!("{p_values:?}"));
            assert_eq!(tested.is_decided, expected < 0.05, "{p_values:?}");
            assert_eq!(tested.is_decided, *p < tested.level, "{p_values:?}");
        }
    }
}
