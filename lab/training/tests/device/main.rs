//! Runs on the device that `LOOKAHEAD_TEST_DEVICE` names, as `--device` does, beside the same on the processor: every kind of
//! network, and a run that moves from the one to the other and back.

use std::path::Path;

use lookahead_data::Data;
use lookahead_runs::{Measure, MetricsRow, RunResult, Stop};
use lookahead_training::Error;
use lookahead_training::config::{DeviceConfig, RunConfig};
use lookahead_training::run::{folder, run};
use lookahead_training::train::Observer;

/// Of losses, relative: what two devices' roundings add up to over a run of these. The CNN's convolutions have biases before
/// batch norm, whose gradients are rounding alone; AdamW makes steps of its full length of them.
fn tolerance(network: &str, optimizer: &str) -> f64 {
    if network == "CNN" && optimizer.contains("adamw") { 2e-2 } else { 2e-5 }
}

const OPTIMIZERS: [&str; 5] = [
    "optimizer={name='lookahead', sync_period=3, alpha=0.5, inner={name='sgd', momentum=0.9}}",
    "optimizer={name='lookahead', sync_period=3, alpha=0.5, inner_state='interpolate', inner={name='adamw'}}",
    "optimizer={name='lookahead', sync_period=3, adaptive={low=0.2}, inner={name='averaged', kind='exponential', \
     decay=0.9, inner={name='adamw'}}}",
    "optimizer={name='snoo', k=3, inner={name='adamw'}}",
    "optimizer={name='schedule_free', warm_up=5, inner={name='slowmo', k=2, inner_state='interpolate', inner={name='sgd', momentum=0.9}}}",
];

const NETWORKS: [(&str, &str); 5] = [
    ("MLP", "model = { name = 'mlp', hidden = [8] }"),
    ("CNN", "model = { name = 'cnn', channels = [4, 8] }"),
    ("ResNet", "model = { name = 'resnet', depth = 8, width = 4 }\nre_estimate_batch_norm = true"),
    (
        "AWD-LSTM",
        "data = { name = 'made_text', tokens = 1200, vocabulary = 20 }\n\
         model = { name = 'awd_lstm', layers = 2, hidden = 12, embedding = 8, sequence_length = 10 }\nclip_norm = 0.25",
    ),
    (
        "Transformer",
        "data = { name = 'made_pairs', train = 48, valid = 12, words = 20 }\nbatch_size = 128\n\
         model = { name = 'transformer', layers = 1, width = 16, heads = 2, feed_forward = 32 }\n\
         decoding = { longest_extra = 4 }",
    ),
];

fn config(network: &str, optimizer: &str) -> RunConfig {
    let images = "data = { name = 'made', channels = 1, height = 8, width = 8, classes = 4, train = 96, valid = 32 }\n";
    let data = if network.contains("data =") { "" } else { images };
    let batch = if network.contains("batch_size") { "" } else { "batch_size = 8\n" };
    let text = format!("epochs = 2\n{data}{batch}{network}\noptimizer.name = 'sgd'\nschedule.learning_rate = 0.01\n");
    let mut config = RunConfig::parse(&text, "run.toml").unwrap();
    config.set(optimizer).unwrap();
    config
}

fn under_test() -> DeviceConfig {
    std::env::var("LOOKAHEAD_TEST_DEVICE").map_or(DeviceConfig::CPU, |device| device.parse().expect("a device"))
}

/// Asks a run to stop behind a step.
struct StopBehind<'a>(u64, &'a Stop);

impl Observer for StopBehind<'_> {
    fn stepped(&mut self, step: u64) {
        if step == self.0 {
            self.1.ask();
        }
    }

    fn evaluated(&mut self, _row: &MetricsRow) {}
}

/// The run in its folder, on a device, to its end or to a step.
fn train(mut config: RunConfig, device: DeviceConfig, out: &Path, until: Option<u64>) -> Result<RunResult, Error> {
    config.device = device;
    let (data, stop) = (Data::load(&config.data)?, Stop::new());
    run(&config, &data, &folder(out, &config), &mut StopBehind(until.unwrap_or(u64::MAX), &stop), &stop)
}

fn assert_close((network, optimizer): (&str, &str), one: &RunResult, other: &RunResult) {
    let what = format!("{network}, {optimizer}");
    assert_eq!((one.steps, one.epochs), (other.steps, other.epochs), "{what}");
    for measure in [Measure::TrainLoss, Measure::ValidLoss] {
        let [one, other] = [one, other].map(|result| result.scores.get(measure).expect("a finite loss"));
        assert!((one / other - 1.0).abs() < tolerance(network, optimizer), "{what}: {measure:?} {one} and {other}");
    }
}

#[test]
fn every_network_trains_to_the_losses_of_the_processor() {
    for (name, network) in NETWORKS {
        for optimizer in OPTIMIZERS {
            let config = config(network, optimizer);
            let [near, far] = [under_test(), DeviceConfig::CPU].map(|device| {
                let out = tempfile::tempdir().unwrap();
                train(config.clone(), device, out.path(), None).unwrap()
            });
            assert_close((name, optimizer), &near, &far);
        }
    }
}

#[test]
fn a_run_that_moves_between_devices_goes_on() {
    for (name, network) in NETWORKS {
        let config = config(network, OPTIMIZERS[1]);
        let [straight, moving] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let expected = train(config.clone(), DeviceConfig::CPU, straight.path(), None).unwrap();
        for (device, until) in [(DeviceConfig::CPU, 2), (under_test(), 4), (DeviceConfig::CPU, 5)] {
            let stopped = train(config.clone(), device, moving.path(), Some(until));
            assert!(matches!(stopped, Err(Error::Interrupted)), "{name}: {stopped:?}");
        }
        let found = train(config, under_test(), moving.path(), None).unwrap();
        assert_close((name, OPTIMIZERS[1]), &found, &expected);
    }
}

#[test]
fn a_run_that_is_stopped_on_the_device_goes_on_to_the_same_bits() {
    for (name, network) in NETWORKS {
        let config = config(network, OPTIMIZERS[1]);
        let [straight, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let expected = train(config.clone(), under_test(), straight.path(), None).unwrap();
        for until in [1, 5] {
            let interrupted = train(config.clone(), under_test(), stopped.path(), Some(until));
            assert!(matches!(interrupted, Err(Error::Interrupted)), "{name}: {interrupted:?}");
        }
        let found = train(config, under_test(), stopped.path(), None).unwrap();
        assert_eq!(found.scores, expected.scores, "{name}");
    }
}
