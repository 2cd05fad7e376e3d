//! `lookahead theory`: numbers of the golden data and of the issue, tables, and bad input.

use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::support::{Bench, stderr, stdout};

/// Every so manieth case of a golden file, made with 80 digits by a program that shares no code with ours.
fn cases<C: DeserializeOwned>(name: &str, stride: usize) -> impl Iterator<Item = C> {
    #[derive(Deserialize)]
    struct File<C> {
        case: Vec<C>,
    }
    let file = format!("{}/../../testdata/theory/{name}", env!("CARGO_MANIFEST_DIR"));
    toml::from_str::<File<C>>(&fs::read_to_string(&file).unwrap()).unwrap().case.into_iter().step_by(stride)
}

/// The JSON that `lookahead theory ARGUMENTS --json` prints.
fn theory(bench: &Bench, arguments: &[String]) -> Value {
    let mut all = vec!["theory"];
    all.extend(arguments.iter().map(String::as_str));
    all.push("--json");
    let output = bench.run(&all);
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn assert_close(found: &Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number, expected {expected}"));
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found:e}, not {expected:e}");
}

#[test]
fn the_examples_of_the_documentation_give_their_numbers() {
    let bench = Bench::new("");
    let line = "fixed-point --curvature 1 --noise-variance 1 --lr 0.5 --k 5 --alpha 0.5";
    let found = theory(&bench, &words(line));
    assert_eq!(found["sgd"].as_f64(), Some(0.333_333_333_333_333_3));
    assert_eq!(found["lookahead"].as_f64(), Some(0.113_402_061_855_670_1));
    assert_close(&found["ratio"], 33.0 / 97.0, 1e-15);

    // By numpy, unrolled step by step.
    let line = "loss --spectrum chebyshev --dim 100 --condition-number 1000 --lr 0.5 --k 5 --alpha 0.5 --steps 1000 \
                --initial-mean 1";
    let found = theory(&bench, &words(line));
    assert_close(&found["sgd"], 57.748_652_879_25, 1e-12);
    assert_close(&found["lookahead"], 52.789_235_717_21, 1e-12);
    assert_close(&found["sgd_final"], 57.748_218_548_23, 1e-12);
    assert_close(&found["lookahead_final"], 52.787_771_598_93, 1e-12);

    // By a search with mpmath.
    let line = "rate --spectrum log --dim 64 --condition-number 1000 --momentum 0.99 --k 20 --alpha 0.5";
    let found = theory(&bench, &words(line));
    assert_close(&found["momentum"]["rate"], 0.005_012_562_893_38, 1e-7);
    assert_close(&found["lookahead"]["rate"], 0.005_214_831_516_30, 1e-7);
}

#[derive(Deserialize)]
struct FixedPoint {
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
    let bench = Bench::new("");
    for FixedPoint { curvature, noise_variance, lr, k, alpha, sgd, lookahead } in cases("fixed_points.toml", 3) {
        let line = format!(
            "fixed-point --curvature {curvature:?} --noise-variance {noise_variance:?} --lr {lr:?} --k {k} --alpha {alpha:?}"
        );
        let found = theory(&bench, &words(&line));
        assert_close(&found["sgd"], sgd, 1e-12);
        assert_close(&found["lookahead"], lookahead, 1e-12);
        assert_close(&found["ratio"], lookahead / sgd, 1e-12);
    }
}

/// A spectrum and a setting of `losses.toml`, `rates.toml` or `optima.toml`.
#[derive(Deserialize)]
struct Setting {
    spectrum: String,
    dim: usize,
    condition_number: f64,
    lr: Option<f64>,
    k: u32,
    alpha: f64,
    momentum: f64,
    policy: String,
    #[serde(flatten)]
    rest: toml::Table,
}

impl Setting {
    fn number(&self, key: &str) -> f64 {
        self.rest[key].as_float().unwrap()
    }

