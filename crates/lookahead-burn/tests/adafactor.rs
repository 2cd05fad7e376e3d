//! AdaFactor on Burn tensors against the core's on slices: the same bits in place, to rounding by tensor operations.

mod device;

use burn::module::{Module, Param, ParamGroup};
use burn::optim::{GradientsParams, Optimizer as _};
use burn::tensor::{DType, Device, Tensor, TensorData};
use lookahead::{
    Alpha, Averaging, Grads, InnerStatePolicy, LookaheadConfig, Optimizer, ParamSet, SlowStorage, SyncPeriod, rules,
};
use lookahead_burn::{AdaFactor, Averaged, Error, InnerOptimizer, Lookahead, Record, RuleSet};

const STEPS: usize = 12;

fn rule() -> Result<rules::AdaFactor, lookahead::Error> {
    rules::AdaFactor::new().with_beta2_decay(-0.7)?.with_weight_decay(0.1)?.with_smallest_scale(1e-2)
}

fn values(length: usize, seed: usize) -> Vec<f64> {
    (0..length).map(|i| f64::from((((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5) * 2.0)).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: usize, dtype: DType) -> Tensor<D> {
    let values = values(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (&device::under_test(), dtype))
}

/// The weights after each step of the core's rule on a tensor of this shape.
fn on_slices<T: lookahead::Float>(shape: &[usize]) -> Result<Vec<Vec<f64>>, Error> {
    let narrow = |seed| values(shape.iter().product(), seed).into_iter().map(T::from_f64).collect::<Vec<T>>();
    let (rule, mut params) = (rule()?, ParamSet::new());
    params.push("tensor", shape, narrow(1))?;
    let mut state = rule.init(&params);
    let mut seen = Vec::new();
    for step in 0..STEPS {
        let grads = Grads::new(&params, [Some(narrow(10 + step))])?;
        rule.step(0.05, &mut params, &grads, &mut state);
        seen.push(params.slice(0).iter().map(|value| value.to_f64()).collect());
    }
    Ok(seen)
}

fn on_tensors<const D: usize>(shape: [usize; D], dtype: DType) -> Result<Vec<Vec<f64>>, Error> {
    let rule = AdaFactor::from(rule()?);
    let (mut weights, mut state, mut seen) = (tensor(shape, 1, dtype), None, Vec::new());
    for step in 0..STEPS {
        (weights, state) = rule.step(0.05, weights, tensor(shape, 10 + step, dtype), state);
        seen.push(weights.clone().into_data().iter::<f64>().collect());
    }
    Ok(seen)
}

fn compare<const D: usize>(shape: [usize; D]) -> Result<(), Error> {
    let (found, expected) = (on_tensors(shape, DType::F32)?, on_slices::<f32>(&shape)?);
    if device::under_test() == Device::flex() {
        assert_eq!(found, expected, "{shape:?} in place");
    } else {
        assert_near(shape, &found, &expected, 1e-5);
    }
    if device::under_test().supports_dtype(DType::F64) {
        assert_near(shape, &on_tensors(shape, DType::F64)?, &on_slices::<f64>(&shape)?, 1e-12);
    }
    Ok(())
}

fn assert_near<const D: usize>(shape: [usize; D], found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    for (step, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let near = (found - expected).abs() <= tolerance * (1e-2 + expected.abs());
            assert!(near, "{shape:?}, step {step}, element {i}: {found:e}, expected {expected:e}");
        }
    }
}

#[test]
fn a_step_is_that_of_the_core() -> Result<(), Error> {
    compare([1])?;
    compare([37])?;
    compare([1, 1])?;
    compare([300, 250])?;
    compare([5, 3, 4])?;
    compare([4, 3, 3, 3])
}

/// bf16 has the range of f32, and goes by tensor operations: the squares of 1e30 are in neither.
#[test]
fn weights_whose_squares_overflow_move_by_their_own_scale() {
    if !device::under_test().supports_dtype(DType::BF16) {
        return;
    }
    let rule = AdaFactor::new();
    let tensor = |value: f32| Tensor::<2>::full([2, 3], value, (&device::under_test(), DType::BF16));
    let values = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
    let (still, _) = rule.step(0.01, tensor(1e30), tensor(0.0), None);
    assert_eq!(values(still), values(tensor(1e30)));
    // rho max(epsilon_2, rms(theta)) u = 0.01 1e30 1: one hundredth, in 8 bits of mantissa
    let (moved, _) = rule.step(0.01, tensor(1e30), tensor(2.0), None);
    for value in values(moved) {
        assert!((value / 1e30 - 0.99).abs() < 5e-3, "{value:e}");
    }
}

/// A gradient as a convolution gives it: its values do not lie in order.
#[test]
fn a_strided_gradient_is_followed_in_its_order() {
    let step = |gradient: Tensor<2>| AdaFactor::new().step(0.05, tensor([8, 6], 1, DType::F32), gradient, None).0;
    let gradient = tensor([6, 8], 2, DType::F32);
    let in_order = Tensor::from_data(gradient.clone().transpose().into_data(), &device::under_test());
    step(gradient.transpose()).into_data().assert_eq(&step(in_order).into_data(), true);
}

#[derive(Module, Debug)]
struct Parameters {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
}

const MATRIX: [usize; 2] = [300, 500];

impl Parameters {
    fn new() -> Self {
        let param = device::under_test().autodiff();
        Self {
            matrix: Param::from_tensor(Tensor::from_data(tensor(MATRIX, 1, DType::F32).into_data(), &param)),
            vector: Param::from_tensor(Tensor::from_data(tensor([37], 2, DType::F32).into_data(), &param)),
        }
    }

    fn gradients(&self, step: usize) -> GradientsParams {
        let mut grads = GradientsParams::new();
        grads.register(self.matrix.id, tensor(MATRIX, step + 10, DType::F32));
        grads.register(self.vector.id, tensor([37], step + 20, DType::F32));
        grads
    }

    fn values(&self) -> [TensorData; 2] {
        [self.matrix.val().into_data(), self.vector.val().into_data()]
    }
}

fn config(policy: InnerStatePolicy) -> Result<LookaheadConfig, Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(4)?).with_alpha(Alpha::new(0.3)?);
    Ok(config.with_inner_state(policy))
}

