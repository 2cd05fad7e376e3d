//! How often the host waits for a device: counted in the log, which names each time.

mod device;
mod parameters;

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::optim::ModuleOptimizer;
use burn::tensor::{DType, Device};
use log::{LevelFilter, Log, Metadata, Record};
use lookahead::{Adaptive, InnerStatePolicy, LookaheadConfig, SyncPeriod};
use lookahead_burn::{AdamW, Error, Lookahead, LookaheadRule, clip_by_global_norm};

use parameters::Parameters;

const PERIOD: u32 = 3;
/// A device is asked for refused elements in every tenth sync.
const SYNCS_BETWEEN_LOOKS: usize = 10;
/// Tests of one process take turns: what they count is the process's.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

struct Waits(AtomicUsize);
static WAITS: Waits = Waits(AtomicUsize::new(0));

impl Log for Waits {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "lookahead_burn::waits"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

/// The number of times that `work` waits for the device.
fn waits_in(work: impl FnOnce()) -> usize {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&WAITS).expect("the only logger");
        log::set_max_level(LevelFilter::Trace);
    });
    let before = WAITS.0.load(Ordering::Relaxed);
    work();
    WAITS.0.load(Ordering::Relaxed) - before
}

/// Whether the device under test goes on while the host does.
fn is_later() -> bool {
    device::under_test() != Device::flex()
}

fn config() -> LookaheadConfig {
    LookaheadConfig::new().with_sync_period(SyncPeriod::new(PERIOD).expect("a period"))
}

fn module() -> Parameters {
    let mut module = Parameters::new();
    module.push(&[3], &[1.0, 2.0, 3.0], DType::F32);
    module.push(&[2, 2], &[4.0, 3.0, 2.0, 1.0], DType::F32);
    module
}

fn gradients(module: &Parameters, middle: f64) -> burn::optim::GradientsParams {
    module.gradients(&[Some(vec![1.0, middle, -1.0]), Some(vec![0.5, -0.5, 0.25, 1.0])])
}

/// Steps of twice as many syncs as lie between two looks.
fn train(mut step: impl FnMut(Parameters) -> Parameters) {
    let mut module = module();
    for _ in 0..2 * SYNCS_BETWEEN_LOOKS * PERIOD as usize {
        module = step(module);
    }
}

#[test]
fn only_every_tenth_sync_waits() -> Result<(), Error> {
    let _turn = TURN.lock();
    let policies = [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
    let fixed = policies.map(|policy| config().with_inner_state(policy));
    let adaptive = config().with_adaptive_alpha(Adaptive::default());
    for config in fixed.into_iter().chain([adaptive]) {
        let mut optimizer = Lookahead::with_config(AdamW::new(), config.clone())?;
        let waits = waits_in(|| {
            train(|module| {
                let grads = gradients(&module, 1.0);
                let grads = clip_by_global_norm(&module, grads, 0.5).expect("a norm").grads;
                optimizer.step(0.1, module, grads)
            });
        });
        assert_eq!(waits, if is_later() { 2 } else { 0 }, "{config:?}");
        let asked = waits_in(|| _ = (optimizer.refused(), optimizer.last_sync()));
        assert_eq!(asked > 0, is_later(), "{config:?}");
    }
    Ok(())
}

#[test]
fn a_rule_waits_for_each_parameter_in_every_tenth_sync() -> Result<(), Error> {
    let _turn = TURN.lock();
    let mut optimizer: ModuleOptimizer = LookaheadRule::with_config(AdamW::new(), config())?.into();
    let waits = waits_in(|| {
        train(|module| {
            let grads = gradients(&module, 1.0);
            optimizer.step(0.1, module, grads)
        });
    });
    assert_eq!(waits, if is_later() { 4 } else { 0 });
    Ok(())
}

#[test]
fn what_was_refused_is_found_in_the_tenth_sync_however_often_the_run_is_resumed() -> Result<(), Error> {
    let _turn = TURN.lock();
    let fresh = || Lookahead::with_config(AdamW::new(), config());
    let mut whole = (fresh()?, module());
    let mut resumed = (fresh()?, module());
    for step in 0..2 * SYNCS_BETWEEN_LOOKS * PERIOD as usize {
        let middle = if step == 7 { f64::NAN } else { 1.0 };
        for (optimizer, module) in [&mut whole, &mut resumed] {
            let grads = gradients(module, middle);
            *module = optimizer.step(0.1, std::mem::replace(module, Parameters::new()), grads);
        }
        let record = resumed.0.to_record(&resumed.1)?;
        resumed.0 = fresh()?.load_record(&record, &resumed.1)?;
        assert!(whole.0.slow_model(&whole.1).values().into_iter().flatten().all(f64::is_finite), "step {step}");
    }
    // NaN stays in the moments until the inner state is reset: at once where the host computes.
    let cycles = if is_later() { SYNCS_BETWEEN_LOOKS - 2 } else { 1 };
    assert_eq!(whole.0.refused(), cycles as u64);
    assert_eq!(whole.0.refused(), resumed.0.refused());
    assert_eq!(whole.1.values(), resumed.1.values());
    Ok(())
}
