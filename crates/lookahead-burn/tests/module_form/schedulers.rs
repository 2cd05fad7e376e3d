//! Burn's learning-rate schedulers reach the rule inside, at once and after a load.

use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::noam::NoamLrSchedulerConfig;
use burn::lr_scheduler::step::StepLrSchedulerConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use lookahead::InnerStatePolicy;
use lookahead_burn::{Error, InnerOptimizer, Lookahead, Sgd};

use crate::{vectors, with_policy};

const K: u64 = 4;

/// A gradient of 1 under plain SGD shows the learning rate: theta moves by it, pull-backs aside.
fn assert_followed<I: InnerOptimizer>(
    new: impl Fn() -> Result<I, Error>,
    scheduler: impl Fn() -> ModuleLrScheduler,
) -> Result<(), Error> {
    let (mut optimizer, mut used, mut expected) = (new()?, scheduler(), scheduler());
    let mut module = vectors(&[&[0.0]]);
    for step in 0..3 * K {
        if step == K + 2 {
            optimizer = new()?.load_record(&optimizer.to_record(&module)?, &module)?;
            used = scheduler().load_record(used.to_record());
        }
        let before = module.values()[0][0] as f32;
        let grads = module.gradients(&[Some(vec![1.0])]);
        module = optimizer.advance(&used.step(), module, grads);
        let lr = expected.step().base() as f32;
        if step % K != K - 1 {
            assert_eq!(module.values()[0][0] as f32, before - lr, "step {step} with learning rate {lr}");
        }
    }
    Ok(())
}

fn assert_schedulers_followed<I: InnerOptimizer>(new: impl Fn() -> Result<I, Error>) -> Result<(), Error> {
    assert_followed(&new, || CosineAnnealingLrSchedulerConfig::new(0.5, 7).init().expect("a scheduler"))?;
    assert_followed(&new, || StepLrSchedulerConfig::new(0.5, 3).with_gamma(0.5).init().expect("a scheduler"))?;
    assert_followed(&new, || {
        NoamLrSchedulerConfig::new(0.1).with_warmup_steps(5).with_model_size(16).init().expect("a scheduler")
    })
}

#[test]
fn schedulers_reach_our_rules() -> Result<(), Error> {
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        assert_schedulers_followed(|| Lookahead::with_config(Sgd::new(), with_policy(K as u32, 0.5, policy)))?;
    }
    Ok(())
}

#[test]
fn schedulers_reach_a_nested_lookahead() -> Result<(), Error> {
    let config = |k| with_policy(k, 0.5, InnerStatePolicy::Maintain);
    assert_schedulers_followed(|| {
        Lookahead::around(Lookahead::with_config(Sgd::new(), config(K as u32))?, config(2 * K as u32))
    })
}

#[test]
fn schedulers_reach_a_module_optimizer() -> Result<(), Error> {
    assert_schedulers_followed(|| {
        let sgd: ModuleOptimizer = SgdConfig::new().init();
        Lookahead::from_module_optimizer(sgd, with_policy(K as u32, 0.5, InnerStatePolicy::Reset))
    })
}