    /// The options that all questions about a spectrum share.
    fn options(&self) -> String {
        let Self { spectrum, dim, condition_number, k, alpha, momentum, policy, .. } = self;
        let lr = self.lr.map_or(String::new(), |lr| format!(" --lr {lr:?}"));
        format!(
            "--spectrum {spectrum} --dim {dim} --condition-number {condition_number:?} --k {k} --alpha {alpha:?} \
             --momentum {momentum:?} --inner-state {policy}{lr}"
        )
    }
}

#[test]
fn losses() {
    let bench = Bench::new("");
    for case in cases::<Setting>("losses.toml", 1) {
        let noise = match case.rest["noise"].as_str().unwrap() {
            "inverse_curvature" => "inverse",
            "curvature" => "curvature",
            _ => "constant:0.7",
        };
        let (steps, mean) = (&case.rest["steps"], case.number("initial_mean"));
        let line = format!("loss {} --noise {noise} --steps {steps} --initial-mean {mean:?}", case.options());
        let found = theory(&bench, &words(&line));
        for key in ["sgd", "lookahead", "sgd_final", "lookahead_final"] {
            assert_close(&found[key], case.number(key), 1e-10);
        }
    }
}

#[test]
fn rates() {
    let bench = Bench::new("");
    let given = cases::<Setting>("rates.toml", 5).map(|case| (case, 1e-10));
    let best = cases::<Setting>("optima.toml", 4).map(|case| (case, 1e-7));
    for (case, tolerance) in given.chain(best) {
        let found = theory(&bench, &words(&format!("rate {}", case.options())));
        assert_close(&found["momentum"]["rate"], case.number("momentum_rate"), tolerance);
        assert_close(&found["lookahead"]["rate"], case.number("lookahead_rate"), tolerance);
        if let Some(lr) = case.lr {
            assert_eq!(found["lookahead"]["lr"].as_f64(), Some(lr));
        }
    }
}

#[derive(Deserialize)]
struct AlphaCase {
    curvature: Vec<f64>,
    optimum: Vec<f64>,
    start: Vec<f64>,
    end: Vec<f64>,
    alpha: f64,
}

#[test]
fn optimal_alphas() {
    let bench = Bench::new("");
    let list = |numbers: &[f64], between: &str| {
        numbers.iter().map(|number| format!("{number:?}")).collect::<Vec<_>>().join(between)
    };
    for case in cases::<AlphaCase>("alphas.toml", 1) {
        fs::write(bench.path().join("spectrum.txt"), list(&case.curvature, "\n")).unwrap();
        let [start, end, optimum] = [&case.start, &case.end, &case.optimum].map(|vector| list(vector, ","));
        let line = format!("alpha --spectrum file:spectrum.txt --start {start} --end {end} --optimum {optimum}");
        assert_close(&theory(&bench, &words(&line))["alpha"], case.alpha, 1e-10);
    }
    // A single step of 1.5/a overshoots the optimum by half: two thirds of it are right.
    let line = "alpha --spectrum log --dim 1 --condition-number 1 --lr 1.5 --k 1";
    assert_close(&theory(&bench, &words(line))["alpha"], 2.0 / 3.0, 1e-15);
    // Two directions that lose 1 - 0.9 and 1 - 0.5 of the way: (0.2 0.1 + 0.5) / (0.2 0.1^2 + 0.5^2), by hand.
    fs::write(bench.path().join("spectrum.txt"), "0.2 # flat\n1\n").unwrap();
    let line = "alpha --spectrum file:spectrum.txt --lr 0.5 --k 1";
    assert_close(&theory(&bench, &words(line))["alpha"], 0.52 / 0.252, 1e-14);
}

