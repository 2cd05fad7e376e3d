//! A run that is stopped, in whatever way, continues to the same bits as one that was left alone.

use std::fs;
use std::process::Command;

use super::support::{Bench, CNN_CONFIG, CONFIG, contents, stderr, stdout};

fn undisturbed(config: &str) -> Vec<(String, Vec<u8>)> {
    let bench = Bench::new(config);
    let output = bench.train();
    assert!(output.status.success(), "{}", stderr(&output));
    bench.bits()
}

fn assert_same(found: &[(String, Vec<u8>)], expected: &[(String, Vec<u8>)]) {
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert!(found == expected, "{name} differs from the undisturbed run's");
    }
}

/// Ends the run as an interrupt from the keyboard would.
fn interrupt(bench: &Bench, checkpoints: usize) {
    let mut child = bench.train_until(checkpoints);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_run_killed_several_times_ends_in_the_same_bits() {
    // Long enough not to be over before the third kill, however busy the machine.
    let long = CNN_CONFIG.replace("epochs = 8", "epochs = 40");
    let traced = format!("average_epochs = 3\ntrace = {{ epoch = 1, updates = 30, keep_weights = true }}\n{long}");
    for config in [CONFIG, &long, &traced] {
        let bench = Bench::new(config);
        for checkpoints in [1, 2, 3] {
            let mut child = bench.train_until(checkpoints);
            child.kill().unwrap();
            child.wait().unwrap();
            // Whatever it was writing: what counts is whole.
            let inspected = bench.run(&["inspect", bench.run_folder().to_str().unwrap()]);
            assert!(stdout(&inspected).contains("every checksum agrees"), "{}", stderr(&inspected));
        }
        assert!(!bench.run_folder().join("result.json").exists());
        let output = bench.train();
        assert!(output.status.success(), "{}", stderr(&output));
        assert_same(&bench.bits(), &undisturbed(config));
        let names = contents(&bench.run_folder()).into_iter().map(|(path, _)| path.display().to_string());
        assert_eq!(names.filter(|name| name.contains(".writing")).collect::<Vec<_>>(), Vec::<String>::new());
    }
}

#[test]
fn a_run_killed_as_soon_as_its_state_is_there_continues() {
    // The first state is written before the first step; what it names must be there by then.
    for _ in 0..3 {
        let bench = Bench::new(CNN_CONFIG);
        let mut child = bench.train_until(1);
        child.kill().unwrap();
        child.wait().unwrap();
        let output = bench.train();
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

#[test]
fn an_interrupt_ends_with_a_checkpoint_and_130_and_the_same_command_continues() {
    let bench = Bench::new(CONFIG);
    interrupt(&bench, 2);
    assert!(!bench.run_folder().join("result.json").exists());
    assert!(bench.train().status.success());
    assert_same(&bench.bits(), &undisturbed(CONFIG));
}

#[test]
fn a_full_disk_loses_no_earlier_checkpoint() {
    let bench = Bench::new(CONFIG);
    interrupt(&bench, 2);
    let checkpoint = bench.run_folder().join("checkpoint");
    let before = contents(&checkpoint);

    // Files may not grow past 8 KiB, too little for the weights; the write fails as on a full disk.
    let program = env!("CARGO_BIN_EXE_lookahead");
    let script = format!("trap '' XFSZ; ulimit -f 16; exec '{program}' train run.toml");
    let output = Command::new("sh").args(["-c", &script]).current_dir(bench.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("model.safetensors"), "{}", stderr(&output));
    assert!(contents(&checkpoint) == before, "the earlier checkpoint has changed");

    assert!(bench.train().status.success());
    assert_same(&bench.bits(), &undisturbed(CONFIG));
}

#[test]
fn a_line_of_metrics_that_was_cut_off_is_written_again() {
    let bench = Bench::new(CONFIG);
    interrupt(&bench, 8);
    let metrics = bench.run_folder().join("metrics.jsonl");
    let mut text = fs::read(&metrics).unwrap();
    text.extend(b"{\"epoch\":99,\"step\":");
    fs::write(&metrics, text).unwrap();
    assert!(bench.train().status.success());
    assert_same(&bench.bits(), &undisturbed(CONFIG));
}

#[test]
fn a_finished_run_is_not_done_again() {
    let bench = Bench::new(CNN_CONFIG);
    assert!(bench.train().status.success());
    let folder = bench.run_folder();
    let before = contents(&folder.join("checkpoint"));
    let result = fs::read(folder.join("result.json")).unwrap();
    assert!(bench.train().status.success());
    assert!(contents(&folder.join("checkpoint")) == before);
    assert_eq!(fs::read(folder.join("result.json")).unwrap(), result);
}

#[test]
fn what_a_killed_process_was_writing_into_a_report_is_removed() {
    let bench = Bench::new("");
    let sweep = "title = 'One'\n[run]\nepochs = 1\ndata = { name = 'made', train = 32, valid = 16 }\n\
                 optimizer.name = 'sgd'\nschedule.learning_rate = 0.1\n[[group]]\nlabel = 'SGD'\n[scale.smoke]\nseeds = 1\n";
    fs::write(bench.path().join("lr.toml"), sweep).unwrap();
    let run = |arguments: &[&str]| {
        let output = bench.run(&[&["run", "lr.toml", "--scale", "smoke"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    };
    run(&["--tensorboard"]);
    run(&["fig03_noisy_quadratic"]);
    let results = bench.path().join("results");
    let folders = ["lr_smoke", "lr_smoke/tensorboard/SGD-seed0", "fig03_noisy_quadratic_smoke"];
    let left = folders.map(|folder| results.join(folder).join(".writingAb3x"));
    left.iter().for_each(|path| fs::write(path, "cut o").unwrap());
    run(&["fig03_noisy_quadratic"]);
    left.iter().for_each(|path| assert!(!path.exists(), "{}", path.display()));
    assert!(left[1].parent().unwrap().is_dir(), "the events stay");
}