/// What a step allocates is far less than a copy of the matrix, and so is the whole state.
#[test]
fn a_module_that_is_moved_in_is_not_copied() -> Result<(), Error> {
    if device::under_test() != Device::flex() {
        return Ok(()); // it counts what is allocated in host memory
    }
    for (policy, storage) in [
        (InnerStatePolicy::Maintain, SlowStorage::Full),
        (InnerStatePolicy::Interpolate, SlowStorage::Full),
        (InnerStatePolicy::Maintain, SlowStorage::Bf16 { seed: 3 }),
    ] {
        let config = config(policy)?.with_slow_storage(storage);
        let mut optimizer = Lookahead::with_config(AdaFactor::new(), config)?;
        let mut module = Some(Parameters::new());
        for step in 0..13 {
            let moved = module.take().expect("put back by the step before");
            let grads = moved.gradients(step);
            let used = allocation_counter::measure(|| module = Some(optimizer.step(0.05, moved, grads)));
            // the first step makes the slow weights
            let copy = (MATRIX[0] * MATRIX[1]) as u64;
            assert_eq!(used.bytes_total > copy, step == 0, "{policy:?}, {storage:?}, step {step}: {used:?}");
        }
    }
    Ok(())
}

fn assert_resumes<I: InnerOptimizer>(new: I) -> Result<(), Error> {
    for saved in [1, 4, 6] {
        let (mut optimizer, mut module) = (new.clone(), Parameters::new());
        for step in 0..saved {
            let grads = module.gradients(step);
            module = optimizer.advance(&0.05.into(), module, grads);
        }
        let record = Record::from_bytes(&optimizer.to_record(&module)?.to_bytes()?)?;
        let mut other = module.clone();
        let mut loaded = new.clone().load_record(&record, &other)?;
        for step in saved..saved + 9 {
            let (grads, other_grads) = (module.gradients(step), other.gradients(step));
            module = optimizer.advance(&0.05.into(), module, grads);
            other = loaded.advance(&0.05.into(), other, other_grads);
            assert!(module.values() == other.values(), "saved after {saved} steps, step {step}");
        }
        let evaluated = [&optimizer, &loaded]
            .map(|optimizer| optimizer.evaluation_weights(&module).map(|weights| weights.apply(&module).values()));
        assert!(evaluated[0] == evaluated[1], "saved after {saved} steps");
    }
    Ok(())
}

#[test]
fn a_saved_run_goes_on_with_the_same_bits() -> Result<(), Error> {
    let no_decay = ParamGroup::from_predicate("vector");
    let rules =
        || Ok::<_, Error>(RuleSet::new(AdaFactor::from(rule()?)).with_group(no_decay.clone(), AdaFactor::new()));
    assert_resumes(rules()?)?;
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let inner = Lookahead::around(rules()?, config(policy)?)?;
        let outer = config(policy)?.with_sync_period(SyncPeriod::new(8)?);
        assert_resumes(Lookahead::around(inner.clone(), outer)?)?;
        assert_resumes(Averaged::new(inner, Averaging::Running { start: 2 }))?;
    }
    Ok(())
}

/// With other hyperparameters, or for another rule.
#[test]
fn a_record_of_another_rule_is_refused() -> Result<(), Error> {
    let (mut optimizer, module) = (RuleSet::new(AdaFactor::new()), Parameters::new());
    let grads = module.gradients(0);
    let module = optimizer.step(0.05, module, grads);
    let other = RuleSet::new(AdaFactor::from(rule()?)).load_record(&optimizer.to_record(&module)?, &module).map(|_| ());
    assert!(matches!(other, Err(Error::OtherOptimizer { .. })), "{other:?}");
    Ok(())
}
