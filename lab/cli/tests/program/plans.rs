//! What a sweep asks for: refused where it cannot be done or reported, before anything is; made in linear time else.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{Bench, stderr};

const SWEEP: &str = r#"title = "A sweep"
[run]
epochs = 1
data = { name = "made", train = 32, valid = 16 }
optimizer = { name = "sgd" }
schedule = { learning_rate = 0.1 }
[[group]]
label = "SGD"
point = ["schedule.learning_rate=0.1"]
grid = { "schedule.learning_rate" = [0.1, 0.2] }
[[group]]
label = "Lookahead"
baseline = "SGD"
set = ["optimizer={name='lookahead', inner={name='sgd'}}"]
[scale.smoke]
seeds = 1
[scale.small]
seeds = 1
grids = true
"#;

fn bench(sweep: &str) -> Bench {
    let bench = Bench::new("");
    fs::write(bench.path().join("lr.toml"), sweep).unwrap();
    bench
}

/// What is told of a sweep that is refused before anything is done.
fn refused(sweep: &str, arguments: &[&str]) -> String {
    let bench = bench(sweep);
    let output = bench.run(&[&["run", "lr.toml"], arguments].concat());
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{sweep}\n{}", stderr(&output));
    assert!(!bench.path().join("results").exists(), "something was begun");
    let told = stderr(&output);
    assert!(told.len() < 1000, "{told}");
    told
}

#[test]
fn what_no_report_could_be_made_of_is_refused_with_its_line() {
    let edit = |from: &str, to: &str| {
        assert!(SWEEP.contains(from), "{from}");
        SWEEP.replacen(from, to, 1)
    };
    let groups = &SWEEP[SWEEP.find("[[group]]").unwrap()..SWEEP.find("[scale.smoke]").unwrap()];
    let panels = "[[panel]]\nname = \"a\"\n[[panel]]\nname = \"b\"\n[[group]]";
    for (sweep, words) in [
        (edit("baseline = \"SGD\"", "baseline = \"Lookahead\""), &["lr.toml:12:", "\"Lookahead\"", "\"SGD\""][..]),
        (edit("baseline = \"SGD\"", "baseline = \"SDG\""), &["lr.toml:12:", "\"SDG\""]),
        (edit("label = \"Lookahead\"\nbaseline = \"SGD\"", "label = \"SGD\""), &["lr.toml:12:", "twice"]),
        (edit("A sweep", " "), &["lr.toml:1:", "`title`", "with letters in it"]),
        (edit("[run]", "notes = [\"\"]\n[run]"), &["lr.toml:2:", "`notes[0]`", "with letters in it"]),
        (edit("baseline", "panels = []\nbaseline"), &["lr.toml:13:", "`group[1].panels` is a list of 0"]),
        (
            edit("baseline", "panels = [\"x\"]\nbaseline"),
            &["lr.toml:12:", "\"x\" must be left out: the file has no [[panel]]"],
        ),
        (edit("grids", "panels = [\"x\"]\ngrids"), &["lr.toml:19:", "\"x\", but must be left out"]),
        (edit("[[group]]", panels).replace("grids", "panels = [\"x\"]\ngrids"), &["must be one of \"a\", \"b\""]),
        (edit("[[group]]", panels).replace("grids", "panels = []\ngrids"), &["`scale.small.panels` is a list of 0"]),
        (edit("[[group]]", &panels.replace("\"b\"", "\"a\"")), &["lr.toml:7:", "twice"]),
        (edit("label = \"SGD\"", "label = \"SGD\"\npanels = [\"a\"]").replacen("[[group]]", panels, 1), &["\"SGD\""]),
        (
            edit("[[group]]", panels).replace("label = \"SGD\"", "label = \"SGD\"\npanels = [\"a\", \"a\"]"),
            &["`group[0].panels[1]` is \"a\"", "another value than those before it"],
        ),
        (
            edit("[[group]]", panels).replace("label =", "panels = [\"a\"]\nlabel ="),
            &["lr.toml:7:", "`panel` is \"b\" without a group", "a panel that a group is in"],
        ),
        (edit("[[group]]", &panels.replace("\"b\"", "\" a\"")), &["lr.toml:7:", "twice"]),
        (edit("label = \"Lookahead\"", "label = \"SGD \""), &["lr.toml:12:", "twice in a panel, white space aside"]),
        (edit(groups, "").replacen("[run]", "group = []\n[run]", 1), &["lr.toml:2:", "a list of 0"]),
        (edit(groups, ""), &["`group` is missing"]),
        (edit("[[group]]", "[[panel]]\nname = \"\"\n[[group]]"), &["lr.toml:8:"]),
        // What is measured on other data cannot be compared.
        (
            edit("inner={name='sgd'}}\"", "inner={name='sgd'}}\", \"data.valid_limit=8\""),
            &["\"Lookahead\"", "its baseline"],
        ),
        (
            edit("inner={name='sgd'}}\"", "inner={name='sgd'}}\", \"data.name=digits\""),
            &["\"Lookahead\"", "its baseline"],
        ),
        (
            edit("\"schedule.learning_rate\" = [0.1, 0.2]", "\"data.valid_limit\" = [8, 16]"),
            &["\"SGD\"", "first point"],
        ),
        // Nor what is of another kind, in a panel of its own.
        (
            edit("[[group]]", panels)
                .replace("label = \"SGD\"", "label = \"SGD\"\npanels = [\"a\"]")
                .replace("label = \"Lookahead\"\nbaseline = \"SGD\"", "label = \"LSTM\"\npanels = [\"b\"]")
                .replace("inner={name='sgd'}}\"", "inner={name='sgd'}}\", \"data.name=made_text\""),
            &["b, LSTM learns a text", "a, SGD learns images"],
        ),
        (edit("title = \"A sweep\"", "title = \"A sweep\"\nfigure = \"trace\""), &["trace"]),
        (edit("title = \"A sweep\"", "title = \"A sweep\"\nfigure = \"plane\""), &["keep_weights"]),
    ] {
        let told = refused(&sweep, &[]);
        for word in words {
            assert!(told.contains(word), "{word:?} is not in\n{told}\n{sweep}");
        }
    }
    // A path that is longer than the run.
    let plane = edit(
        "[run]",
        "figure = \"plane\"\n[run]\ntrace = { epoch = 1, updates = 9, keep_weights = true }\nbatch_size = 8",
    );
    let told = refused(&plane, &["--scale", "smoke"]);
    assert!(told.contains("step 9") && told.contains("trains 4"), "{told}");
}

