//! The artifacts of Sec. 3: every file is written and can be read, and claims are computed.

use std::collections::HashMap;
use std::fs;

use lookahead_theory::figures::{ConvergenceRates, NoisyProgress};
use serde_json::Value;

use super::support::{Bench, stderr, stdout};

const FIGURES: [&str; 3] = ["fig03_noisy_quadratic", "fig04_convergence_rate", "fig11_noisy_quadratic_more"];

/// A smoke run of one figure with further arguments, and its result.
fn smoke(bench: &Bench, figure: &str, arguments: &[&str]) -> Value {
    let output = bench.run(&[&["run", figure, "--scale", "smoke", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn file(bench: &Bench, figure: &str, name: &str) -> String {
    file_at("smoke", bench, figure, name)
}

fn file_at(scale: &str, bench: &Bench, figure: &str, name: &str) -> String {
    fs::read_to_string(bench.path().join("results").join(format!("{figure}_{scale}")).join(name)).unwrap()
}

/// The rows of a CSV file: each cell by its column.
fn rows(text: &str) -> Vec<HashMap<String, String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let row = |cells: Vec<String>| {
        assert_eq!(cells.len(), header.len());
        header.iter().cloned().zip(cells).collect()
    };
    lines.map(row).collect()
}

#[test]
fn one_command_computes_all_figures_and_writes_their_files() {
    let bench = Bench::new("");
    let output = bench.run(&[&["run"], &FIGURES[..], &["--scale", "smoke"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let pictures = [&["figure"][..], &["figure", "ratios"], &["figure", "slices"]];
    for (figure, pictures) in FIGURES.into_iter().zip(pictures) {
        assert!(stdout(&output).contains(&format!("{figure}_smoke/report.html")), "{}", stdout(&output));
        for name in pictures {
            let picture = file(&bench, figure, &format!("{name}.svg"));
            assert!(picture.starts_with("<svg") && picture.ends_with("</svg>"));
            assert!(picture.contains("class=\"line\"") && !picture.contains("NaN") && !picture.contains("inf "));
        }
        let result: Value = serde_json::from_str(&file(&bench, figure, "result.json")).unwrap();
        let page = file(&bench, figure, "report.html");
        assert!(page.contains("<svg") && !page.contains("http-equiv") && !page.contains("src="));
        assert_eq!(result["command"], format!("lookahead run {figure} --scale smoke"));
        for text in ["command", "title", "figure"].map(|key| result[key].as_str().unwrap()) {
            assert!(page.contains(text), "{text:?} is not in the page");
        }
        for claim in result["claims"].as_array().unwrap() {
            assert!(claim["says"].as_str().is_some_and(|says| page.contains(says)), "{claim}");
            assert!(claim["where"].as_str().is_some_and(|place| !place.is_empty()), "{claim}");
            assert!(claim["holds"].is_boolean() && claim["holds_everywhere"].is_boolean(), "{claim}");
            assert!(claim["count"].as_u64().unwrap() <= claim["n"].as_u64().unwrap(), "{claim}");
        }
        assert!(result["environment"]["revision"].is_string() && result["seconds"].is_number());
    }
}

/// The keys of a configuration, as `paper.toml` names them.
fn keys(config: &Value) -> Vec<String> {
    config.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_recorded_defaults_are_the_librarys_and_the_page_shows_each() {
    let bench = Bench::new("");
    let output = bench.run(&["run", FIGURES[0], FIGURES[2], "--scale", "paper"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let result = |figure| serde_json::from_str::<Value>(&file_at("paper", &bench, figure, "result.json")).unwrap();
    let config = |figure| result(figure)["config"].clone();
    let json = |figure: NoisyProgress| serde_json::to_value(figure).unwrap();
    assert_eq!(config(FIGURES[0]), json(NoisyProgress::fig03()));
    assert_eq!(config(FIGURES[2])["a"], json(NoisyProgress::fig11a()));
    assert_eq!(config(FIGURES[2])["b"], json(NoisyProgress::fig11b()));

    let found = smoke(&bench, FIGURES[1], &[])["config"].clone();
    let rates = ConvergenceRates::default();
    assert_eq!(found["momentum"], rates.momentum.get());
    assert_eq!(found["sync_period"], rates.cycle.sync_period.get());
    assert_eq!((&found["alpha"], &found["inner_state"]), (&rates.cycle.alpha.get().into(), &"maintain".into()));

    let parts =
        |figure, part: &str| keys(&config(figure)[part]).into_iter().map(|key| format!("{part}.{key}")).collect();
    let all: [Vec<String>; 4] =
        [keys(&config(FIGURES[0])), keys(&found), parts(FIGURES[2], "a"), parts(FIGURES[2], "b")];
    let reports = [(FIGURES[0], "paper"), (FIGURES[1], "smoke"), (FIGURES[2], "paper"), (FIGURES[2], "paper")];
    for (keys, (figure, scale)) in all.iter().zip(reports) {
        let page = file_at(scale, &bench, figure, "report.html");
        for key in keys {
            assert!(page.contains(&format!("<code>{key}</code>")), "{figure}: {key} is not on the page");
        }
    }
}

#[test]
fn figures_of_ours_are_computed_and_say_that_they_are_ours() {
    let bench = Bench::new("");
    for (figure, files) in [
        ("outer_noisy_quadratic", &["curves.csv", "slices.csv", "figure.svg"][..]),
        (
            "outer_stability",
            &["curves.csv", "borders.csv", "figure.svg", "heavy_ball.svg", "map_nesterov_reset_k5.svg"],
        ),
    ] {
        let result = smoke(&bench, figure, &[]);
        assert!(result["claims"].as_array().is_some_and(|claims| !claims.is_empty()), "{figure}");
        for name in files {
            let text = file(&bench, figure, name);
            assert!(text.lines().count() > 1 || text.ends_with("</svg>"), "{figure}: {name}");
        }
        let page = file(&bench, figure, "report.html");
        assert!(page.contains("the statements are ours") && !page.contains("In the paper"), "{figure}");
        for key in keys(&result["config"]) {
            assert!(page.contains(&format!("<code>{key}</code>")), "{figure}: {key} is not on the page");
        }
    }
    // The calculator says the same of an outer step as the map.
    let row = |eta: &str, mu: &str| {
        let rows = rows(&file(&bench, "outer_stability", "curves.csv"));
        let at = [("form", "nesterov"), ("inner_state", "maintain"), ("sync_period", "5"), ("eta", eta), ("mu", mu)];
        rows.into_iter().find(|row| at.iter().all(|(key, value)| row[*key] == *value)).unwrap()
    };
    for (eta, mu) in [("0.7", "0.9"), ("0.5", "0.0"), ("0.68", "0.37")] {
        let problem =
            ["theory", "rate", "--spectrum", "log", "--dim", "10", "--lr", "1", "--momentum", "0.9", "--json"];
        let outer = ["--k", "5", "--outer", "nesterov", "--eta", eta, "--outer-momentum", mu];
        let output = bench.run(&[&problem[..], &outer[..]].concat());
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let expected = found["outer"]["rate"].as_f64().unwrap();
        assert!((row(eta, mu)["rate"].parse::<f64>().unwrap() - expected).abs() < 1e-12, "{eta} {mu} {expected}");
    }
}

#[test]
fn fig_3_is_what_the_calculator_says() {
    let bench = Bench::new("");
    let result = smoke(&bench, FIGURES[0], &[]);
    assert_eq!(result["claims"][0]["holds"], true);
    let problem = ["theory", "loss", "--dim", "50", "--json"];
    for row in rows(&file(&bench, FIGURES[0], "curves.csv")).into_iter().step_by(37) {
        let (alpha, lr) = (&row["alpha"], &row["lr"]);
        let (alpha, key) = if alpha.is_empty() { ("0.5", "sgd") } else { (alpha.as_str(), "lookahead") };
        let output = bench.run(&[&problem[..], &["--lr", lr, "--alpha", alpha]].concat());
        let losses: Value = serde_json::from_str(&stdout(&output)).unwrap();
        for (column, key) in [("loss", key.to_owned()), ("final_loss", format!("{key}_final"))] {
            let (found, expected) = (row[column].parse::<f64>().unwrap(), losses[&key].as_f64().unwrap());
            assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
        }
    }
    // A slice compares two settings that end at the same loss.
    for row in rows(&file(&bench, FIGURES[0], "slices.csv")).into_iter().step_by(53) {
        let output = bench.run(&[&problem[..], &["--lr", &row["sgd_lr"]]].concat());
        let losses: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let (found, expected) = (losses["sgd_final"].as_f64().unwrap(), row["final_loss"].parse::<f64>().unwrap());
        assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
    }
}

#[test]
fn a_claim_that_does_not_hold_is_said_not_to() {
    let bench = Bench::new("");
    let claims = |set: &str| smoke(&bench, FIGURES[2], &["--set", set])["claims"].clone();
    let early = claims("b.steps=10");
    assert_eq!((&early[1]["holds"], &early[2]["holds"]), (&true.into(), &false.into()), "{early}");
    assert_eq!(early[2]["verdict"], "does_not_hold");
    let late = claims("b.steps=1000");
    assert_eq!((&late[1]["holds"], &late[2]["holds"]), (&false.into(), &true.into()), "{late}");
}

#[test]
fn fig_4_has_both_regimes_and_a_curve_for_each_spectrum() {
    let bench = Bench::new("");
    let result = smoke(&bench, FIGURES[1], &[]);
    // ((1 + sqrt 0.99) / (1 - sqrt 0.99))^2, by a calculator.
    assert!((result["critical_condition_number"].as_f64().unwrap() / 158_401.999_993_686_8 - 1.0).abs() < 1e-9);
    let rows = rows(&file(&bench, FIGURES[1], "curves.csv"));
    assert_eq!(rows.len(), 2 * 8);
    for row in &rows {
        let kappa: f64 = row["condition_number"].parse().unwrap();
        assert_eq!(row["regime"], if kappa < 158_402.0 { "under_damped" } else { "over_damped" });
    }
    let settings: Vec<&str> =
        result["claims"].as_array().unwrap().iter().map(|claim| claim["setting"].as_str().unwrap()).collect();
    assert_eq!((settings[0], settings[3]), ("6 eigenvalues", "only the two ends of the spectrum"));
    let overridden = smoke(&bench, FIGURES[1], &["--set", "dims=[3]", "--set", "momentum=0.5"]);
    assert_eq!(overridden["claims"].as_array().unwrap().len(), 3);
    assert_eq!(overridden["config"]["momentum"], 0.5);
}

#[test]
fn a_parameter_of_the_paper_can_be_changed_and_the_page_says_so() {
    let bench = Bench::new("");
    let result =
        smoke(&bench, FIGURES[0], &["--set", "spectrum={kind='harmonic', dim=30}", "--set", "noise=curvature"]);
    assert_eq!(result["config"]["spectrum"]["kind"], "harmonic");
    assert_eq!(result["config"]["noise"], "curvature");
    assert!(file(&bench, FIGURES[0], "report.html").contains("Changed on the command line"));
    let pasted = "--set \"spectrum={kind='harmonic', dim=30}\" --set noise=curvature";
    assert!(result["command"].as_str().unwrap().ends_with(pasted), "{}", result["command"]);
    let result = smoke(&bench, FIGURES[0], &["--set", "noise.constant=2", "--set", "alphas=[0.25]"]);
    assert_eq!(result["config"]["noise"]["constant"], 2.0);
    // No noise and a start at the optimum: nothing to compare, nothing to draw, and no verdict in favour.
    let result = smoke(&bench, FIGURES[0], &["--set", "noise.constant=0", "--set", "initial_mean=0"]);
    assert_eq!(result["claims"][0]["verdict"], "does_not_hold");
}

#[test]
fn wrong_parameters_are_refused() {
    let bench = Bench::new("");
    for (figure, arguments, texts) in [
        (0, &["--set", "stepz=10"][..], &["unknown key `stepz` (did you mean `steps`?)"][..]),
        (0, &["--set", "steps=7"], &["steps is 7", "multiple"]),
        (0, &["--set", "steps"], &["KEY=VALUE"]),
        (0, &["--set", "alphas=[1.5]"], &["alphas=[1.5]", "1.5", "must be"]),
        (
            0,
            &["--set", "noise={constant=1,listed=[1]}"],
            &["`noise.listed` cannot be given together with `noise.constant`"],
        ),
        (1, &["--set", "condition_numbers.first=1e9"], &["`condition_numbers.first`", "first <= last"]),
        (0, &["--set", "alphas=[]"], &["`alphas` is a list of 0", "a list of 1 to"]),
        (0, &["--set", "spectrum.dim=0"], &["`spectrum.dim` is 0", "from 1 to"]),
        (0, &["--set", "spectrum.size=4"], &["unknown key `spectrum.size`", "dim"]),
        (0, &["--set", "learning_rates=100000000"], &["learning_rates=100000000", "from 1 to 100000"]),
        (0, &["--set", "spectrum.condition_number=0.5"], &["0.5", "at least 1"]),
        (0, &["--seeds", "3"], &["takes no --seeds"]),
        (0, &["--tune"], &["takes no --tune"]),
        (0, &["--tensorboard"], &["takes no --tensorboard: nothing is trained"]),
        (1, &["--set", "momentum=1"], &["`momentum` is 1", "at least 0 and below 1"]),
        (1, &["--set", "dims=[]"], &["`dims`", "a list of 1 to"]),
        (1, &["--set", "condition_numbers.per_decade=0"], &["per_decade=0"]),
        (0, &["--set", "alphas=[0.5,0.2,0.50]"], &["`alphas[2]` is 0.50", "another value than those before it"]),
        (1, &["--set", "dims=[2,2]"], &["`dims[1]` is 2", "another value than those before it"]),
        (2, &["--set", "steps=20"], &["unknown key `steps`"]),
        (2, &["--set", "b.steps=21"], &["steps is 21"]),
    ] {
        let output = bench.run(&[&["run", FIGURES[figure], "--scale", "smoke"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{}", stderr(&output));
        for text in texts {
            assert!(stderr(&output).contains(text), "{arguments:?}: {text:?} is not in\n{}", stderr(&output));
        }
    }
    let output = bench.run(&["run", "quickstart", "--scale", "paper"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("smoke, small"), "{}", stderr(&output));
    assert!(!bench.path().join("results").exists(), "nothing was begun");
}

#[test]
fn a_table_given_in_part_takes_the_rest_from_the_artifact() {
    let bench = Bench::new("");
    let config = |figure: &str, set: &[&str]| {
        let arguments: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
        smoke(&bench, figure, &arguments)["config"].clone()
    };
    let numbers = config(FIGURES[1], &["condition_numbers={first=1.0,last=10.0}"])["condition_numbers"].clone();
    assert_eq!((&numbers["last"], &numbers["per_decade"]), (&10.0.into(), &1.into()));
    let spectrum = config(FIGURES[0], &["spectrum={dim=5}"])["spectrum"].clone();
    assert_eq!((&spectrum["dim"], &spectrum["kind"]), (&5.into(), &"chebyshev".into()));
    assert_eq!(spectrum["condition_number"], 1000.0);
    let harmonic = config(FIGURES[0], &["spectrum={kind=\"harmonic\"}"])["spectrum"].clone();
    assert_eq!(keys(&harmonic), ["dim", "kind"]);
    let a = config(FIGURES[2], &["a={steps=10}"])["a"].clone();
    assert_eq!((&a["steps"], &a["sync_period"], &a["spectrum"]["kind"]), (&10.into(), &5.into(), &"chebyshev".into()));
    let family = config("outer_noisy_quadratic", &["nesterov={}", "gpa={mu_x=0.5}", "lookahead={alpha=0.3}"]);
    assert_eq!((&family["nesterov"]["eta"], &family["gpa"]["mu_y"]), (&0.68.into(), &0.7.into()));
    assert_eq!((&family["lookahead"]["alpha"], &family["lookahead"]["sync_period"]), (&0.3.into(), &5.into()));
}