#[test]
fn advice_says_what_the_calculator_says() {
    let bench = Bench::new("");
    let problem = "--spectrum harmonic --dim 20 --noise constant:0.1 --lr 0.5 --momentum 0.5 --steps 60";
    let advice = theory(&bench, &words(&format!("advise {problem} --k 1,5,20 --alpha 0.2,0.5,1")));
    let points = advice["points"].as_array().unwrap();
    assert_eq!(points.len(), 9);
    for point in points {
        let (k, alpha) = (&point["sync_period"], &point["alpha"]);
        let found = theory(&bench, &words(&format!("loss {problem} --k {k} --alpha {alpha}")));
        assert_close(&point["loss"], found["lookahead"].as_f64().unwrap(), 1e-15);
        assert_close(&point["final_loss"], found["lookahead_final"].as_f64().unwrap(), 1e-15);
        assert_close(&advice["inner_alone"]["loss"], found["sgd"].as_f64().unwrap(), 1e-13);
        assert!(point["loss"].as_f64() >= advice["best"]["loss"].as_f64());
    }
    assert!(!advice["limits"].as_array().unwrap().is_empty());
}

#[test]
fn advice_is_drawn() {
    let bench = Bench::new("");
    let output = bench.run(&["theory", "advise", "--lr", "0.5", "--out", "results"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("What the model leaves out"), "{}", stdout(&output));
    let folder = bench.path().join("results/advise");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("advice.csv").lines().count(), 1 + 70);
    assert_eq!(serde_json::from_str::<Value>(&read("advice.json")).unwrap()["points"].as_array().unwrap().len(), 70);
    assert!(read("loss.svg").starts_with("<svg") && read("final_loss.svg").ends_with("</svg>"));
    assert!(read("report.html").contains("lookahead theory advise --lr 0.5"));
    assert!(read("report.html").contains("The family at the same final loss"));
}

