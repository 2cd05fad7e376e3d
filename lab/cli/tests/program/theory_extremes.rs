//! `lookahead theory` and the analyses asked with extreme values: a right answer, or exit code 2 with the key, the value
//! and what is accepted, within seconds.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Bench, stderr, stdout};

/// Runs the program and expects it to end in seconds, with a finite answer or a refusal of one short line.
#[track_caller]
fn ends(bench: &Bench, arguments: &[&str]) -> Output {
    let begun = Instant::now();
    let output = bench.run(arguments);
    assert!(begun.elapsed() < Duration::from_secs(60), "{arguments:?} took {:?}", begun.elapsed());
    match output.status.code() {
        Some(0) => {
            let text = stdout(&output);
            for bad in ["NaN", "inf ", "inf\n", "inf times"] {
                assert!(!text.contains(bad), "{arguments:?}: {bad} in\n{text}");
            }
            // What is not there is null: the final loss of a pair that diverges, the setting of a claim that has none, the
            // best alpha where all are alike.
            let may_lack = ["advise", "alpha"].contains(&arguments[1]) || arguments[0] == "run";
            assert!(may_lack || !text.contains("null"), "{arguments:?}\n{text}");
        }
        Some(2) => {
            let text = stderr(&output);
            assert!(stdout(&output).is_empty(), "{arguments:?}");
            assert!(text.len() < 700 && !text.contains("00000000000000000000"), "{arguments:?}\n{text}");
        }
        code => panic!("{arguments:?}: {code:?}\n{}", stderr(&output)),
    }
    output
}

