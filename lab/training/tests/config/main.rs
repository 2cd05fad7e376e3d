//! The configuration: what is read and what is written back.

mod data;
mod family;
mod model;
mod overrides;
mod refusals;

use lookahead_data::config::DataSource;
use lookahead_models::config::{ModelConfig, NetworkConfig};
use lookahead_training::config::{
    AdaFactorConfig, AdamConfig, DecayConfig, OptimizerConfig, RunConfig, StepSizeConfig,
};

const SMALLEST: &str = "schedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n";

/// Every optional key and every choice occurs in one of these.
const VALID: [&str; 17] = [
    SMALLEST,
    "clip_norm = 0.25\nseed = 18446744073709551615\n[schedule]\nlearning_rate = 1\nname = 'cosine'\nfinal_fraction = 0.01
     [optimizer]\nname = 'lookahead'\nalpha = 1\nsync_period = 10\ninner = {name='adamw', weight_decay=0.1, epsilon=1e-5}",
    "[schedule]\nlearning_rate = 1e-300\nname = 'step'\nmilestones = [1, 4294967295]\nfactor = 0.1\nwarmup_steps = 3
     [optimizer]\nname = 'adam'\nbeta1 = 0\nbeta2 = 0.9999999999999999",
    "[schedule]\nlearning_rate = 0.30000000000000004\nname = 'plateau'\nfactor = 0.9\npatience = 2
     [optimizer]\nname='lookahead'\nadaptive.low = 0.3\nadaptive.curvature = 'root'\ninner.name='sgd'
     [model]\nname = 'cnn'\nchannels = [1, 2, 3]\nbatch_norm = false",
    "schedule.learning_rate = 0.1\noptimizer = {name = 'averaged', inner = {name = 'sgd', momentum = 0.9, nesterov = true}}
     data = {name = 'fashion_mnist', dir = 'a \"b\" \\ c', train_limit = 100, valid_limit = 10}",
    "schedule.learning_rate = 0.1\noptimizer = {name = 'averaged', kind='exponential', decay=0.5, inner.name='adam'}
     epochs = 1\nbatch_size = 2\nevaluate_every = 3\ncheckpoint_every = 4\ndevice = 'cpu'",
    "schedule.learning_rate = 0.1\noptimizer = {name = 'averaged', kind='non_monotonic', patience=7, inner.name='sgd'}
     stop_on_non_finite = false\nre_estimate_batch_norm = true\nmodel.hidden = []",
    "schedule.learning_rate = 0.1\n[optimizer]\nname='averaged'\nstart=9\n[optimizer.inner]\nname='lookahead'
     inner_state='reset'\nsync_period=6\n[optimizer.inner.inner]\nname='lookahead'\ninner_state='interpolate'\nsync_period=3
     [optimizer.inner.inner.inner]\nname='sgd'\nmomentum=0.5\ndampening=0.25\nweight_decay=1e-4",
    "schedule.learning_rate = 0.1\noptimizer.name = 'sgd'
     data = {name = 'image_folders', size = 64, on_corrupt = 'skip', dir = 'x.tar', augmentation = 'resized_crop_flip'}",
    "schedule.learning_rate = 0.1\noptimizer.name = 'sgd'\n[data]\nname = 'made'\nchannels = 4\nheight = 1024\nwidth = 1
     classes = 1000\ntrain = 262144\nvalid = 1\naugmentation = 'crop_flip'",
    "optimizer = {name = 'adafactor', beta2_decay = -1, clipping = 1.5, weight_decay = 0.1, smallest_scale = 1e-4}
     schedule = {learning_rate = 0.4, name = 'inverse_sqrt', width = 128, decay_from = 400, warmup_steps = 400}",
    "schedule = {learning_rate = 0.1, name = 'inverse_sqrt'}
     optimizer = {name = 'lookahead', slow_weights = 'bf16', inner = {name = 'adafactor'}}",
    "schedule.learning_rate = 0.1
     optimizer = {name = 'snoo', k = 10, first_sync = 5, eta = 0.8, mu = 0.75, restart_every = 4, inner_state = 'reset', \
     inner = {name = 'muloco', k = 5, inner = {name = 'sgd'}}}",
    "schedule.learning_rate = 0.1
     optimizer = {name = 'diloco', inner = {name = 'gpa', mu_x = 0.9, mu_y = 0.5, \
     inner = {name = 'slowmo', k = 4, inner = {name = 'adamw'}}}}",
    "schedule.learning_rate = 0.1
     optimizer = {name = 'averaged', kind = 'exponential', warm_up = 'power', initial_weights = true, \
     inner = {name = 'schedule_free', beta = 0.95, power = 1, rate_power = 0, warm_up = 100, weight_decay = 0.1, inner = {name = 'adamw', beta1 = 0}}}",
    "schedule.learning_rate = 0.1
     optimizer = {name = 'ema_nesterov', beta = 0.6, gamma = 0.9, prefill = 100, rest = 900, reference_rate = 0.1, \
     inner = {name = 'lookahead', inner = {name = 'ema_nesterov', inner = {name = 'adamw'}}}}",
    "\u{feff}schedule.learning_rate = 0.1\r\noptimizer.name = 'sgd'\r\noptimizer.momentum = -0.0\r\n",
];