#[test]
fn a_cycle_that_diverges_is_marked() {
    let bench = Bench::new("");
    let problem = "--dim 1 --condition-number 1 --lr 3.79 --momentum 0.9";
    let found = theory(&bench, &words(&format!("rate {problem} --k 4 --alpha 0.5")));
    assert!(found["lookahead"]["rate"].as_f64().unwrap() < 0.0 && found["momentum"]["rate"].as_f64().unwrap() > 0.0);
    let output = bench.run(&[&["theory", "advise", "--k", "4", "--alpha", "0.5"], &*split(problem)].concat());
    assert!(output.status.success() && stdout(&output).contains("diverges"), "{}", stdout(&output));
    let output = bench.run(&[&["theory", "loss", "--k", "4"], &*split(problem)].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no fixed point"), "{}", stderr(&output));
}

fn split(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[derive(Deserialize)]
struct OuterCase {
    curvature: f64,
    noise_variance: f64,
    lr: f64,
    momentum: f64,
    k: u32,
    eta: f64,
    mu: f64,
    form: String,
    policy: String,
    radius: f64,
    final_variance: Option<f64>,
}

impl OuterCase {
    fn options(&self) -> String {
        let Self { lr, k, eta, mu, .. } = self;
        let form = self.form.replace('_', "-");
        format!("--lr {lr:e} --k {k} --outer {form} --eta {eta} --outer-momentum {mu}")
    }
}

#[test]
fn outer_steps_have_the_numbers_of_the_golden_data() {
    let bench = Bench::new("");
    let mut at_rest = 0;
    for case in cases::<OuterCase>("outer_steps.toml", 3) {
        let OuterCase { curvature, noise_variance, momentum, policy, .. } = &case;
        fs::write(bench.path().join("curvature.txt"), format!("{curvature:e}")).unwrap();
        let around = format!("--spectrum file:curvature.txt --momentum {momentum} --inner-state {policy}");
        let found = theory(&bench, &words(&format!("rate {} {around}", case.options())));
        // 1 - rho^(1/k)
        let contraction = 1.0 - found["outer"]["rate"].as_f64().unwrap();
        assert!((contraction.powf(f64::from(case.k)) / case.radius - 1.0).abs() < 1e-9, "{found}");
        assert_eq!(
            found["outer"]["largest_stable_eta"].as_f64().is_none_or(|largest| case.eta < largest),
            case.radius < 1.0,
            "a larger eta than the first border: {found}"
        );
        if *momentum == 0.0
            && let Some(variance) = case.final_variance
        {
            let line =
                format!("fixed-point --curvature {curvature:e} --noise-variance {noise_variance} {}", case.options());
            assert_close(&theory(&bench, &words(&line))["outer"], variance, 1e-10);
            at_rest += 1;
        }
    }
    assert!(at_rest > 5, "{at_rest} fixed points");

    // x = 1, 0.625, 0.328125 with b = 0.5, 0.5625
    fs::write(bench.path().join("one.txt"), "1").unwrap();
    let line = "loss --spectrum file:one.txt --noise constant:0 --lr 0.5 --k 1 --outer nesterov --eta 0.5 \
                --outer-momentum 0.5 --steps 2";
    assert_close(&theory(&bench, &words(line))["outer"], 0.5 * 0.328_125_f64.powi(2), 1e-15);
}

#[test]
fn an_outer_step_without_momentum_is_lookahead() {
    let bench = Bench::new("");
    let found = theory(&bench, &words("loss --lr 0.5 --k 10 --alpha 0.3 --outer nesterov --steps 500"));
    assert_close(&found["outer"], found["lookahead"].as_f64().unwrap(), 1e-12);
    assert_close(&found["outer_final"], found["lookahead_final"].as_f64().unwrap(), 1e-12);
    let found = theory(&bench, &words("rate --lr 0.5 --momentum 0.9 --outer-momentum 0"));
    assert_close(&found["outer"]["rate"], found["lookahead"]["rate"].as_f64().unwrap(), 1e-12);
    let found = theory(&bench, &words("loss --lr 0.5 --steps 500"));
    assert!(found.get("outer").is_none(), "it was not asked for: {found}");
}

#[test]
fn tables_hold_the_same_numbers() {
    let bench = Bench::new("");
    for (line, texts) in [
        ("fixed-point --lr 0.5", &["0.3333333333", "0.1134020619"][..]),
        ("loss --lr 0.5", &["57.74865288", "52.78923572", "57.74821855", "52.7877716"]),
        ("rate --lr 0.5 --momentum 0.9 --condition-number 10", &["learning rate", "under-damped"]),
        ("fixed-point --lr 0.5 --eta 0.7 --outer-momentum 0.6", &["Nesterov, eta 0.7, mu 0.6", "0.1134020619"]),
        (
            "rate --lr 1 --momentum 0.9 --k 5 --outer heavy-ball --eta 1",
            &["heavy ball, eta 1, mu 0", "stable for each eta"],
        ),
        ("loss --lr 0.5 --eta 5 --outer-momentum 0.9 --steps 10", &["Nesterov, eta 5, mu 0.9", "none: it diverges"]),
        ("alpha --lr 0.5 --dim 1 --condition-number 1 --k 1", &["optimal alpha 2"]),
    ] {
        let output = bench.run(&[&["theory"], &*split(line)].concat());
        assert!(output.status.success(), "{line}\n{}", stderr(&output));
        for text in texts {
            assert!(stdout(&output).contains(text), "{text:?} is not in\n{}", stdout(&output));
        }
    }
}

/// Expects exit code 2 and a message that names the value and the accepted range.
#[track_caller]
fn refused(bench: &Bench, line: &str, texts: &[&str]) {
    let output = bench.run(&[&["theory"], &*split(line)].concat());
    assert_eq!(output.status.code(), Some(2), "{line}\n{}", stderr(&output));
    for text in texts {
        assert!(stderr(&output).contains(text), "{line}: {text:?} is not in\n{}", stderr(&output));
    }
    assert!(stdout(&output).is_empty());
}

#[test]
fn numbers_out_of_range_are_named() {
    let bench = Bench::new("");
    let too_fast = ["learning rate is 2", "above 0 and below 2 / L = 2"];
    for line in ["fixed-point --lr 2", "loss --lr 2", "rate --lr 2", "alpha --lr 2", "advise --lr 2"] {
        refused(&bench, line, &too_fast);
    }
    refused(&bench, "rate --lr -1 --momentum 0.5", &["learning rate is -1", "2 (1 + beta) / L = 3"]);
    refused(&bench, "loss --lr nan", &["learning rate is NaN"]);
    for line in ["fixed-point --lr 0.5", "loss --lr 0.5", "rate", "advise --lr 0.5"] {
        refused(&bench, &format!("{line} --k 0"), &["'0' for '--k", "a whole number from 1 to 4294967295"]);
        refused(&bench, &format!("{line} --alpha 0"), &["--alpha", "is 0, but must be above 0"]);
        refused(&bench, &format!("{line} --alpha 1.5"), &["1.5"]);
    }
    for line in ["fixed-point --lr 0.5", "loss --lr 0.5", "rate --lr 0.5"] {
        refused(&bench, &format!("{line} --eta 0"), &["--eta", "eta is 0, but must be above 0 and finite"]);
        refused(&bench, &format!("{line} --outer-momentum 1"), &["mu is 1, but must be at least 0 and below 1"]);
        refused(&bench, &format!("{line} --outer adam"), &["nesterov or heavy-ball"]);
    }
    refused(&bench, "fixed-point --lr 0.5 --eta 5 --outer-momentum 0.9", &["there is no fixed point"]);
    refused(&bench, "rate --condition-number 0.5", &["0.5", "finite and at least 1"]);
    refused(&bench, "rate --momentum 1", &["momentum is 1", "below 1"]);
    refused(&bench, "rate --dim 0", &["--dim", "a whole number from 1 to 1000000"]);
    refused(&bench, "rate --dim 1", &["condition number is 1000", "1 where there is one eigenvalue"]);
    refused(&bench, "rate --spectrum white", &["white", "chebyshev, log, uniform, harmonic or file:PATH"]);
    refused(&bench, "rate --spectrum harmonic --condition-number 7", &["--condition-number is 7", "100"]);
    refused(&bench, "rate --inner-state forget", &["maintain, interpolate or reset"]);
    refused(&bench, "loss --lr 0.5 --noise pink", &["inverse, curvature, constant:V or file:PATH"]);
    refused(&bench, "loss --lr 0.5 --noise constant:-1", &["at least 0"]);
    refused(&bench, "loss --lr 0.5 --steps 7", &["steps is 7", "multiple", "5"]);
    refused(&bench, "loss --lr 0.5 --initial-mean inf", &["initial mean is inf"]);
    refused(&bench, "fixed-point --lr 0.5 --curvature 0", &["curvature is 0", "above 0"]);
    refused(&bench, "fixed-point --lr 0.5 --noise-variance -1", &["noise variance is -1", "at least 0"]);
    refused(&bench, "fixed-point", &["--lr"]);
    refused(&bench, "alpha --start 1,2 --end 0,0", &["theta_0 has 2 values", "100 eigenvalues"]);
    refused(&bench, "alpha --start 1", &["--end"]);
    refused(&bench, "alpha", &["--lr"]);
}

#[test]
fn bad_lines_of_a_file_are_named() {
    let bench = Bench::new("");
    let write = |text: &str| fs::write(bench.path().join("numbers.txt"), text).unwrap();
    for (text, place) in
        [("1\nnone\n", "line 2: \"none\""), ("# a\n\n-3\n", "line 3: \"-3\""), ("0\n", "line 1"), ("inf", "line 1")]
    {
        write(text);
        refused(&bench, "rate --spectrum file:numbers.txt", &["numbers.txt", place, "finite number above 0"]);
    }
    write("1\n0.5\n");
    refused(&bench, "loss --lr 0.5 --noise file:numbers.txt", &["2 noise variances", "100 eigenvalues"]);
    refused(&bench, "rate --spectrum file:numbers.txt --dim 3", &["--dim is 3", "2"]);
    write("");
    refused(&bench, "rate --spectrum file:numbers.txt", &["no eigenvalue"]);

    let output = bench.run(&["theory", "rate", "--spectrum", "file:absent.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output).matches("No such file").count(), 1, "{}", stderr(&output));
}