#[track_caller]
fn refused(bench: &Bench, arguments: &[&str], texts: &[&str]) {
    let output = ends(bench, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{}", stdout(&output));
    for text in texts {
        assert!(stderr(&output).contains(text), "{arguments:?}: {text:?} is not in\n{}", stderr(&output));
    }
}

const NUMBERS: [&str; 12] = [
    "0",
    "-0.0",
    "5e-324",
    "1e-310",
    "1e-100",
    "1",
    "1e100",
    "1e300",
    "-1e300",
    "1.7976931348623157e308",
    "inf",
    "nan",
];

#[test]
fn every_number_of_every_question() {
    let bench = Bench::new("");
    for number in NUMBERS {
        for (line, option) in [
            ("fixed-point --lr 0.5", "--curvature"),
            ("fixed-point --lr 0.5", "--noise-variance"),
            ("fixed-point --curvature 1e-90", "--lr"),
            ("fixed-point --lr 0.5", "--alpha"),
            ("loss", "--lr"),
            ("loss --lr 0.5 --momentum 0.9", "--initial-mean"),
            ("loss --lr 0.5", "--condition-number"),
            ("loss --lr 0.5 --momentum 0.5", "--alpha"),
            ("rate --dim 5", "--momentum"),
            ("rate --dim 5 --momentum 0.9", "--condition-number"),
            ("rate --dim 5 --momentum 0.9", "--alpha"),
            ("rate --dim 5", "--lr"),
            ("alpha --dim 5", "--lr"),
            ("alpha --dim 2 --end 1,1", "--start"),
            ("advise --dim 5 --k 5,10", "--lr"),
            ("advise --dim 5 --k 5,10 --lr 0.1", "--momentum"),
            ("advise --dim 5 --k 5,10 --lr 0.1", "--initial-mean"),
            ("advise --dim 5 --k 5,10 --lr 0.1", "--condition-number"),
            ("advise --dim 5 --k 5,10 --lr 0.1", "--alpha"),
        ] {
            let list = format!("{number},{number}");
            let value = format!("{option}={}", if option == "--start" { list.as_str() } else { number });
            let line: Vec<&str> = line.split(' ').collect();
            ends(&bench, &[&["theory"], &line[..], &[value.as_str(), "--json"]].concat());
        }
    }
}

/// As text: where every eta is stable, the JSON says null for the largest.
#[test]
fn every_number_of_an_outer_step() {
    let bench = Bench::new("");
    for number in NUMBERS {
        for line in ["rate --dim 5 --eta", "rate --dim 5 --lr 0.5 --eta", "rate --dim 5 --outer-momentum"] {
            let line = format!("theory {line}={number}");
            ends(&bench, &line.split(' ').collect::<Vec<_>>());
        }
    }
}

#[test]
fn whole_numbers_at_their_ends() {
    let bench = Bench::new("");
    for line in [
        "loss --lr 0.5 --k 4294967295 --steps 0",
        "loss --lr 0.5 --momentum 0.9 --k 4294967295 --steps 4294967295000000000",
        "loss --lr 0.5 --steps 1000000000000000000",
        "loss --lr 3.79 --momentum 0.9 --dim 1 --condition-number 1 --k 4 --steps 1000000000000000000",
        "fixed-point --lr 0.5 --k 4294967295",
        "rate --dim 20 --k 4294967295 --momentum 0.99",
        "rate --dim 1000000",
        "rate --dim 1000000 --lr 0.5",
        "alpha --lr 0.5 --momentum 0.9 --k 4294967295",
        "advise --lr 0.5 --dim 10 --k 4294967295,5 --steps 1000000000000000000",
        "advise --lr 0.1 --momentum 0.9 --dim 10 --steps 18446744073709551615",
        "advise --lr 0.5 --steps 0 --dim 10",
        "advise --lr 0.5 --dim 1000000",
    ] {
        let line: Vec<&str> = line.split(' ').collect();
        ends(&bench, &[&["theory"], &line[..]].concat());
    }
    refused(&bench, &["theory", "rate", "--dim", "1000000"], &["number of eigenvalues", "1000000", "at most"]);
    refused(&bench, &["theory", "advise", "--lr", "0.5", "--dim", "1000000"], &["70000000", "at most 100000"]);
    refused(
        &bench,
        &["theory", "loss", "--lr", "0.5", "--dim", "1000000000"],
        &["--dim", "1000000000", "1 to 1000000"],
    );
}

#[test]
fn eigenvalues_near_the_ends_of_the_range_are_refused_or_searched() {
    let bench = Bench::new("");
    let rate = |text: &str, momentum: &str| {
        fs::write(bench.path().join("spectrum.txt"), text).unwrap();
        ends(&bench, &["theory", "rate", "--spectrum", "file:spectrum.txt", "--momentum", momentum, "--json"])
    };
    for text in ["5e-324", "1e-310\n1", "1e308\n1.7e308", "1e-100\n1e100", "1e-100", "1e100\n1e100", "1\n1\n1"] {
        for momentum in ["0", "1e-320", "0.9", "0.9999999999999999"] {
            rate(text, momentum);
        }
    }
    // What is accepted is right: the rates depend on the ratios alone.
    let scaled = ["0.1\n1", "1e-100\n1e-99", "1e99\n1e100"].map(|text| {
        serde_json::from_str::<Value>(&stdout(&rate(text, "0.81"))).unwrap()["momentum"]["rate"].as_f64().unwrap()
    });
    assert!(scaled.iter().all(|rate| (rate - 0.1).abs() < 1e-9), "{scaled:?}");
    fs::write(bench.path().join("spectrum.txt"), "1\n5e-324\n").unwrap();
    let of_file = ["theory", "rate", "--spectrum", "file:spectrum.txt"];
    refused(&bench, &of_file, &["spectrum.txt, line 2", "5e-324", "at least 1e-100 and at most 1e100"]);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let bench = Bench::new("");
    if cfg!(unix) {
        assert!(Command::new("mkfifo").arg(bench.path().join("pipe")).status().unwrap().success());
        refused(&bench, &["theory", "rate", "--spectrum", "file:pipe"], &["pipe is not a regular file"]);
        refused(
            &bench,
            &["theory", "loss", "--lr", "0.5", "--noise", "file:/dev/zero"],
            &["/dev/zero is not a regular"],
        );
    }
    refused(&bench, &["theory", "rate", "--spectrum", "file:."], &["not a regular file"]);
    fs::write(bench.path().join("many.txt"), "1\n".repeat(1_000_001)).unwrap();
    refused(&bench, &["theory", "rate", "--spectrum", "file:many.txt"], &["many.txt has more than 1000000 numbers"]);
    fs::write(bench.path().join("none.txt"), "# nothing\n").unwrap();
    for question in [&["rate", "--spectrum", "file:none.txt"][..], &["loss", "--lr", "0.5", "--noise", "file:none.txt"]]
    {
        refused(&bench, &[&["theory"], question].concat(), &["none.txt: there is no ", "at least one is needed"]);
    }
}

const FIGURES: [&str; 3] = ["fig03_noisy_quadratic", "fig04_convergence_rate", "fig11_noisy_quadratic_more"];

#[test]
fn an_analysis_names_the_key_the_value_and_what_is_accepted() {
    let bench = Bench::new("");
    let deep = "a.".repeat(30_000) + "a=1";
    for (figure, set, texts) in [
        (0, "initial_mean=1e300", &["initial_mean=1e300", "at most 1e100"][..]),
        (0, "initial_mean=nan", &["`initial_mean` is nan", "finite"]),
        (0, "spectrum.condition_number=1", &["spectrum.condition_number=1", "steps=1000", "larger condition number"]),
        (0, "spectrum.condition_number=1e300", &["1e300", "at most 1e100"]),
        (0, "spectrum.dim=1", &["spectrum.condition_number=1000", "spectrum.dim=1", "one eigenvalue"]),
        (0, "spectrum.dim=9223372036854775807", &["spectrum.dim=9223372036854775807", "from 1 to 1000000"]),
        (0, "noise.constant=1e300", &["noise={constant = 1e300}", "is 1e300", "at most 1e100"]),
        (0, "noise.constant=-1", &["noise", "is -1", "at least 0"]),
        (0, "noise.listed=[1]", &["noise", "1 noise variance for", "50 eigenvalues"]),
        (0, "steps=1000000000000000000", &["steps=1000000000000000000", "fewer steps"]),
        // More than TOML's own integers.
        (0, "steps=18446744073709551615", &["steps=18446744073709551615", "fewer steps"]),
        (0, "steps=0", &["steps=0", "from 1 to"]),
        (0, "sync_period=4294967295", &["sync_period=4294967295", "steps=1000"]),
        (0, "learning_rates=0", &["learning_rates=0", "from 1 to 100000"]),
        (0, "alphas=[]", &["alphas=[]", "a list of 1 to"]),
        (1, "dims=[0]", &["dims=[0]", "from 1 to 10000"]),
        (1, "dims=[1]", &["dims=[1]", "condition_numbers.last", "one eigenvalue"]),
        (1, "dims=[10000, 9999, 9998, 9997]", &["dims=[10000", "fewer"]),
        (1, "condition_numbers.last=1e300", &["1e300", "at most 1e100"]),
        (1, "condition_numbers.first=1e8", &["first <= last"]),
        (2, "a.initial_mean=1e300", &["a.initial_mean=1e300", "at most 1e100"]),
        (2, "a.spectrum.condition_number=1", &["a.spectrum.condition_number=1", "a.steps=1000"]),
        (0, deep.as_str(), &["expected KEY=VALUE"]),
    ] {
        refused(&bench, &["run", FIGURES[figure], "--scale", "smoke", "--set", set], texts);
    }
    assert!(!bench.path().join("results").join(FIGURES[0]).join("result.json").exists());
}

#[test]
fn every_key_of_every_analysis() {
    let bench = Bench::new("");
    for number in NUMBERS {
        for (figure, key) in [
            (0, "initial_mean"),
            (0, "noise.constant"),
            (0, "spectrum.condition_number"),
            (1, "momentum"),
            (1, "alpha"),
            (1, "condition_numbers.first"),
            (1, "condition_numbers.last"),
        ] {
            let set = format!("{key}={number}");
            let output = ends(&bench, &["run", FIGURES[figure], "--scale", "smoke", "--json", "--set", &set]);
            if output.status.code() == Some(2) {
                let key = key.split('.').next().unwrap();
                assert!(stderr(&output).contains(key), "{set}: {}", stderr(&output));
            }
        }
    }
}

#[test]
fn a_claim_without_a_point_is_not_judged() {
    let bench = Bench::new("");
    let set = "condition_numbers.last=100";
    let output = ends(&bench, &["run", FIGURES[1], "--scale", "smoke", "--json", "--set", set]);
    let result: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Momentum 0.99 is over-damped from a condition number of 158,402 on.
    for claim in [&result["claims"][1], &result["claims"][2]] {
        assert_eq!((&claim["verdict"], &claim["n"]), (&"not_judged".into(), &0.into()), "{claim}");
        assert_eq!(claim["evidence"], "None of the condition numbers is in this regime.");
    }
}

#[test]
fn advice_fits_a_terminal_and_its_parts_agree() {
    let bench = Bench::new("");
    let question = ["theory", "advise", "--lr", "0.1", "--momentum", "0.9", "--dim", "30"];
    let text = stdout(&ends(&bench, &[&question[..], &["--out", "results"]].concat()));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let advice: Value = serde_json::from_str(&stdout(&ends(&bench, &[&question[..], &["--json"]].concat()))).unwrap();
    let folder = bench.path().join("results/advise");
    let written: Value = serde_json::from_str(&fs::read_to_string(folder.join("advice.json")).unwrap()).unwrap();
    let keys = ["points", "tuned", "best_tuned", "inner_tuned", "same_final_loss", "edges", "conclusions"];
    for key in keys.into_iter().chain(["family", "family_at_the_same_final_loss", "diverging_outer_steps"]) {
        assert!(!advice[key].is_null() && advice[key] == written[key], "{key}");
    }
    assert!(text.contains("The family, each at its best of as many settings") && text.contains("Schedule-Free"));
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let on_one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let conclusions = advice["conclusions"].as_array().unwrap();
    assert!(!conclusions.is_empty());
    for sentence in conclusions.iter().map(|sentence| sentence.as_str().unwrap()) {
        assert!(on_one_line.contains(sentence) && page.contains(sentence), "{sentence}");
    }
    for name in ["loss.svg", "tuned_loss.svg", "final_loss.svg"] {
        assert!(fs::read_to_string(folder.join(name)).unwrap().starts_with("<svg"));
    }
}

#[test]
fn advice_compares_with_the_inner_optimizer_at_its_own_best_rate() {
    let bench = Bench::new("");
    let output = ends(&bench, &["theory", "advise", "--lr", "0.1", "--momentum", "0.9", "--json"]);
    let advice: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let number = |path: &str| advice.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}"));
    // By the calculator: what SGD has after 1000 steps at other learning rates, with this momentum and without.
    let alone = [("0.9", "0.0015"), ("0", "0.015")].map(|(momentum, lr)| {
        let output = ends(&bench, &["theory", "loss", "--momentum", momentum, "--lr", lr, "--json"]);
        serde_json::from_str::<Value>(&stdout(&output)).unwrap()["sgd"].as_f64().unwrap()
    });
    assert!(alone.iter().all(|loss| *loss < number("/best/loss")), "{alone:?}");
    assert!(number("/inner_tuned/loss") <= alone[0].min(alone[1]));
    assert!(number("/best_tuned/loss") <= number("/best/loss"));
    let said = advice["conclusions"].to_string();
    let verdict = if advice["pays"].as_bool().unwrap() { "Lookahead pays here" } else { "Lookahead does not pay here" };
    assert!(said.contains(verdict) && said.contains("no fair comparison"), "{said}");
    assert!(said.contains("At learning rate 0.1 no pair does as well as the inner optimizer alone"), "{said}");
    assert!(said.contains("Warning: the best"), "{said}");
}

