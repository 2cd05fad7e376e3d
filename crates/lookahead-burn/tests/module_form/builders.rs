//! The rules are built like the core's, with no way round by `into()`; hyperparameters are a field of a Burn config.

use burn::config::Config;
use lookahead::{Alpha, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use lookahead_burn::{AdaFactor, Adam, AdamW, Error, Lookahead, Sgd};

#[test]
fn a_rule_is_built_like_the_cores() -> Result<(), Error> {
    let core = rules::Sgd::new().with_momentum(0.9)?.with_nesterov()?.with_weight_decay(5e-4)?;
    assert_eq!(Sgd::new().with_momentum(0.9)?.with_nesterov()?.with_weight_decay(5e-4)?, core.into());
    assert_eq!(Sgd::new().with_dampening(0.5)?, rules::Sgd::new().with_dampening(0.5)?.into());
    let core = rules::AdamW::new().with_betas(0.8, 0.9)?.with_epsilon(1e-6)?.with_weight_decay(0.1)?;
    assert_eq!(AdamW::new().with_betas(0.8, 0.9)?.with_epsilon(1e-6)?.with_weight_decay(0.1)?, core.into());
    let core = rules::Adam::new().with_betas(0.8, 0.9)?.with_epsilon(1e-6)?.with_weight_decay(0.1)?;
    assert_eq!(Adam::new().with_betas(0.8, 0.9)?.with_epsilon(1e-6)?.with_weight_decay(0.1)?, core.into());
    let core = rules::AdaFactor::new().with_beta2_decay(-0.5)?.with_clipping(2.0)?.with_smallest_scale(1e-2)?;
    let here = AdaFactor::new().with_beta2_decay(-0.5)?.with_clipping(2.0)?.with_smallest_scale(1e-2)?;
    assert_eq!(here.with_weight_decay(0.1)?, core.with_weight_decay(0.1)?.into());

    let refused = AdamW::new().with_betas(0.9, 1.0).err();
    assert!(matches!(&refused, Some(Error::Hyperparameter(lookahead::Error::OutOfRange { name: "beta2", .. }))));
    Ok(())
}

#[derive(Config, Debug)]
struct Training {
    lookahead: LookaheadConfig,
    #[config(default = 32)]
    batch_size: usize,
}

#[test]
fn hyperparameters_are_a_field_of_a_burn_config() -> Result<(), Error> {
    let lookahead = LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(10)?)
        .with_alpha(Alpha::new(0.8)?)
        .with_inner_state(InnerStatePolicy::Reset);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("training.json");
    Training::new(lookahead.clone()).with_batch_size(8).save(&file).expect("a file");
    let read = Training::load(&file).expect("what was saved");
    assert_eq!((&read.lookahead, read.batch_size), (&lookahead, 8));
    let _ = Lookahead::with_config(AdamW::new(), read.lookahead)?;

    let error = Training::load_binary(br#"{"lookahead": {"alpha": 0.0}, "batch_size": 8}"#).expect_err("no alpha");
    assert!(error.to_string().contains("alpha is 0, but must be above 0 and at most 1"), "{error}");
    Ok(())
}
