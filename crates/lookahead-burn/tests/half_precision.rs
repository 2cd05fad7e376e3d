//! Models in half precision: their slow weights are f32, so that moves smaller than a half-precision step add up.

mod device;
mod parameters;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, bf16, f16};
use lookahead::{
    Adaptive, Alpha, Averaging, InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, SyncPeriod,
};
use lookahead_burn::{
    Adam, Averaged, Error, InnerOptimizer, Lookahead, LookaheadRule, Record, RuleSet, Sgd, Weights,
    slow_model_from_record,
};

use parameters::Parameters;

/// The half precisions that the device has.
fn halves() -> impl Iterator<Item = DType> {
    [DType::F16, DType::BF16].into_iter().filter(|dtype| device::under_test().supports_dtype(*dtype))
}

fn rounded(dtype: DType, value: f32) -> f32 {
    if dtype == DType::F16 { f16::from_f32(value).to_f32() } else { bf16::from_f32(value).to_f32() }
}

/// The distance of 1 from the next larger number.
fn unit(dtype: DType) -> f32 {
    if dtype == DType::F16 { f16::EPSILON.to_f32() } else { bf16::EPSILON.to_f32() }
}

fn config(k: u32, alpha: f64) -> Result<LookaheadConfig, Error> {
    Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_alpha(Alpha::new(alpha)?))
}

fn module(dtype: DType, values: &[f64]) -> Parameters {
    let mut module = Parameters::new();
    module.push(&[values.len()], values, dtype);
    module
}

fn step(optimizer: &mut impl InnerOptimizer, module: Parameters, gradient: &[f32]) -> Parameters {
    let gradient = gradient.iter().map(|&value| value.into()).collect();
    let grads = module.gradients(&[Some(gradient)]);
    optimizer.advance(&1.0.into(), module, grads)
}

/// The weights of a module of one vector, which are f32.
fn single(weights: &Weights, module: &Parameters) -> Vec<f32> {
    struct Read<'a>(&'a Weights, Vec<f32>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor: Tensor<D> = self.0.get(param.id).expect("weights of every parameter");
            assert_eq!(tensor.dtype(), DType::F32);
            self.1.extend(tensor.into_data().iter::<f32>());
        }
    }
    let mut read = Read(weights, Vec::new());
    module.visit(&mut read);
    read.1
}

fn slow_values(optimizer: &Lookahead<RuleSet<Sgd>>, module: &Parameters) -> Vec<f32> {
    single(&optimizer.slow(), module)
}

/// Each cycle moves theta by one unit and phi by a tenth of it, which half precision would round away every time.
#[test]
fn small_moves_add_up() -> Result<(), Error> {
    for dtype in halves() {
        let unit = unit(dtype);
        let mut optimizer = Lookahead::with_config(Sgd::new(), config(1, 0.125)?)?;
        let mut module = module(dtype, &[1.0, 1.0]);
        let mut phi = [1.0_f32, 1.0];
        for cycle in 0..100 {
            // the second element has a gradient of zero, and stays
            module = step(&mut optimizer, module, &[-unit, 0.0]);
            let theta = rounded(dtype, phi[0]) + unit;
            phi[0] -= 0.125 * (phi[0] - theta);
            assert_eq!(slow_values(&optimizer, &module), phi, "{dtype:?}, cycle {cycle}");
            // theta = the half-precision number nearest to phi, and that is what is evaluated
            let fast = phi.map(|phi| f64::from(rounded(dtype, phi)));
            assert_eq!(module.values(), [fast], "{dtype:?}, cycle {cycle}");
            assert_eq!(optimizer.slow_model(&module).values(), [fast], "{dtype:?}, cycle {cycle}");
        }
        assert!(phi[0] > 1.0 + 10.0 * unit, "{dtype:?}: {phi:?}");
    }
    Ok(())
}

/// An outer momentum carries phi beyond the range of f16, with and without a kernel for the sync.
#[test]
fn what_half_precision_has_no_number_for_keeps_its_slow_weight() -> Result<(), Error> {
    if !halves().any(|dtype| dtype == DType::F16) {
        return Ok(());
    }
    let outer = OuterStep::nesterov(OuterRate::new(1.0)?, OuterMomentum::new(0.9)?);
    let config = config(1, 0.5)?.with_outer_step(outer);
    for on_host in [false, true] {
        let mut optimizer = Lookahead::with_config(Sgd::new(), config.clone())?;
        if on_host {
            optimizer = optimizer.with_slow_weights_on_host();
        }
        let mut module = module(DType::F16, &[64992.0, 1.0]);
        // 64992 + 1.9 * 480 is more than the largest number of f16, 65504
        module = step(&mut optimizer, module, &[-480.0, -0.25]);
        assert_eq!(module.values(), [[64992.0, f64::from(rounded(DType::F16, 1.475))]]);
        assert_eq!(slow_values(&optimizer, &module)[0], 64992.0);
        assert_eq!(optimizer.refused(), 1);
        // and goes on from there, its momentum begun anew
        module = step(&mut optimizer, module, &[32.0, 0.0]);
        assert!((slow_values(&optimizer, &module)[0] - (64992.0 - 1.9 * 32.0)).abs() < 0.01);
    }
    Ok(())
}