fn parse(text: &str) -> RunConfig {
    RunConfig::parse(text, "run.toml").unwrap_or_else(|error| panic!("{error}\nin\n{text}"))
}

#[test]
fn defaults_are_those_of_the_paper_and_of_pytorch() {
    let config = parse("schedule.learning_rate = 0.1\noptimizer = { name = 'lookahead', inner.name = 'sgd' }");
    assert_eq!((config.seed, config.epochs.get(), config.batch_size.get()), (0, 20, 64));
    assert_eq!((config.evaluate_every.get(), config.checkpoint_every.get()), (1, 50));
    assert!(config.stop_on_non_finite && !config.re_estimate_batch_norm && config.clip_norm.is_none());
    assert_eq!(config.data.source, DataSource::Digits);
    assert_eq!(config.model, ModelConfig::Network(NetworkConfig::Mlp { hidden: vec![64.try_into().unwrap()] }));
    assert_eq!((config.schedule.decay, config.schedule.warmup_steps), (DecayConfig::Constant, 0));
    let OptimizerConfig::Lookahead(lookahead) = config.optimizer else { panic!("Lookahead was asked for") };
    assert_eq!(lookahead.sync_period.get(), 5);
    assert!(matches!(lookahead.step_size, StepSizeConfig::Alpha(alpha) if alpha.get() == 0.5));
    assert_eq!(lookahead.inner_state, lookahead::InnerStatePolicy::Maintain);
    let OptimizerConfig::Sgd(sgd) = *lookahead.inner else { panic!("SGD was asked for") };
    assert_eq!(sgd.rule().unwrap(), lookahead::rules::Sgd::new());
    assert_eq!(AdamConfig::ADAM.adam().unwrap(), lookahead::rules::Adam::new());
    assert_eq!(AdamConfig::ADAMW.adamw().unwrap(), lookahead::rules::AdamW::new());
    assert_eq!(AdaFactorConfig::DEFAULT.rule().unwrap(), lookahead::rules::AdaFactor::new());
}

#[test]
fn the_written_configuration_reads_as_the_same_one() {
    for text in VALID {
        let config = parse(text);
        let written = config.to_toml();
        let again = RunConfig::parse(&written, "written").unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, config, "{written}");
        assert_eq!(again.to_toml(), written);
        assert_eq!(again.id(), config.id());
    }
}

