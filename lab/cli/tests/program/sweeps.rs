//! Sweeps: groups, grids and seeds in one file; runs shared, done several at once, killed and continued.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::support::{Bench, stderr, stdout, timeless};

/// Two groups, one with a grid of two points, on made pictures with augmentation; a part of each run is traced.
const SWEEP: &str = r#"
title = "A sweep"

[run]
epochs = 4
batch_size = 8
checkpoint_every = 3
evaluate_fast = true
data = { name = "made", channels = 3, height = 8, width = 8, classes = 10, train = 40, valid = 20, augmentation = "crop_flip" }
model = { name = "resnet", depth = 8, width = 2 }
optimizer = { name = "sgd", momentum = 0.9 }
schedule = { learning_rate = 0.05 }
trace = { epoch = 2, updates = 7, keep_weights = true }

[[group]]
label = "SGD"
point = ["schedule.learning_rate=0.05"]
grid = { "schedule.learning_rate" = [0.02, 0.05] }

[[group]]
label = "Lookahead"
baseline = "SGD"
set = ["optimizer={name='lookahead', sync_period=3, inner={name='sgd', momentum=0.9}}"]

[scale.smoke]
seeds = 2

[scale.small]
seeds = 2
grids = true
"#;

fn bench() -> Bench {
    let bench = Bench::new("");
    fs::write(bench.path().join("my_sweep.toml"), SWEEP).unwrap();
    bench
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn run_folders(bench: &Bench) -> Vec<PathBuf> {
    let entries = fs::read_dir(bench.path().join("results/runs")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// What every run of a sweep ends in, without what tells the time.
fn bits(bench: &Bench) -> Vec<(PathBuf, Vec<u8>)> {
    let of_run = |folder: PathBuf| {
        let current = json(&folder.join("checkpoint/current.json"))["folder"].as_str().unwrap().to_owned();
        let plain = [
            format!("checkpoint/{current}/model.safetensors"),
            format!("checkpoint/{current}/optimizer.record"),
            "trace.jsonl".to_owned(),
            "path.safetensors".to_owned(),
        ];
        let name = PathBuf::from(folder.file_name().unwrap());
        let mut bits: Vec<(PathBuf, Vec<u8>)> =
            plain.iter().map(|file| (name.join(file), fs::read(folder.join(file)).unwrap())).collect();
        for file in ["metrics.jsonl", "result.json"] {
            bits.push((name.join(file), timeless(&folder.join(file))));
        }
        bits
    };
    run_folders(bench).into_iter().flat_map(of_run).collect()
}

fn assert_same(found: &[(PathBuf, Vec<u8>)], expected: &[(PathBuf, Vec<u8>)]) {
    let names = |bits: &[(PathBuf, Vec<u8>)]| bits.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert!(found == expected, "{} differs", name.display());
    }
}

#[test]
fn a_sweep_of_ones_own_searches_its_grid_and_shares_runs_between_scales() {
    let bench = bench();
    let output = bench.run(&["run", "my_sweep.toml", "--jobs", "2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let artifact = json(&bench.path().join("results/my_sweep/artifact.json"));
    assert_eq!(artifact["groups"][0]["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(artifact["groups"][1]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(run_folders(&bench).len(), 6);

    // The smaller scale needs no run that is not there.
    let times = |bench: &Bench| -> Vec<_> {
        let modified = |folder: PathBuf| fs::metadata(folder.join("result.json")).unwrap().modified().unwrap();
        run_folders(bench).into_iter().map(modified).collect()
    };
    let before = times(&bench);
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(summary["groups"][0]["n"], 2);
    assert_eq!(times(&bench), before);
    assert!(bench.path().join("results/index.html").is_file());

    // Elsewhere: a command that adds seeds has to lead to the same runs.
    assert_eq!(summary["command"], "lookahead run my_sweep.toml --scale smoke");
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--json", "--out", "my results"]);
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(summary["command"], "lookahead run my_sweep.toml --scale smoke --out 'my results'");
}

#[test]
fn a_group_can_have_hyperparameters_of_one_scale() {
    let bench = Bench::new("");
    let group = "label = \"SGD\"\nsmoke = [\"schedule.learning_rate=0.03\"]";
    let sweep = SWEEP.replace("label = \"SGD\"", group).replace("grids = true", "");
    fs::write(bench.path().join("my_sweep.toml"), sweep).unwrap();
    let rates = |scale: &str| {
        let output = bench.run(&["run", "my_sweep.toml", "--scale", scale]);
        assert!(output.status.success(), "{}", stderr(&output));
        let folder = if scale == "small" { "my_sweep" } else { "my_sweep_smoke" };
        let artifact = json(&bench.path().join("results").join(folder).join("artifact.json"));
        let folders = artifact["groups"].as_array().unwrap().iter().map(|group| group["runs"][0].as_str().unwrap());
        let config = |id| fs::read_to_string(bench.path().join("results/runs").join(id).join("config.toml")).unwrap();
        let rate = |id| config(id).lines().find(|line| line.starts_with("learning_rate")).unwrap().to_owned();
        folders.map(rate).collect::<Vec<_>>()
    };
    assert_eq!(rates("smoke"), ["learning_rate = 0.03", "learning_rate = 0.05"]);
    assert_eq!(rates("small"), ["learning_rate = 0.05", "learning_rate = 0.05"]);
}

#[test]
fn a_group_can_have_a_grid_of_one_scale_and_a_point_for_what_that_leaves() {
    let bench = Bench::new("");
    let own = "point = [\"schedule.learning_rate=0.05\", \"optimizer.weight_decay=0.01\"]\n\
               small_grid = { \"optimizer.weight_decay\" = [0.02, 0.03] }";
    let sweep = SWEEP.replace("point = [\"schedule.learning_rate=0.05\"]", own).replace("epochs = 4", "epochs = 2");
    fs::write(bench.path().join("my_sweep.toml"), sweep).unwrap();
    let of_run = |id: &Value| {
        let config = bench.path().join("results/runs").join(id.as_str().unwrap()).join("config.toml");
        let config = fs::read_to_string(config).unwrap();
        let value = |key: &str| config.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        [value("learning_rate = "), value("weight_decay = ")]
    };
    let groups = |arguments: &[&str], folder: &str| {
        let output = bench.run(&[&["run", "my_sweep.toml", "--seeds", "1"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        json(&bench.path().join("results").join(folder).join("artifact.json"))["groups"].clone()
    };
    let small = groups(&[], "my_sweep");
    let candidates = small[0]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    for (candidate, decay) in candidates.iter().zip(["0.02", "0.03"]) {
        assert_eq!(candidate["label"], format!("weight_decay {decay}"));
        assert_eq!(of_run(&candidate["runs"][0]), ["0.05", decay]);
    }
    assert_eq!(of_run(&groups(&["--scale", "smoke"], "my_sweep_smoke")[0]["runs"][0]), ["0.05", "0.01"]);
    let tuned = groups(&["--tune"], "my_sweep_tuning");
    assert_eq!(tuned.as_array().unwrap().len(), 2);
    for (group, decay) in tuned.as_array().unwrap().iter().zip(["0.02", "0.03"]) {
        assert_eq!(group["label"], format!("SGD, weight_decay {decay}"));
        assert_eq!(of_run(&group["runs"][0]), ["0.05", decay]);
    }
}

#[test]
fn runs_done_at_once_have_the_bits_of_runs_done_one_after_another() {
    let [alone, together] = ["1", "2"].map(|jobs| {
        let bench = bench();
        let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--jobs", jobs]);
        assert!(output.status.success(), "{}", stderr(&output));
        bits(&bench)
    });
    assert_same(&together, &alone);
}

#[test]
fn a_sweep_killed_at_ten_moments_ends_in_the_same_bits() {
    let undisturbed = bench();
    let arguments = ["run", "my_sweep.toml", "--scale", "smoke", "--jobs", "2"];
    assert!(undisturbed.run(&arguments).status.success());

    let disturbed = bench();
    for moment in 0..10_u64 {
        let mut child = disturbed.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Moments spread over a run's start, middle and evaluation; whatever it was doing, it is cut off.
        sleep(Duration::from_millis(40 + 67 * moment % 230));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = disturbed.run(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_same(&bits(&disturbed), &bits(&undisturbed));
}

#[test]
fn a_trace_has_theta_after_each_update_and_phi_after_each_sync() {
    let bench = bench();
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--seeds", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let artifact = json(&bench.path().join("results/my_sweep_smoke/artifact.json"));
    let lookahead = artifact["groups"][1]["runs"][0].as_str().unwrap();
    let folder = bench.path().join("results/runs").join(lookahead);
    let text = fs::read_to_string(folder.join("trace.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<(u64, &str)> =
        rows.iter().map(|row| (row["update"].as_u64().unwrap(), row["kind"].as_str().unwrap())).collect();
    // 5 steps an epoch: epoch 2 begins at step 5, the next whole cycle of 3 at step 6.
    let (inner, outer) = ("inner", "outer");
    let expected = [
        (0, "start"),
        (1, inner),
        (2, inner),
        (3, inner),
        (3, outer),
        (4, inner),
        (5, inner),
        (6, inner),
        (6, outer),
        (7, inner),
    ];
    assert_eq!(seen, expected);
    assert_eq!((&rows[0]["step"], &rows[1]["step"]), (&Value::from(6), &Value::from(7)));

    // phi <- phi + alpha (theta - phi), with alpha = 1/2: the mean, to rounding, of what was kept.
    let bytes = fs::read(folder.join("path.safetensors")).unwrap();
    let path = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |point: &str| -> Vec<f32> {
        let tensor = path.tensor(&format!("{point}/ResNet.stem.0.convolution.weight"));
        let tensor = tensor.unwrap_or_else(|_| panic!("{point}: {:?}", path.names()));
        tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    };
    let (start, fast, slow) = (values("slow.000"), values("fast.003"), values("slow.003"));
    assert_ne!(fast, slow);
    for ((start, fast), slow) in start.iter().zip(&fast).zip(&slow) {
        assert!((0.5 * (start + fast) - slow).abs() < 1e-6, "{start} {fast} {slow}");
    }
}

/// Fig. 1: the plane is that of Lookahead's path; SGD is the same run until then, and goes on without syncs.
#[test]
fn the_path_beside_lookaheads_begins_with_the_same_steps() {
    let bench = Bench::new("");
    let output = bench.run(&["run", "fig01_trajectory_plane", "--scale", "smoke"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let plane = json(&bench.path().join("results/fig01_trajectory_plane_smoke/plane.json"));
    let beside = &plane["beside"];
    assert_eq!((&beside["label"], &beside["updates"]), (&Value::from("SGD"), &plane["fast_updates"]));
    let [fast, sgd] = [&plane["fast"], &beside["points"]].map(|points| points.as_array().unwrap());
    // k = 10: both have taken the same steps until the first sync, which the points are taken before.
    assert_eq!((fast.len(), &fast[..=10]), (21, &sgd[..=10]));
    assert!(fast[11..].iter().zip(&sgd[11..]).all(|(fast, sgd)| fast != sgd));
}

#[test]
fn fast_weights_are_evaluated_beside_the_slow_ones_where_that_is_asked_for() {
    let bench = bench();
    // Not a whole number of cycles an epoch, so that the two differ.
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--seeds", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let artifact = json(&bench.path().join("results/my_sweep_smoke/artifact.json"));
    let first_row = |group: usize| -> Value {
        let run = artifact["groups"][group]["runs"][0].as_str().unwrap();
        let path = bench.path().join("results/runs").join(run).join("metrics.jsonl");
        serde_json::from_str(fs::read_to_string(path).unwrap().lines().next().unwrap()).unwrap()
    };
    assert!(first_row(0)["fast"].is_null(), "SGD has one set of weights");
    let row = first_row(1);
    assert_ne!(row["fast"]["valid_loss"], row["valid_loss"]);
    assert!(row["valid_top5"].as_f64().unwrap() >= row["valid_accuracy"].as_f64().unwrap());
}

#[test]
fn what_is_wrong_with_a_sweep_is_named() {
    let bench = bench();
    let wrong = |change: (&str, &str), arguments: &[&str]| {
        assert!(SWEEP.contains(change.0), "{}", change.0);
        fs::write(bench.path().join("my_sweep.toml"), SWEEP.replace(change.0, change.1)).unwrap();
        let output = bench.run(&[&["run", "my_sweep.toml"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(!bench.path().join("results").exists(), "something was done for {change:?}");
        stderr(&output)
    };
    let none = ("title", "title");
    for (change, arguments, expected) in [
        (("epochs = 4", "epoch = 4"), &[][..], "my_sweep.toml:5:1: unknown key `run.epoch` (did you mean `epochs`?)"),
        (("baseline = \"SGD\"", "baseline = \"SDG\""), &[], "without the baseline \"SDG\""),
        (("label = \"Lookahead\"\nbaseline = \"SGD\"", "label = \"SGD\""), &[], "\"SGD\" twice"),
        (("[0.02, 0.05]", "[0.02, []]"), &[], "`group[0].grid.schedule.learning_rate[1]` is a list of 0"),
        (("sync_period=3", "sync_period=0"), &[], "must be a whole number"),
        (none, &["--scale", "paper"], "my_sweep: there is no [scale.paper]; the file describes smoke, small"),
        (none, &["--set", "schedule.learning_rate=1"], "schedule.learning_rate"),
        (none, &["--set", "optimizer.name=adam"], "optimizer"),
        (none, &["--set", "seed=3"], "seed"),
    ] {
        let text = wrong(change, arguments);
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn a_name_or_a_device_that_is_not_there_is_refused_before_anything_is_done() {
    let bench = bench();
    let output = bench.run(&["run", "quickstart", "fig05", "--scale", "smoke"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.contains("\"fig05\" is neither an artifact (did you mean \"fig05_tab1_cifar\"?)"), "{told}");
    assert!(told.contains("the artifacts are quickstart, fig01_trajectory_plane"), "{told}");

    // A build without GPU features never falls back to the processor.
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--device", "vulkan"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("no device \"vulkan\""), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("build with `--features vulkan`, and it needs a Vulkan driver"),
        "{}",
        stderr(&output)
    );
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--device", "cpu:1"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("no device \"cpu:1\": this machine has 1 of that kind"), "{}", stderr(&output));
    let output = bench.run(&["run", "my_sweep.toml", "--scale", "smoke", "--device", "gpu"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("\"vulkan\" or \"wgpu\", the second of a kind as"), "{}", stderr(&output));
    let output = bench.run(&["run", "fig12_tab6_inner_state", "--data", "nowhere"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("lookahead data fetch cifar10"), "{}", stderr(&output));
    assert!(!bench.path().join("results/runs").exists());
}

/// The README's own comparison runs as it stands, here for an epoch with one seed.
#[test]
fn the_sweep_of_the_readme_runs() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let section = readme.split("## Your own comparison").nth(1).unwrap();
    let sweep = section.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let bench = Bench::new("");
    fs::write(bench.path().join("my_sweep.toml"), sweep).unwrap();
    let output = bench.run(&["run", "my_sweep.toml", "--seeds", "1", "--set", "epochs=1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(bench.path().join("results/my_sweep/report.html").is_file());
}

/// What a small comparison does not need may be left out: `[scale]`, and an optimizer that every group replaces.
#[test]
fn a_sweep_may_do_without_scales_and_a_common_optimizer() {
    let sweep = r#"
title = "Short"
[run]
epochs = 1
data = { name = "made", train = 16, valid = 16 }
schedule = { learning_rate = 0.1 }
[[group]]
label = "SGD"
set = ["optimizer={name='sgd'}"]
[[group]]
label = "Adam"
OPTIMIZER
"#;
    let bench = Bench::new("");
    let run = |optimizer: &str, arguments: &[&str]| {
        fs::write(bench.path().join("short.toml"), sweep.replace("OPTIMIZER", optimizer)).unwrap();
        bench.run(&[&["run", "short.toml"], arguments].concat())
    };
    let complete = "set = [\"optimizer={name='adam'}\"]";
    for arguments in [&[][..], &["--scale", "smoke", "--seeds", "1"]] {
        let output = run(complete, arguments);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(json(&bench.path().join("results/short/summary.json"))["groups"][1]["n"], 3, "three seeds");
    let output = run("", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("short.toml: `run.optimizer"), "{}", stderr(&output));
}

#[test]
fn several_artifacts_are_one_json_document() {
    let bench = Bench::new("");
    let one = bench.run(&["run", "fig03_noisy_quadratic", "--scale", "smoke", "--json"]);
    let several =
        bench.run(&["run", "fig03_noisy_quadratic", "fig11_noisy_quadratic_more", "--scale", "smoke", "--json"]);
    let [one, several] = [one, several].map(|output| serde_json::from_str::<Value>(&stdout(&output)).unwrap());
    assert_eq!(one["artifact"], "fig03_noisy_quadratic");
    assert_eq!(several.as_array().map(Vec::len), Some(2));
    assert_eq!(several[1]["artifact"], "fig11_noisy_quadratic_more");
}