#[test]
fn negative_numbers_are_refused_by_their_range() {
    let bench = Bench::new("");
    for (line, text) in [
        ("rate --lr -1", "the learning rate is -1, but must be above 0"),
        ("rate --momentum -0.5", "momentum is -0.5"),
        ("rate --k -1", "must be a whole number from 1"),
        ("rate --lr -.5", "the learning rate is -0.5"),
        ("rate --lr -inf", "the learning rate is -inf"),
        ("rate --lr --json", "must be a number"),
        ("rate --alpha -1e-3", "alpha is -0.001, but must be above 0"),
        ("rate --eta -1", "eta is -1, but must be above 0"),
        ("rate --outer-momentum -1", "mu is -1, but must be at least 0"),
        ("rate --condition-number -7", "-7"),
        ("rate --dim -1", "must be a whole number from 1 to 1000000"),
        ("loss --lr -1", "the learning rate is -1"),
        ("loss --lr 0.5 --steps -1", "must be a whole number from 0 to"),
        ("advise --lr -1", "the learning rate is -1"),
        ("advise --lr 0.5 --steps -1", "must be a whole number from 0 to"),
        ("advise --lr 0.5 --k -1,5", "must be a whole number from 1"),
        ("advise --lr 0.5 --alpha 0.5,-1", "alpha is -1"),
        ("advise --lr 0.5 --alpha -1,0.5", "alpha is -1"),
        ("alpha --lr -1", "the learning rate is -1"),
        ("fixed-point --lr -1", "the learning rate is -1"),
        ("fixed-point --lr 0.5 --noise-variance -1", "noise variance is -1"),
        ("fixed-point --lr 0.5 --curvature -1", "curvature is -1"),
    ] {
        let words: Vec<&str> = std::iter::once("theory").chain(line.split(' ')).collect();
        refused(&bench, &words, &[text]);
    }
    let zero = ends(&bench, &["theory", "rate", "--momentum", "-0"]);
    assert_eq!(stdout(&zero), stdout(&ends(&bench, &["theory", "rate"])));
    refused(&bench, &["run", "quickstart", "--seeds", "-1"], &["--seeds", "from 1 to 1000"]);
    refused(&bench, &["run", "quickstart", "--jobs", "-1"], &["--jobs", "from 1 to 256"]);
    let workers = ["train", "my.toml", "--distributed", "slow-step"];
    refused(&bench, &[&workers[..], &["--workers", "-1"]].concat(), &["--workers", "from 1 to 1024"]);
    refused(&bench, &[&workers[..], &["--deadline", "-1"]].concat(), &["--deadline", "from 1 to 1000000"]);
}

