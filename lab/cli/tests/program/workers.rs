//! `--distributed` with workers that are threads of the program.

use std::fs;

use super::support::{Bench, stderr, stdout};

const RUN: &str = "epochs = 1\nbatch_size = 8\ndata = { name = 'digits', train_limit = 160, valid_limit = 60 }\n\
                   model = { name = 'mlp', hidden = [8] }\nschedule.learning_rate = 0.05\n\
                   optimizer = { name = 'lookahead', inner = { name = 'sgd' } }\n";

#[test]
fn a_run_says_who_was_slowest_and_keeps_the_configuration_of_its_workers() {
    let bench = Bench::new(RUN);
    let output = bench.run(&["train", "run.toml", "--distributed", "slow-step", "--workers", "3"]);
    assert!(output.status.success() && stderr(&output).contains("slowest worker"), "{}", stderr(&output));
    let folder = stdout(&output);
    let folder = folder.lines().find_map(|line| line.strip_prefix("run folder: ")).unwrap();
    let config = fs::read_to_string(bench.path().join(folder).join("config.toml")).unwrap();
    assert!(config.contains("[workers]\nmode = \"slow-step\"\ncount = 3\n"), "{config}");
}

#[test]
fn workers_that_cannot_be_are_refused_before_anything_is_written() {
    let bench = Bench::new(RUN);
    fs::write(
        bench.path().join("sweep.toml"),
        "title = 'One'\n[run]\nschedule.learning_rate = 0.05\noptimizer.name = 'sgd'\n[[group]]\nlabel = 'A'\n[scale.small]\nseeds = 1\n",
    )
    .unwrap();
    let other = "--set gives other workers than --distributed";
    let cases: [(&[&str], &str); 8] = [
        (&["train", "run.toml", "--workers", "2"], "--distributed <MODE>"),
        (&["train", "run.toml", "--distributed", "gradients"], "give --workers N for threads"),
        (&["train", "run.toml", "--distributed", "gradients", "--workers", "1025"], "from 1 to 1024"),
        (&["train", "run.toml", "--distributed", "gradients", "--workers", "2", "--set", "workers.count=3"], other),
        (
            &["train", "run.toml", "--distributed", "gradients", "--workers", "2", "--set", "workers.mode=slow-step"],
            other,
        ),
        (&["run", "sweep.toml", "--distributed", "gradients", "--workers", "2", "--set", "workers.count=3"], other),
        (&["run", "fig03_noisy_quadratic", "--distributed", "gradients", "--workers", "2"], "nothing is trained"),
        (&["run", "workers", "--distributed", "gradients", "--workers", "2"], "what the artifact itself sets"),
    ];
    for (arguments, expected) in cases {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
        assert!(!bench.path().join("results").exists(), "{arguments:?}");
    }
}