/// Without a gradient nothing moves, though phi and theta differ by rounding; and a record holds phi as it is.
#[test]
fn rounding_alone_moves_nothing() -> Result<(), Error> {
    for dtype in halves() {
        let new = || Lookahead::with_config(Sgd::new(), config(2, 0.3)?);
        let (mut optimizer, mut module) = (new()?, module(dtype, &[1.0, 0.7]));
        for _ in 0..2 {
            module = step(&mut optimizer, module, &[0.11, -0.07]);
        }
        let (slow, fast) = (slow_values(&optimizer, &module), module.values());
        assert!(slow.iter().zip(&fast[0]).any(|(slow, fast)| f64::from(*slow) != *fast), "rounding shows");
        let record = Record::from_bytes(&optimizer.to_record(&module)?.to_bytes()?)?;
        let mut loaded = new()?.load_record(&record, &module)?;
        for frozen in [false, true] {
            for _ in 0..4 {
                if frozen {
                    module = module.no_grad();
                }
                let grads = module.gradients(&[None]);
                module = loaded.step(1.0, module, grads);
                assert_eq!((slow_values(&loaded, &module), module.values()), (slow.clone(), fast.clone()));
            }
        }
    }
    Ok(())
}

/// The per-parameter form keeps the same slow weights.
#[test]
fn both_forms_move_the_same_bits() -> Result<(), Error> {
    for dtype in halves() {
        for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
            let config = || Ok::<_, Error>(config(3, 0.3)?.with_inner_state(policy));
            let mut module_form = Lookahead::with_config(Adam::new(), config()?)?;
            let mut rule_form = burn::optim::ModuleOptimizer::from(LookaheadRule::with_config(Adam::new(), config()?)?);
            let [mut a, mut b] = [module(dtype, &[1.0, -0.7]), module(dtype, &[1.0, -0.7])];
            for number in 0..11 {
                let gradient = vec![f64::from(number % 4) - 1.5, 0.5];
                let grads = a.gradients(&[Some(gradient.clone())]);
                a = module_form.step(0.01, a, grads);
                let grads = b.gradients(&[Some(gradient)]);
                b = rule_form.step(0.01, b, grads);
                assert_eq!(a.values(), b.values(), "{dtype:?}, {policy:?}, after step {number}");
                let slow = slow_model_from_record(&b, rule_form.to_record())?;
                assert_eq!(module_form.slow_model(&a).values(), slow.values());
            }
        }
    }
    Ok(())
}

/// A mean of many steps, and the averages of an adaptive alpha, need as much.
#[test]
fn averages_are_single_precision_too() -> Result<(), Error> {
    for dtype in halves() {
        let unit = unit(dtype);
        let mut optimizer = Averaged::new(RuleSet::new(Sgd::new()), Averaging::Running { start: 0 });
        let mut module = module(dtype, &[1.0]);
        let (mut theta, mut sum) = (1.0, 0.0);
        for _ in 0..300 {
            module = step(&mut optimizer, module, &[-unit]);
            theta = rounded(dtype, theta + unit);
            sum += f64::from(theta);
        }
        assert_eq!(module.values(), [[f64::from(theta)]]);
        let mean = single(&optimizer.evaluation_weights(&module).expect("a mean"), &module);
        assert!((f64::from(mean[0]) - sum / 300.0).abs() < 1e-5, "{dtype:?}: {mean:?}, not {}", sum / 300.0);

        let config = config(2, 0.5)?.with_adaptive_alpha(Adaptive::default());
        let mut optimizer = Lookahead::with_config(Sgd::new(), config.clone())?;
        let mut module = self::module(dtype, &[1.0, 2.0]);
        for _ in 0..4 {
            module = step(&mut optimizer, module, &[0.25, 0.5]);
        }
        assert!(optimizer.last_sync().is_some_and(|sync| sync.alpha.get().is_finite()));
        let loaded = Lookahead::with_config(Sgd::new(), config)?;
        loaded.load_record(&optimizer.to_record(&module)?, &module)?;
    }
    Ok(())
}

/// epsilon = 1e-8 and the square of a small gradient are 0 in f16: what Adam divides by is computed in f32.
#[test]
fn adam_takes_gradients_of_zero_and_small_ones() -> Result<(), Error> {
    for dtype in halves() {
        let mut optimizer = Lookahead::with_config(Adam::new(), config(5, 0.5)?)?;
        let mut module = module(dtype, &[1.0, 1.0, 1.0]);
        let mut expected = Lookahead::with_config(Adam::new(), config(5, 0.5)?)?;
        let mut single = self::module(DType::F32, &[1.0, 1.0, 1.0]);
        let gradient = [0.0, 1e-4, -3.0].map(|value| rounded(dtype, value));
        for number in 0..5 {
            let grads = module.gradients(&[Some(gradient.map(f64::from).to_vec())]);
            module = optimizer.step(1.0 / 64.0, module, grads);
            let grads = single.gradients(&[Some(gradient.map(f64::from).to_vec())]);
            single = expected.step(1.0 / 64.0, single, grads);
            let (found, wanted) = (&module.values()[0], &single.values()[0]);
            assert_eq!(found[0], 1.0, "{dtype:?}, after step {number}: a gradient of zero moves nothing");
            for (found, wanted) in found.iter().zip(wanted) {
                // each step and the sync round once, by half a unit of numbers up to 2
                let tolerance = f64::from(unit(dtype)) * 6.0;
                assert!((found - wanted).abs() <= tolerance, "{dtype:?}, after step {number}: {found}, not {wanted}");
            }
        }
        let record = Record::from_bytes(&optimizer.to_record(&module)?.to_bytes()?)?;
        Lookahead::with_config(Adam::new(), config(5, 0.5)?)?.load_record(&record, &module)?;
    }
    Ok(())
}
