//! Loss scaling: which gradients come through, which steps are skipped, and how the scale follows.

mod device;
mod parameters;

use std::num::NonZeroU32;

use burn::module::{ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, FloatDType, Tensor};
use lookahead_burn::{Adam, Error, InnerOptimizer, Lookahead, LossScale, RuleSet, Sgd};

use parameters::Parameters;

fn module(dtype: DType, values: &[f64]) -> Parameters {
    let mut module = Parameters::new();
    module.push(&[values.len()], values, dtype);
    module
}

/// The gradients of the module's one vector.
fn values(module: &Parameters, grads: &GradientsParams) -> (DType, Vec<f64>) {
    struct Read<'a>(&'a GradientsParams, Option<(DType, Vec<f64>)>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("a gradient");
            self.1 = Some((gradient.dtype(), gradient.into_data().iter().collect()));
        }
    }
    let mut read = Read(grads, None);
    burn::module::Module::visit(module, &mut read);
    read.1.expect("a parameter")
}

/// The gradients of `2^-30 sum(theta)`.
fn small_gradients(module: &Parameters, scale: Option<&LossScale>) -> GradientsParams {
    let parameters::Parameter::Vector(param) = &module.list[0] else { panic!("a vector") };
    let loss = param.val().cast(FloatDType::F32).sum() * 2_f64.powi(-30);
    let loss = scale.map_or(loss.clone(), |scale| scale.scaled(loss));
    GradientsParams::from_grads(loss.backward(), module)
}

#[test]
fn a_gradient_too_small_for_f16_comes_through() -> Result<(), Error> {
    if !device::under_test().supports_dtype(DType::F16) {
        return Ok(());
    }
    let module = module(DType::F16, &[1.0, 2.0]);
    assert_eq!(values(&module, &small_gradients(&module, None)), (DType::F16, vec![0.0; 2]), "2^-30 is 0 in f16");
    let mut scale = LossScale::new();
    let grads = small_gradients(&module, Some(&scale));
    let grads = scale.unscaled(&module, grads)?.expect("finite gradients");
    assert_eq!(values(&module, &grads), (DType::F32, vec![2_f64.powi(-30); 2]));
    Ok(())
}

#[test]
fn steps_on_f32_gradients_of_half_modules_are_those_on_half_gradients() -> Result<(), Error> {
    fn both<O: InnerOptimizer>(dtype: DType, new: impl Fn() -> O) -> Result<(), Error> {
        let [(mut plain, mut a), (mut scaled, mut b)] = [(); 2].map(|()| (new(), module(dtype, &[1.0, -0.7, 0.0])));
        let mut scale = LossScale::new();
        for number in 0..7 {
            let gradient: Vec<f64> = vec![f64::from(number % 4) - 1.5, 0.5, 0.25];
            let grads = a.gradients(&[Some(gradient.clone())]);
            a = plain.advance(&0.125.into(), a, grads);
            let grads = b.gradients(&[Some(gradient.iter().map(|value| value * 1024.0).collect())]);
            // as if the loss had been scaled by 1024
            let grads = scale_of_1024(&mut scale, &b, grads)?;
            b = scaled.advance(&0.125.into(), b, grads);
            assert_eq!(a.values(), b.values(), "{dtype:?}, after step {number}");
        }
        Ok(())
    }
    fn scale_of_1024(
        scale: &mut LossScale,
        module: &Parameters,
        grads: GradientsParams,
    ) -> Result<GradientsParams, Error> {
        while scale.scale() > 1024.0 {
            let infinite = module.gradients(&[Some(vec![f64::INFINITY; 3])]);
            assert!(scale.unscaled(module, infinite)?.is_none());
        }
        Ok(scale.unscaled(module, grads)?.expect("finite gradients"))
    }
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        if device::under_test().supports_dtype(dtype) {
            both(dtype, || Lookahead::new(Sgd::new()))?;
            both(dtype, || Lookahead::new(Adam::new()))?;
            both(dtype, || RuleSet::new(Sgd::new().with_momentum(0.9).expect("a momentum")))?;
        }
    }
    Ok(())
}

#[test]
fn the_scale_halves_on_what_is_not_finite_and_doubles_after_the_interval() -> Result<(), Error> {
    let module = module(DType::F32, &[1.0, 1.0]);
    let mut scale = LossScale::new().with_growth_interval(NonZeroU32::new(3).expect("3"));
    let step = |scale: &mut LossScale, value: f64| -> Result<bool, Error> {
        Ok(scale.unscaled(&module, module.gradients(&[Some(vec![0.5, value])]))?.is_some())
    };
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(!step(&mut scale, value)?, "{value}");
    }
    assert_eq!((scale.scale(), scale.skipped()), (8192.0, 3));
    for (value, expected) in
        [(1.0, 8192.0), (1.0, 8192.0), (f64::NAN, 4096.0), (1.0, 4096.0), (1.0, 4096.0), (1.0, 8192.0)]
    {
        step(&mut scale, value)?;
        assert_eq!(scale.scale(), expected);
    }
    for _ in 0..20 {
        step(&mut scale, f64::NAN)?;
    }
    assert!(scale.is_least() && scale.scale() == 1.0);
    for _ in 0..3 * 30 {
        step(&mut scale, 1.0)?;
    }
    assert_eq!(scale.scale(), f64::from(1 << 24));
    // a parameter without a gradient is none that is not finite
    assert!(scale.unscaled(&module, module.gradients(&[None]))?.is_some());
    Ok(())
}

#[test]
fn a_saved_scale_goes_on_as_it_was() -> Result<(), Box<dyn std::error::Error>> {
    let module = module(DType::F32, &[1.0]);
    let mut scale = LossScale::new().with_growth_interval(NonZeroU32::new(5).expect("5"));
    for value in [1.0, f64::NAN, 1.0, 1.0] {
        let _ = scale.unscaled(&module, module.gradients(&[Some(vec![value])]))?;
    }
    let mut read: LossScale = serde_json::from_str(&serde_json::to_string(&scale)?)?;
    assert_eq!(read, scale);
    for _ in 0..3 {
        let _ = read.unscaled(&module, module.gradients(&[Some(vec![1.0])]))?;
    }
    assert_eq!((read.scale(), read.skipped()), (65536.0, 1), "two finite steps before, three after");
    for _ in 0..4 {
        let _ = read.unscaled(&module, module.gradients(&[Some(vec![1.0])]))?;
    }
    // four of five, of which now three are enough
    let scale = read.with_growth_interval(NonZeroU32::new(3).expect("3"));
    let mut read: LossScale = serde_json::from_str(&serde_json::to_string(&scale)?)?;
    assert_eq!((&read, read.scale()), (&scale, 65536.0));
    let _ = read.unscaled(&module, module.gradients(&[Some(vec![1.0])]))?;
    assert_eq!(read.scale(), 131_072.0);
    for (wrong, reason) in [
        (r#"{"exponent":25,"growth_interval":5,"finite":0,"skipped":0}"#, "0 to 24"),
        (r#"{"exponent":16,"growth_interval":5,"finite":5,"skipped":0}"#, "fewer than"),
        (r#"{"exponent":16,"growth_interval":0,"finite":0,"skipped":0}"#, "nonzero"),
    ] {
        let error = serde_json::from_str::<LossScale>(wrong).expect_err(wrong).to_string();
        assert!(error.contains(reason), "{error}");
    }
    Ok(())
}