#[test]
fn keys_without_effect_are_refused() {
    let edit = |from: &str, to: &str| SWEEP.replacen(from, to, 1);
    for (sweep, words) in [
        (edit("label = \"SGD\"", "label = \"SGD\"\nset = [\"seed=7\"]"), &["lr.toml:9:", "seed"][..]),
        (edit("label = \"SGD\"", "label = \"SGD\"\nsmoke = [\"epochs=1\", \" seed = 7\"]"), &["lr.toml:9:", "seed"]),
        (edit("point = [", "point = [\"seed=1\", "), &["lr.toml:9:", "seed"]),
        (edit("grid = {", "grid = { seed = [1, 2], "), &["lr.toml:10:", "seed"]),
        (edit("seeds = 1", "seeds = 1\nset = [\"seed=1\"]"), &["lr.toml:17:", "seed"]),
        (edit("epochs = 1", "epochs = 1\nseed = 4"), &["lr.toml:4:", "`run.seed` is 4"]),
        (edit("point", "set = [\"schedule.learning_rate=1\"]\npoint"), &["lr.toml:9:", "its grid", "learning_rate"]),
        (edit("grid = {", "set = [\"schedule.learning_rate=1\"] #"), &["lr.toml:10:", "its point", "learning_rate"]),
        (edit("grid = {", "small_grid = { epochs = [2, 2] }\ngrid = {"), &["lr.toml:10:", "once"]),
        (edit("grid = {", "small_grid = { seed = [1, 2] }\ngrid = {"), &["lr.toml:10:", "seed"]),
        (edit("grid = {", "small_grid = { epoch = [1, 2] }\ngrid = {"), &["lr.toml:10:", "epoch"]),
        (edit("point", "small = [\"epochs=3\"]\nsmall_grid = { epochs = [1, 2] }\npoint"), &["lr.toml:9:", "epochs"]),
        (edit("point", "small = [\"schedule.learning_rate=1\"]\npoint"), &["lr.toml:9:", "learning_rate", "small"]),
        (edit("[0.1, 0.2]", "[0.1, 0.1]"), &["lr.toml:10:", "once"]),
        // What another key undoes.
        (
            edit("point", "set = [\"optimizer.momentum=0.5\", \"optimizer.name=adam\"]\npoint"),
            &["lr.toml:9:", "`optimizer.momentum` has no effect"],
        ),
        (
            edit(
                "point",
                "set = [\"schedule.warmup_steps=2\", \"schedule={name='cosine', learning_rate=0.1}\"]\npoint",
            ),
            &["lr.toml:9:", "`schedule.warmup_steps` has no effect"],
        ),
        (
            edit(
                "inner={name='sgd'}}\"]",
                "inner={name='sgd'}}\"]\ngrid = { \"optimizer.adaptive.low\" = [0.1, 0.9], \"optimizer.alpha\" = [0.2, 0.8] }",
            ),
            &["lr.toml:15:", "`optimizer.adaptive.low` has no effect"],
        ),
        (
            edit("seeds = 1", "seeds = 1\nset = [\"epochs=1\", \" epochs = 2\"]"),
            &["lr.toml:17:", "`epochs` is set twice"],
        ),
        (edit("epochs = 1", "epochs = 1\ntrace = { epoch = 5 }"), &["`trace.epoch` is 5", "at most 1", "epochs"]),
        (edit("epochs = 1", "epochs = 1\naverage_epochs = 2"), &["`average_epochs` is 2", "at most 1", "evaluations"]),
        (edit("[0.1, 0.2]", "[0.1, 0.10]"), &["lr.toml:10:", "once"]),
        (edit("[0.1, 0.2]", "[1e-1, 0.2, 0.1]"), &["lr.toml:10:", "once"]),
        (edit("[0.1, 0.2]", "[1, 2, 1.0]"), &["lr.toml:10:", "once"]),
        (edit("[0.1, 0.2]", "[]"), &["lr.toml:10:", "a list of 0"]),
    ] {
        let told = refused(&sweep, &[]);
        for word in words {
            assert!(told.contains(word), "{word:?} is not in\n{told}");
        }
    }
}

