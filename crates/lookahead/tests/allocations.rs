//! What a step allocates: under any policy and in any nesting nothing, but for one small job for each further thread.

use std::sync::mpsc;

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{
    Alpha, Averaged, Averaging, EmaNesterov, Error, Gpa, Grads, InnerStatePolicy, Lookahead, LookaheadConfig,
    Optimizer, ParamSet, PrimalAveraged, ScheduleFree, SlowStorage, SyncPeriod, family,
};

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];
const STORAGES: [SlowStorage; 2] = [SlowStorage::Full, SlowStorage::Bf16 { seed: 3 }];
const SHAPES: [[usize; 2]; 3] = [[500, 300], [1, 1025], [0, 7]];

fn params() -> Result<ParamSet<'static, f32>, Error> {
    let mut params = ParamSet::new();
    for (index, shape) in SHAPES.into_iter().enumerate() {
        let value = |i: usize| ((i * 7919 + index) % 1009) as f32 / 1009.0 - 0.5;
        params.push(format!("tensor {index}"), shape, (0..shape[0] * shape[1]).map(value).collect::<Vec<_>>())?;
    }
    Ok(params)
}

fn config(k: u32, policy: InnerStatePolicy, storage: SlowStorage) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_alpha(Alpha::new(0.5)?);
    Ok(config.with_inner_state(policy).with_slow_storage(storage))
}

/// The bytes that each of `steps` steps allocates on the calling thread, the second tensor having no gradient in some.
fn bytes_of_steps<O: Optimizer<f32>>(optimizer: &O, steps: usize) -> Result<Vec<u64>, Error> {
    let mut params = params()?;
    let mut state = optimizer.init(&params);
    let gradients = params.to_vecs();
    let step = |step: usize| {
        let present =
            |(index, gradient): (usize, &'_ Vec<f32>)| (index != 1 || step.is_multiple_of(3)).then(|| gradient.clone());
        let grads = Grads::new(&params, gradients.iter().enumerate().map(present))?;
        Ok(allocation_counter::measure(|| optimizer.step(0.05, &mut params, &grads, &mut state)).bytes_total)
    };
    (0..steps).map(step).collect()
}

fn assert_nothing<O: Optimizer<f32> + std::fmt::Debug>(optimizer: O) -> Result<(), Error> {
    let bytes = bytes_of_steps(&optimizer, 13)?;
    // the first step may make buffers
    assert!(bytes.iter().skip(1).all(|&bytes| bytes == 0), "{optimizer:?} allocates {bytes:?} bytes");
    Ok(())
}

/// A tensor without a gradient around a Lookahead waits aside: two copies of it.
fn assert_little<O: Optimizer<f32> + std::fmt::Debug>(optimizer: O) -> Result<(), Error> {
    let bytes = bytes_of_steps(&optimizer, 13)?;
    let copies = (2 * SHAPES[1][1] * size_of::<f32>()) as u64;
    let (waits, steps): (Vec<_>, Vec<_>) = (1..13).partition(|step| step % 3 != 0);
    assert!(steps.iter().all(|&step| bytes[step] == 0), "{optimizer:?} allocates {bytes:?} bytes");
    assert!(waits.iter().all(|&step| bytes[step] < copies + 1024), "{optimizer:?} allocates {bytes:?} bytes");
    Ok(())
}

/// All optimizers of the tests below around a rule.
fn with_each_nesting<A: Optimizer<f32> + std::fmt::Debug + Copy>(rule: A) -> Result<(), Error> {
    assert_nothing(rule)?;
    assert_nothing(Averaged::new(rule, Averaging::Running { start: 2 }))?;
    assert_nothing(Averaged::new(rule, Averaging::exponential(0.9)?))?;
    assert_nothing(PrimalAveraged::new(rule, ScheduleFree::new()))?;
    assert_little(PrimalAveraged::new(Lookahead::new(rule), Gpa::new()))?;
    assert_little(EmaNesterov::new(Lookahead::new(rule)))?;
    assert_nothing(EmaNesterov::new(rule))?;
    assert_nothing(Lookahead::with_config(EmaNesterov::new(rule), config(2, POLICIES[0], STORAGES[0])?)?)?;
    let snoo = family::snoo().with_sync_period(SyncPeriod::new(2)?);
    assert_nothing(Lookahead::with_config(rule, snoo.clone())?)?;
    assert_nothing(Lookahead::with_config(Lookahead::with_config(rule, snoo)?, config(4, POLICIES[1], STORAGES[0])?)?)?;
    for (policy, storage) in POLICIES.into_iter().flat_map(|policy| STORAGES.map(|storage| (policy, storage))) {
        assert_nothing(Lookahead::with_config(rule, config(2, policy, storage)?)?)?;
        let averaged = Averaged::new(rule, Averaging::exponential(0.9)?);
        assert_nothing(Lookahead::with_config(averaged, config(4, policy, storage)?)?)?;
        for inside in POLICIES {
            let inner = Lookahead::with_config(rule, config(2, inside, storage)?)?;
            assert_nothing(Lookahead::with_config(inner, config(4, policy, storage)?)?)?;
        }
    }
    Ok(())
}

#[test]
fn a_step_on_one_thread_allocates_nothing() -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("a pool");
    pool.install(|| {
        with_each_nesting(Sgd::new())?;
        with_each_nesting(Sgd::new().with_momentum(0.9)?)?;
        with_each_nesting(Adam::new())?;
        with_each_nesting(AdamW::new())
    })
}

