//! What several workers do not do is refused by name, before any work.

use lookahead_training::config::RunConfig;

use super::{LOOKAHEAD, RUN, config, done, with_workers};

fn refused(optimizer: &str, workers: &str, expected: &str) {
    let text = format!("{RUN}{optimizer}\n[workers]\n{workers}\n");
    let error = RunConfig::parse(&text, "run.toml").unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn configurations() {
    let slow = "mode = 'slow-step'\ncount = 2";
    let with = |more: &str| LOOKAHEAD.replace("inner =", &format!("{more}\ninner ="));
    refused(
        "[optimizer]\nname = 'sgd'",
        slow,
        "`workers.mode` is \"slow-step\", but must be \"gradients\" with SGD: it has no outer step",
    );
    refused("[optimizer]\nname = 'averaged'\nkind = 'exponential'\ninner = { name = 'sgd' }", slow, "EMA(SGD)");
    refused(&with("adaptive = {}"), slow, "takes no adaptive alpha");
    refused(&with("slow_weights = 'bf16'"), slow, "takes no slow weights in bf16");
    refused(&with("inner_state = 'reset'"), slow, "takes no inner state that is reset or interpolated");
    refused(&with("adaptive = { gradient = 'fresh' }"), "mode = 'gradients'\ncount = 2", "fresh gradient");
    refused(
        LOOKAHEAD,
        "mode = 'slow-step'\ncount = 2\ndelay = 5",
        "`workers.delay` is 5, but must be below 5, the steps of the shortest cycle",
    );
    refused(LOOKAHEAD, "mode = 'gradients'\ncount = 2\nwire = 'int8'", "beside mode = \"gradients\"");
    refused(LOOKAHEAD, "mode = 'slow_step'\ncount = 2", "did you mean `slow-step`");
    refused(LOOKAHEAD, "mode = 'slow-step'\ncount = 0", "`workers.count` is 0");
    refused(LOOKAHEAD, "mode = 'slow-step'", "`workers.count` is missing");
    refused(&format!("[trace]\n{LOOKAHEAD}"), slow, "only a run of one worker is traced");
}

#[test]
fn ids_are_of_the_workers() {
    let text = format!("{RUN}{LOOKAHEAD}");
    let alone = config(&text);
    assert!(!alone.to_toml().contains("workers"));
    let two = with_workers(&text, "mode = 'slow-step'\ncount = 2");
    assert_eq!(RunConfig::parse(&two.to_toml(), "config.toml").unwrap(), two);
    assert_eq!(with_workers(&text, "mode = 'slow-step'\ncount = 2\ndelay = 0\nwire = 'full'").id(), two.id());
    let others =
        ["mode = 'slow-step'\ncount = 3", "mode = 'gradients'\ncount = 2", "mode = 'slow-step'\ncount = 2\ndelay = 1"];
    let ids = others.map(|workers| with_workers(&text, workers).id());
    assert!(ids.iter().chain([&alone.id()]).all(|id| *id != two.id()));
}

#[test]
fn fewer_examples_than_workers() {
    let text = format!("{RUN}{LOOKAHEAD}").replace("train_limit = 290", "train_limit = 10");
    let config = with_workers(&text, "mode = 'slow-step'\ncount = 11");
    let folder = tempfile::tempdir().unwrap();
    let error = done(&config, folder.path(), u64::MAX).unwrap_err().to_string();
    assert_eq!(error, "10 training images are too few for 11 workers: each needs one");
}

#[test]
fn another_number_of_workers_is_another_run() {
    let text = format!("{RUN}{LOOKAHEAD}");
    let folder = tempfile::tempdir().unwrap();
    let of = |count: u32| with_workers(&text, &format!("mode = 'slow-step'\ncount = {count}"));
    assert!(done(&of(2), folder.path(), 8).is_err());
    let error = done(&of(3), folder.path(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains("this belongs to run"), "{error}");
}