#[test]
fn the_command_line_undoes_nothing_that_groups_compare_or_it_set_itself() {
    let sweep = SWEEP
        .replace("schedule = {", "schedule = { name = \"cosine\",")
        .replace("schedule.learning_rate=0.1", "schedule.final_fraction=0.1")
        .replace("\"schedule.learning_rate\" =", "\"schedule.final_fraction\" =");
    for scale in ["smoke", "small"] {
        let told = refused(&sweep, &["--scale", scale, "--set", "schedule.name=constant"]);
        assert!(told.contains("`schedule.final_fraction` is what the artifact itself sets"), "{told}");
    }
    let told = refused(SWEEP, &["--set", "model.hidden=[8]", "--set", "model.name=cnn"]);
    assert!(told.contains("\"model.hidden=[8]\": has no effect"), "{told}");

    let bench = bench("optimizer.name = \"sgd\"\nschedule.learning_rate = 0.1\nepochs = 1\n");
    let both = ["train", "lr.toml", "--set", "optimizer.momentum=0.5", "--set", "optimizer.name=adam"];
    let output = bench.run(&both);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("\"optimizer.momentum=0.5\": has no effect"), "{}", stderr(&output));
    assert!(!bench.path().join("results").exists());
    // The same key again, and one of a table that was set, are meant.
    let again = ["--set", "optimizer={name='adam', beta1=0.8}", "--set", "optimizer.beta1=0.7", "--set", "epochs=1"];
    let output =
        bench.run(&[&["train", "lr.toml"], &again[..], &["--set", "data={name='made', train=32, valid=16}"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn an_override_in_a_sweep_is_told_with_its_file_line_and_group() {
    let wrong = |from: &str, to: &str| refused(&SWEEP.replacen(from, to, 1), &[]);
    assert_eq!(
        wrong("{name='lookahead', ", "{name='lookahead', alpha=2, "),
        "error: lr.toml:14:8: group \"Lookahead\": override \"optimizer={name='lookahead', alpha=2, inner={name='sgd'}}\": \
         `optimizer.alpha` is 2, but must be a number above 0 and at most 1\n"
    );
    assert!(
        wrong("[0.1, 0.2]", "[0.1, -1]")
            .starts_with("error: lr.toml:10:10: group \"SGD\": override \"schedule.learning_rate=-1\"")
    );
    assert!(
        wrong("seeds = 1\ngrids", "seeds = 1\nset = [\"epoch=2\"]\ngrids").contains("lr.toml:19:8: scale \"small\": ")
    );
    let long = format!("set = [\"optimizer.{}=1\"]", "momentum".repeat(1000));
    assert!(wrong("set = [\"optimizer={name='lookahead', inner={name='sgd'}}\"]", &long).contains("…"));
}

#[test]
fn what_is_too_much_is_refused_before_memory_is_asked_for() {
    let values = |count: usize| (1..=count).map(|value| format!("{value}e-3")).collect::<Vec<_>>().join(", ");
    let axes =
        ["schedule.learning_rate", "optimizer.momentum", "optimizer.weight_decay", "clip_norm", "optimizer.dampening"];
    let grid = axes.map(|axis| format!("\"{axis}\" = [{}]", values(64))).join(", ");
    let huge = SWEEP.replace("\"schedule.learning_rate\" = [0.1, 0.2]", &grid);
    let started = Instant::now();
    for arguments in [&[][..], &["--tune"], &["--scale", "smoke"]] {
        let told = refused(&huge, arguments);
        assert!(told.contains("lr.toml:10:") && told.contains("64 x 64 x 64 x 64 x 64"), "{told}");
    }
    let many = SWEEP
        .replace("[0.1, 0.2]", &format!("[{}]", values(64)))
        .replace("grid = {", &format!("grid = {{ \"optimizer.momentum\" = [{}], ", values(64)));
    let told = refused(&many, &["--seeds", "1000"]);
    assert!(told.contains("4097000 runs; at most 100000"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(10));

    let deep = format!("{}a=1", "a.".repeat(60_000));
    let nested = format!("optimizer={}1{}", "[".repeat(60_000), "]".repeat(60_000));
    let bench = bench(SWEEP);
    for target in ["lr.toml", "quickstart", "fig03_noisy_quadratic", "fig04_convergence_rate"] {
        for text in [&deep, &nested] {
            let output = bench.run(&["run", target, "--set", text]);
            assert_eq!(output.status.code(), Some(2), "{target}\n{}", stderr(&output));
            assert!(output.stderr.len() < 1000, "{}", stderr(&output));
        }
    }
}

/// A text in a grid is the text that was written, long and with any letter.
#[test]
fn texts_of_a_grid_are_taken_whole() {
    let files = ["a", "it's \"b\" \u{200b}"].map(|first| format!("{first}{}.txt", "-long".repeat(20)));
    let sweep = SWEEP
        .replace(
            "{ name = \"made\", train = 32, valid = 16 }",
            "{ name = \"text_files\", train = \"v.txt\", valid = \"v.txt\" }",
        )
        .replace("optimizer =", "model = { name = \"awd_lstm\", layers = 1, hidden = 4, embedding = 4 }\noptimizer =")
        .replace("point = [\"schedule.learning_rate=0.1\"]\n", "")
        .replace(
            "\"schedule.learning_rate\" = [0.1, 0.2]",
            &format!("\"data.train\" = {}", toml::Value::from(files.to_vec())),
        )
        .replace("[scale.smoke]", "[scale.smoke]\ngrids = true");
    let bench = bench(&sweep);
    for file in files.iter().map(String::as_str).chain(["v.txt"]) {
        fs::write(bench.path().join(file), "the cat sat on the mat\n".repeat(60)).unwrap();
    }
    let output = bench.run(&["run", "lr.toml", "--scale", "smoke"]);
    assert!(output.status.success(), "{sweep}\n{}", stderr(&output));
}

#[test]
fn counts_on_the_command_line_are_told_in_words() {
    let bench = bench(SWEEP);
    for (option, most) in [("--jobs", "256"), ("--seeds", "1000")] {
        for wrong in ["0", "-1", "1.5", "x", "99999999999999999999"] {
            let output = bench.run(&["run", "lr.toml", &format!("{option}={wrong}")]);
            assert_eq!(output.status.code(), Some(2));
            let told = stderr(&output);
            assert!(told.contains(&format!("must be a whole number from 1 to {most}")), "{told}");
        }
    }
}

#[test]
fn what_the_options_ask_for_is_refused_before_the_artifacts_before_it_begin() {
    let bench = bench(SWEEP);
    fs::write(bench.path().join("fixed.toml"), SWEEP.replace("grid = {", "set = [] # {")).unwrap();
    for arguments in [
        &["run", "lr.toml", "fixed.toml", "--tune"][..],
        &["run", "lr.toml", "fig03_noisy_quadratic", "--tune"],
        &["run", "lr.toml", "fig03_noisy_quadratic", "--set", "epochs=2"],
        &["run", "lr.toml", "fig04_convergence_rate", "--seeds", "2"],
        &["run", "lr.toml", "fixed.toml", "--scale", "paper"],
    ] {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{}", stderr(&output));
        assert!(!bench.path().join("results").exists(), "{arguments:?}: something was begun");
    }
}

#[cfg(unix)]
#[test]
fn arguments_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let config = "epochs = 1\ndata = { name = 'made', train = 32, valid = 16 }\noptimizer.name = 'sgd'\nschedule.learning_rate = 0.1";
    let bench = bench(SWEEP);
    let odd = OsStr::from_bytes(b"caf\xe9.toml");
    fs::write(bench.path().join(odd), config).unwrap();
    let output = bench.command(&["train"]).arg(odd).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let out = OsStr::from_bytes(b"out\xe9");
    let output = bench.command(&["run", "lr.toml", "--out"]).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(bench.command(&["report"]).arg(out).output().unwrap().status.success());
    for arguments in [&["run"][..], &["run", "quickstart", "--set"], &["run", "quickstart", "--data"]] {
        let output = bench.command(arguments).arg(odd).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let output =
        bench.command(&["theory", "advise", "--lr", "0.5", "--steps", "20", "--out"]).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_thousand_seeds_are_planned_at_once() {
    let bench = bench(SWEEP);
    // The data is looked at after the plan: that it is missing ends the program.
    let sweep =
        SWEEP.replace("{ name = \"made\", train = 32, valid = 16 }", "{ name = \"cifar10\", dir = \"nowhere\" }");
    fs::write(bench.path().join("lr.toml"), sweep).unwrap();
    let started = Instant::now();
    let output = bench.run(&["run", "lr.toml", "--seeds", "1000"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn a_sweep_does_other_runs_first_and_waits_for_one_that_another_process_does() {
    let bench = bench(SWEEP);
    let smoke = ["run", "lr.toml", "--scale", "smoke"];
    assert!(bench.run(&smoke).status.success());
    let results = bench.path().join("results");
    let artifact: Value = serde_json::from_slice(&fs::read(results.join("lr_smoke/artifact.json")).unwrap()).unwrap();
    let run = results.join("runs").join(artifact["groups"][0]["runs"][0].as_str().unwrap());
    fs::remove_dir_all(&results).unwrap();
    fs::create_dir_all(&run).unwrap();
    // As another process that does the run would.
    let other = fs::File::create(run.join(".lock")).unwrap();
    for is_interrupted in [true, false] {
        other.lock().unwrap();
        let mut command = bench.command(&smoke);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let told: Vec<String> = lines.by_ref().take(if is_interrupted { 2 } else { 1 }).collect();
        if is_interrupted {
            assert!(told[0].starts_with("lr_smoke 1/2: Lookahead seed 0"), "{told:?}");
        }
        let waits = "SGD seed 0: another process is doing this run; waiting for it";
        assert_eq!(told.last().map(String::as_str), Some(waits));
        if is_interrupted {
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(130));
        } else {
            other.unlock().unwrap();
            assert!(child.wait().unwrap().success(), "{:?}", lines.collect::<Vec<_>>());
        }
    }
    let summary: Value = serde_json::from_slice(&fs::read(results.join("lr_smoke/summary.json")).unwrap()).unwrap();
    assert!(summary["groups"].as_array().unwrap().iter().all(|group| group["n"] == 1));
}