/// AdaFactor sums over rows and columns: it takes scratch for at most 16 sums a column, and for the blocks of a vector.
#[test]
fn ada_factor_allocates_its_sums() -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("a pool");
    let largest = pool.install(|| -> Result<u64, Error> {
        let mut largest = 0;
        for policy in POLICIES {
            let optimizer = Lookahead::with_config(AdaFactor::new(), config(2, policy, SlowStorage::Full)?)?;
            largest = bytes_of_steps(&optimizer, 9)?.into_iter().max().unwrap_or_default().max(largest);
        }
        Ok(largest)
    })?;
    let [_, width] = SHAPES[0];
    assert!(largest as usize <= 3 * 16 * width * size_of::<f32>(), "{largest} bytes");
    Ok(())
}

/// What both threads of a pool allocate in so many steps of large tensors.
fn bytes_on_two_threads<O: Optimizer<f32> + Sync>(optimizer: &O, steps: usize) -> Result<u64, Error>
where
    O::State: Send,
{
    let (sender, receiver) = mpsc::channel();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).spawn_handler(|thread| {
        let sender = sender.clone();
        std::thread::Builder::new().spawn(move || {
            let used = allocation_counter::measure(|| thread.run());
            sender.send(used.bytes_total).expect("the test waits for it");
        })?;
        Ok(())
    });
    let pool = pool.build().expect("a pool");
    let mut params = ParamSet::new();
    params.push("w", [300_000], vec![0.5_f32; 300_000])?;
    let mut state = optimizer.init(&params);
    let gradient = vec![0.25_f32; 300_000];
    let grads = Grads::new(&params, [Some(&gradient[..])])?;
    pool.install(|| (0..steps).for_each(|_| optimizer.step(0.05, &mut params, &grads, &mut state)));
    drop((pool, sender));
    Ok(receiver.iter().sum())
}

#[test]
fn a_step_on_two_threads_allocates_a_small_job() -> Result<(), Error> {
    fn check<A: Optimizer<f32> + Sync>(rule: A, policy: InnerStatePolicy) -> Result<(), Error>
    where
        A::State: Send,
    {
        let optimizer = Lookahead::with_config(rule, config(2, policy, SlowStorage::Full)?)?;
        let [few, many] = [20, 120].map(|steps| bytes_on_two_threads(&optimizer, steps));
        let a_step = (many?.saturating_sub(few?)) / 100;
        assert!(a_step <= 1024, "{policy:?}: {a_step} bytes a step");
        Ok(())
    }
    for policy in POLICIES {
        check(Sgd::new().with_momentum(0.9)?, policy)?;
        check(AdamW::new(), policy)?;
    }
    Ok(())
}

/// z, the mean, or m: 4 bytes a weight beside the inner optimizer.
#[test]
fn an_average_takes_one_copy_of_the_weights() -> Result<(), Error> {
    fn bytes(params: &ParamSet<'_, f32>, optimizer: &impl Optimizer<f32>) -> f64 {
        allocation_counter::measure(|| drop(optimizer.init(params))).bytes_max as f64 / 1e6
    }
    let mut params = ParamSet::new();
    params.push("w", [1_000_000], vec![0.0_f32; 1_000_000])?;
    let adam = bytes(&params, &AdamW::new());
    for (what, bytes, expected) in [
        ("Schedule-Free SGD", bytes(&params, &PrimalAveraged::new(Sgd::new(), ScheduleFree::new())), 4.0),
        ("GPA", bytes(&params, &PrimalAveraged::new(AdamW::new(), Gpa::new())) - adam, 4.0),
        ("EMA-Nesterov", bytes(&params, &EmaNesterov::new(AdamW::new())) - adam, 4.0),
        ("EMA", bytes(&params, &Averaged::new(AdamW::new(), Averaging::exponential(0.9)?)) - adam, 4.0),
    ] {
        assert!((bytes - expected).abs() < 0.02, "{what}: {bytes} bytes a weight");
    }
    Ok(())
}

/// 4 bytes a weight beside the inner optimizer, or 2; 4 more for each moment under "interpolate".
#[test]
fn lookahead_takes_one_copy_of_the_weights() -> Result<(), Error> {
    let mut params = ParamSet::new();
    params.push("w", [1_000_000], vec![0.0_f32; 1_000_000])?;
    let bytes = |optimizer: &dyn Fn(&ParamSet<'_, f32>)| allocation_counter::measure(|| optimizer(&params)).bytes_max;
    let rule = Sgd::new().with_momentum(0.9)?;
    let inner = bytes(&|params| drop(rule.init(params)));
    for (storage, policy, expected) in [
        (SlowStorage::Full, InnerStatePolicy::Maintain, 4.0),
        (SlowStorage::Bf16 { seed: 0 }, InnerStatePolicy::Maintain, 2.0),
        (SlowStorage::Full, InnerStatePolicy::Reset, 4.0),
        (SlowStorage::Full, InnerStatePolicy::Interpolate, 8.0),
    ] {
        let lookahead = Lookahead::with_config(rule, config(4, policy, storage)?)?;
        let more = (bytes(&|params| drop(lookahead.init(params))) - inner) as f64 / 1e6;
        assert!((more - expected).abs() < 0.02, "{more} bytes a weight with {storage:?}, {policy:?}");
    }
    // the slow weights and the momentum
    for family in [family::snoo(), family::muloco(), family::diloco(), family::slowmo()] {
        let lookahead = Lookahead::with_config(rule, family)?;
        let more = (bytes(&|params| drop(lookahead.init(params))) - inner) as f64 / 1e6;
        assert!((more - 8.0).abs() < 0.02, "{more} bytes a weight with {:?}", lookahead.config());
    }
    Ok(())
}
