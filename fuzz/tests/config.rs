//! The lab's reader of configurations: `RunConfig::parse`, and `set` for single keys.

use bolero::check;
use lookahead_fuzz::{damaged, edits};
use lookahead_training::config::RunConfig;

const ITERATIONS: usize = 20_000;

const VALID: &str = r#"
seed = 3
epochs = 10
batch_size = 32
clip_norm = 0.25
device = "cpu"

[data]
name = "digits"
train_limit = 100

[model]
name = "cnn"
channels = [8, 16]

[optimizer]
name = "lookahead"
sync_period = 10
adaptive = { low = 0.5, curvature = "root" }
inner_state = "interpolate"

[optimizer.inner]
name = "averaged"
kind = "exponential"
decay = 0.99
inner = { name = "lookahead", sync_period = 5, alpha = 0.8, inner = { name = "sgd", momentum = 0.9, nesterov = true } }

[schedule]
learning_rate = 0.1
name = "cosine"
"#;

#[test]
fn the_valid_configuration_is_valid() {
    RunConfig::parse(VALID, "run.toml").unwrap();
}

#[test]
fn any_text_as_a_configuration() {
    check!().with_iterations(ITERATIONS).for_each(|bytes| parse(&String::from_utf8_lossy(bytes)));
}

#[test]
fn a_damaged_configuration() {
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(edits())
        .for_each(|edits| parse(&String::from_utf8_lossy(&damaged(VALID.as_bytes(), edits))));
}

#[test]
fn a_damaged_override() {
    const OVERRIDES: [&str; 4] =
        ["optimizer.inner.inner.inner.momentum=0.8", "schedule.name=step", "data.train_limit=10", "model.channels=[4]"];
    let generator = (0..OVERRIDES.len(), edits());
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(generator)
        .for_each(|(which, edits)| set(&String::from_utf8_lossy(&damaged(OVERRIDES[*which].as_bytes(), edits))));
}

/// Either one line says what is wrong, and where, or the configuration survives being written and read.
fn parse(text: &str) {
    match RunConfig::parse(text, "run.toml") {
        Ok(config) => survives(&config),
        Err(error) => assert!(error.to_string().starts_with("run.toml:"), "{error}"),
    }
}

/// Either an error leaves everything as it was, or the new configuration survives being written and read.
fn set(change: &str) {
    let before = RunConfig::parse(VALID, "run.toml").unwrap();
    let mut after = before.clone();
    match after.set(change) {
        Ok(()) => survives(&after),
        Err(_) => assert_eq!(after, before),
    }
}

fn survives(config: &RunConfig) {
    let again = RunConfig::parse(&config.to_toml(), "config.toml").unwrap();
    assert_eq!((&again, again.id()), (config, config.id()));
}
