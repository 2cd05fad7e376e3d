//! Runs on the device that `LOOKAHEAD_TEST_DEVICE` names, as `--device` does, beside the same on the processor: every kind of
//! network, and a run that moves from the one to the other and back.

#[path = "../networks/mod.rs"]
mod networks;

use std::path::Path;

use burn::tensor::{DType, Device};
use lookahead_data::Data;
use lookahead_models::Dropout;
use lookahead_runs::random::stream;
use lookahead_runs::{Measure, MetricsRow, Run, RunResult, Stop};
use lookahead_training::Error;
use lookahead_training::config::{DeviceConfig, RunConfig};
use lookahead_training::device::open;
use lookahead_training::run::{folder, run};
use lookahead_training::train::Observer;

use networks::{NETWORKS, with_data};

/// Of losses, relative: what two devices' roundings add up to over a run of these. The CNN's convolutions have biases before
/// batch norm, whose gradients are rounding alone; AdamW makes steps of its full length of them.
fn tolerance(network: &str, optimizer: &str) -> f64 {
    if network == "CNN" && optimizer.contains("adamw") { 2e-2 } else { 2e-5 }
}

const OPTIMIZERS: [&str; 6] = [
    "optimizer={name='lookahead', sync_period=3, alpha=0.5, inner={name='sgd', momentum=0.9}}",
    "optimizer={name='lookahead', sync_period=3, alpha=0.5, inner_state='interpolate', inner={name='adamw'}}",
    "optimizer={name='lookahead', sync_period=3, adaptive={low=0.2}, inner={name='averaged', kind='exponential', \
     decay=0.9, inner={name='adamw'}}}",
    "optimizer={name='snoo', k=3, inner={name='adamw'}}",
    "optimizer={name='schedule_free', warm_up=5, inner={name='slowmo', k=2, inner_state='interpolate', inner={name='sgd', momentum=0.9}}}",
    "optimizer={name='ema_nesterov', beta=0.6, gamma=0.9, prefill=2, inner={name='snoo', k=3, inner={name='adamw'}}}",
];

fn config(network: &str, optimizer: &str) -> RunConfig {
    let network = with_data(network);
    let text = format!("epochs = 2\n{network}optimizer.name = 'sgd'\nschedule.learning_rate = 0.01\n");
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
fn workers_train_to_the_losses_of_workers_on_the_processor() {
    let (name, network) = NETWORKS[0];
    for (optimizer, workers) in [
        (OPTIMIZERS[0], "workers={mode='slow-step', count=2}"),
        (OPTIMIZERS[3], "workers={mode='slow-step', count=2, wire='int8', delay=1}"),
        (OPTIMIZERS[0], "workers={mode='gradients', count=2}"),
    ] {
        let mut config = config(network, optimizer);
        config.set(workers).unwrap();
        let [near, far] = [under_test(), DeviceConfig::CPU].map(|device| {
            let out = tempfile::tempdir().unwrap();
            let stopped = train(config.clone(), device, out.path(), Some(3));
            assert!(matches!(stopped, Err(Error::Interrupted)), "{workers}: {stopped:?}");
            train(config.clone(), device, out.path(), None).unwrap()
        });
        assert_close((name, workers), &near, &far);
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

/// In f32 and, where a device has it, in half precision; the generator stands at the same place afterwards.
#[test]
fn masks_of_dropout_are_those_of_the_processor() {
    let device = open(under_test()).unwrap();
    let dtypes = [DType::F32, DType::F16, DType::BF16].into_iter().filter(|dtype| device.supports_dtype(*dtype));
    let tracked = device.clone().autodiff();
    let devices = [device.clone(), tracked.clone(), tracked.gradient_checkpointing()];
    for (dtype, on) in dtypes.flat_map(|dtype| devices.clone().map(|on| (dtype, on))) {
        let [found, expected] = [on, Device::flex()].map(|device| {
            let mut random = stream(1, "dropout", 2);
            let mut masks = Vec::new();
            for shape in [[3, 5, 7], [1, 1, 1], [2, 33, 4]] {
                let mask = Dropout::training(&mut random).mask(0.3, shape, (&device, dtype)).unwrap();
                assert_eq!((mask.dtype(), mask.is_autodiff()), (dtype, device.is_autodiff()));
                assert_eq!(mask.gradient_checkpointing_strategy(), device.gradient_checkpointing_strategy());
                masks.push(mask.into_data());
            }
            (masks, random.get_word_pos())
        });
        assert_eq!(found, expected, "{dtype:?}");
    }
}

/// Losses are looked at long after their steps: what is not finite is found late, and told of its own step.
#[test]
fn a_loss_that_is_no_number_is_told_of_its_step() {
    let (_, network) = NETWORKS[0];
    let mut config = config(network, "optimizer={name='sgd'}");
    config.set("schedule.learning_rate=1e30").unwrap();
    let [found, expected] = [under_test(), DeviceConfig::CPU].map(|device| {
        let out = tempfile::tempdir().unwrap();
        match train(config.clone(), device, out.path(), None) {
            Err(Error::NonFinite { step, .. }) => step,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(found, expected);
}

#[test]
fn the_environment_names_the_device() {
    let (_, network) = NETWORKS[0];
    let (config, out) = (config(network, OPTIMIZERS[0]), tempfile::tempdir().unwrap());
    train(config.clone(), under_test(), out.path(), Some(1)).unwrap_err();
    let environment = Run::read(&folder(out.path(), &config)).unwrap().environment;
    assert_eq!(environment["device"], under_test().to_string());
    let adapter = environment.get("adapter").map(|adapter| adapter["name"].as_str().unwrap().to_owned());
    assert_eq!(adapter.is_some_and(|name| !name.is_empty()), under_test() != DeviceConfig::CPU);
}