#[test]
fn momentum_alone_is_said_to_do_what_it_does() {
    let bench = Bench::new("");
    let at = |arguments: &[&str]| {
        let one = ["theory", "rate", "--dim", "2", "--condition-number", "1"];
        // In one line, wherever it was wrapped.
        stdout(&ends(&bench, &[&one[..], arguments].concat())).replace('\n', " ")
    };
    let in_one_step = at(&[]);
    assert!(in_one_step.contains("critically damped: no learning rate is faster there"), "{in_one_step}");
    assert!(at(&["--momentum", "0.81"]).contains("critically damped"));
    assert!(at(&["--lr", "0.99"]).contains("over-damped: it approaches without oscillating"));
    assert!(at(&["--lr", "0.02", "--momentum", "0.81"]).contains("under-damped: it oscillates"));
    assert!(at(&["--lr", "1.5"]).contains("alternating: it changes sign at each step"));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_the_work() {
    let bench = Bench::new("");
    fs::write(bench.path().join("taken"), "").unwrap();
    // Work that would be refused, after the folder.
    let output = bench.run(&["theory", "advise", "--lr", "2", "--out", "taken"]);
    let (code, error) = (output.status.code(), stderr(&output));
    assert!(code == Some(1) && error.contains("taken is there, but is no folder"), "{error}");
    assert!(!error.contains("learning rate"), "{error}");
    // A folder that was made for nothing does not stay.
    let output = bench.run(&["theory", "advise", "--lr", "2", "--out", "results"]);
    assert!(!output.status.success() && stderr(&output).contains("learning rate"), "{}", stderr(&output));
    assert!(!bench.path().join("results/advise").exists());
}

#[test]
fn advice_for_the_smallest_learning_rate_is_given() {
    let bench = Bench::new("");
    for lr in ["1e-160", "1e-300", "5e-324"] {
        let output = ends(&bench, &["theory", "advise", "--lr", lr, "--dim", "3", "--json"]);
        assert!(output.status.success(), "{lr}: {}", stderr(&output));
    }
}

#[test]
fn a_cycle_that_leads_nowhere_makes_every_alpha_optimal() {
    let bench = Bench::new("");
    let question = ["theory", "alpha", "--dim", "2", "--start", "1,1", "--end", "1,1"];
    assert_eq!(stdout(&ends(&bench, &question)), "every alpha is optimal: the end is the start\n");
    let told = bench.run(&[&question[..], &["--json"]].concat());
    assert_eq!(serde_json::from_slice::<Value>(&told.stdout).unwrap()["alpha"], Value::Null);
}