#[test]
fn the_written_configuration_holds_every_default() {
    let expected = r#"seed = 0
epochs = 20
batch_size = 64
evaluate_every = 1
checkpoint_every = 50
device = "cpu"
stop_on_non_finite = true
re_estimate_batch_norm = false
evaluate_fast = false

[data]
name = "digits"

[model]
name = "mlp"
hidden = [64]

[optimizer]
name = "lookahead"
sync_period = 5
alpha = 0.5
inner_state = "maintain"

[optimizer.inner]
name = "adamw"
beta1 = 0.9
beta2 = 0.999
epsilon = 0.00000001
weight_decay = 0.01

[schedule]
learning_rate = 0.1
warmup_steps = 0
name = "constant"
"#;
    let config = parse("schedule.learning_rate = 0.1\noptimizer = { name = 'lookahead', inner.name = 'adamw' }");
    assert_eq!(config.to_toml(), expected);
}

#[test]
fn the_id_depends_on_what_is_said_not_on_how() {
    let id = parse(SMALLEST).id();
    let same = [
        "optimizer.name = 'sgd'\nschedule.learning_rate = 1e-1",
        "# a comment\nseed = 0\n[schedule]\nname = \"constant\"\nlearning_rate = 0.10\n[optimizer]\nname = \"sgd\"",
        "schedule.learning_rate = 0.1\noptimizer = { name = 'sgd', momentum = -0.0 }\nepochs = 0x14",
    ];
    for text in same {
        assert_eq!(parse(text).id(), id, "{text}");
    }
    // A choice that came later is not written where it is the default.
    let lookahead = |key: &str| {
        parse(&format!("schedule.learning_rate = 1\noptimizer = {{name='lookahead', {key} inner.name='sgd'}}")).id()
    };
    assert_eq!(lookahead("slow_weights = 'full',"), lookahead(""));
    assert_ne!(lookahead("slow_weights = 'bf16',"), lookahead(""));
    // Where the data lies is not what the run is.
    let with_data = |dir: &str| parse(&format!("{SMALLEST}data = {{ name = 'cifar10'{dir} }}")).id();
    assert_eq!(with_data(", dir = 'here'"), with_data(""));
    // Nor is where it computes: it may go on elsewhere.
    assert_eq!(parse(&format!("{SMALLEST}device = 'cuda:1'")).id(), id);
    for line in ["seed = 1", "optimizer.momentum = 0.1", "data.train_limit = 5", "clip_norm = 1.0"] {
        assert_ne!(parse(&format!("{SMALLEST}{line}")).id(), id, "{line}");
    }
    // Pinned: a change here orphans the run folders that users have.
    assert_eq!(id, "5356bb7813e25f4c");
}

#[test]
fn labels_name_the_nesting() {
    let label =
        |optimizer: &str| parse(&format!("schedule.learning_rate = 1\noptimizer = {optimizer}")).optimizer.label();
    assert_eq!(label("{name='adamw'}"), "AdamW");
    assert_eq!(label("{name='lookahead', inner={name='adafactor'}}"), "Lookahead(AdaFactor)");
    assert_eq!(label("{name='lookahead', inner={name='sgd'}}"), "Lookahead(SGD)");
    assert_eq!(label("{name='averaged', inner={name='sgd'}}"), "Polyak(SGD)");
    assert_eq!(label("{name='averaged', kind='exponential', inner={name='adam'}}"), "EMA(Adam)");
    let nested = "{name='averaged', kind='non_monotonic', inner={name='lookahead', inner={name='sgd'}}}";
    assert_eq!(label(nested), "NT-ASGD(Lookahead(SGD))");
}

#[test]
fn files_are_read_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my run.toml");
    let missing = RunConfig::load(&path).unwrap_err();
    assert!(missing.to_string().contains("my run.toml"), "{missing}");
    std::fs::write(&path, SMALLEST).unwrap();
    assert_eq!(RunConfig::load(&path).unwrap(), parse(SMALLEST));
    std::fs::write(&path, "seed = x").unwrap();
    assert!(RunConfig::load(&path).unwrap_err().to_string().contains("my run.toml:1:8: not valid TOML: "));
    std::fs::write(&path, b"seed = 1 # \xff").unwrap();
    assert!(
        RunConfig::load(&path).unwrap_err().to_string().ends_with("my run.toml:1:12: not valid TOML: it is not UTF-8")
    );
}
