//! Training in half precision on the processor: every kind of network, resume, and what is refused.

use burn::tensor::DType;
use lookahead_runs::Measure;
use lookahead_settings::ConfigError;
use lookahead_training::Error;
use lookahead_training::checkpoint::Checkpoint;
use lookahead_training::config::{Precision, RunConfig};
use lookahead_training::run::folder;

use crate::networks::{NETWORKS, with_data};
use crate::run::{config, train};

fn of(network: &str, precision: Precision) -> RunConfig {
    let network = with_data(network);
    let optimizer = "{ name = 'lookahead', sync_period = 3, inner_state = 'interpolate', inner = { name = 'adamw' } }";
    let precision = precision.name();
    config(&format!(
        "epochs = 2\nprecision = '{precision}'\n{network}optimizer = {optimizer}\n\
         schedule.learning_rate = 0.01\n"
    ))
}

fn losses(config: &RunConfig) -> [f64; 2] {
    let out = tempfile::tempdir().unwrap();
    let result = train(config, out.path(), None).unwrap();
    [Measure::TrainLoss, Measure::ValidLoss].map(|measure| result.scores.get(measure).expect("a finite loss"))
}

#[test]
fn every_network_trains_to_about_the_loss_of_f32() {
    for (name, network) in NETWORKS {
        let single = losses(&of(network, Precision::F32));
        for precision in [Precision::Bf16, Precision::F16] {
            let half = losses(&of(network, precision));
            for (half, single) in half.iter().zip(single) {
                assert!(*half != single, "{name} in {precision:?} is computed in f32");
                assert!((half / single - 1.0).abs() < 0.05, "{name} in {precision:?}: {half}, {single} in f32");
            }
        }
    }
}

#[test]
fn a_run_that_is_stopped_goes_on_to_the_same_bits() {
    for (name, network) in NETWORKS {
        for precision in [Precision::Bf16, Precision::F16] {
            let config = of(network, precision);
            let [straight, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
            let expected = train(&config, straight.path(), None).unwrap();
            // In the middle of a cycle, and behind one.
            for until in [2, 6] {
                let interrupted = train(&config, stopped.path(), Some(until));
                assert!(matches!(interrupted, Err(Error::Interrupted)), "{name}: {interrupted:?}");
            }
            assert_eq!(train(&config, stopped.path(), None).unwrap().scores, expected.scores, "{name}, {precision:?}");
        }
    }
}

#[test]
fn a_checkpoint_holds_half_precision_weights_batch_norm_in_f32_and_the_loss_scale() {
    for (precision, is_scaled) in [(Precision::F32, false), (Precision::Bf16, false), (Precision::F16, true)] {
        let (config, out) = (of(NETWORKS[2].1, precision), tempfile::tempdir().unwrap());
        train(&config, out.path(), Some(4)).unwrap_err();
        let checkpoint = Checkpoint::read(&folder(out.path(), &config)).unwrap().expect("a checkpoint");
        for (name, data) in &checkpoint.model {
            let is_norm = [".norm.", ".bn"].iter().any(|part| name.contains(part));
            let expected = if is_norm { DType::F32 } else { precision.dtype() };
            assert_eq!(data.dtype(), expected, "{name}");
        }
        assert_eq!(checkpoint.position.loss_scale.is_some_and(|scale| scale.scale() == 65536.0), is_scaled);
    }
}

/// 2^16 times these gradients is infinite: steps are skipped until the scale fits, and the run goes on.
#[test]
fn a_scale_that_is_too_large_for_a_run_halves() {
    let mut config = of(NETWORKS[0].1, Precision::F16);
    config.set("data.classes=2").unwrap();
    config.set("optimizer={name='lookahead', sync_period=3, inner={name='sgd'}}").unwrap();
    config.set("schedule.learning_rate=3").unwrap();
    let out = tempfile::tempdir().unwrap();
    train(&config, out.path(), Some(12)).unwrap_err();
    let checkpoint = Checkpoint::read(&folder(out.path(), &config)).unwrap().expect("a checkpoint");
    let scale = checkpoint.position.loss_scale.as_ref().expect("f16 is scaled");
    assert!(scale.skipped() > 0 && scale.scale() < 65536.0, "{scale:?}");
    assert_eq!((checkpoint.position.step, checkpoint.first_not_finite()), (12, None));
}

#[test]
fn the_precision_is_part_of_the_run_unless_it_is_f32() {
    let [f32, bf16, f16] = [Precision::F32, Precision::Bf16, Precision::F16].map(|p| of(NETWORKS[0].1, p));
    let mut plain = of(NETWORKS[0].1, Precision::Bf16);
    plain.set("precision=f32").unwrap();
    assert_eq!((plain.id(), plain.to_toml().contains("precision")), (f32.id(), false));
    assert!(f32.id() != bf16.id() && bf16.id() != f16.id() && f16.id() != f32.id());
    assert_eq!(RunConfig::parse(&f16.to_toml(), "config.toml").unwrap(), f16);
}

#[test]
fn what_half_precision_does_not_go_with_is_refused() {
    let refused = |precision: &str, more: &str| {
        let text = format!("precision = '{precision}'\nschedule.learning_rate = 0.1\n{more}");
        RunConfig::parse(&text, "run.toml").map_err(|error: ConfigError| error.to_string())
    };
    let sgd = "optimizer.name = 'sgd'";
    let trace = format!("{sgd}\ntrace = {{ epoch = 1, updates = 4 }}");
    let workers = format!("{sgd}\nworkers = {{ mode = 'gradients', count = 2 }}");
    let fresh = "optimizer = { name = 'lookahead', adaptive = { gradient = 'fresh' }, inner = { name = 'adam' } }";
    for (precision, more, expected) in [
        ("f64", sgd, "\"f32\" or \"bf16\" or \"f16\""),
        ("bf16", &trace, "\"f32\" beside trace"),
        ("f16", &workers, "\"f32\" beside workers"),
        ("f16", fresh, "\"f32\" or \"bf16\" beside adaptive.gradient"),
    ] {
        let error = refused(precision, more).unwrap_err();
        assert!(error.starts_with("run.toml:1:") && error.contains(expected), "{error}");
    }
    assert!(refused("bf16", fresh).is_ok() && refused("f32", &trace).is_ok() && refused("f32", &workers).is_ok());
}
