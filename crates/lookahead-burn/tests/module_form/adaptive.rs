//! The adaptive alpha of Prop. 1: the core's number for number, from the gradient at theta_k where `step_with` has it.

use std::cell::Cell;

use burn::optim::{AdamConfig, ModuleOptimizer, Optimizer, SgdConfig};
use burn::tensor::{DType, Device};
use lookahead::{
    Adaptive, Alpha, CurvaturePower, Float, Grads, LookaheadConfig, Optimizer as CoreOptimizer, ParamSet, rules,
};
use lookahead_burn::{Adam, AdamW, Error, Lookahead, Sgd};

use crate::parameters::Parameters;
use crate::{config, device, step, vectors};

const INITIAL: [[f64; 3]; 2] = [[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]];

/// Clipped so low that it hardly ever is.
fn adaptive(k: u32, curvature: CurvaturePower) -> LookaheadConfig {
    let low = Alpha::new(1e-3).expect("an alpha");
    config(k, 0.5).with_adaptive_alpha(Adaptive::new().with_low(low).with_curvature(curvature))
}

/// Of a quadratic with curvatures between 0.5 and 1.75 and some noise; the last of each four looks back, so that the
/// best alpha is below 1.
fn gradients(values: &[Vec<f64>], step: u64) -> Vec<Option<Vec<f64>>> {
    let noise = |i: usize| ((i as u64 * 37 + step * 101) % 19) as f64 / 19.0 - 0.5;
    let tensor = |(t, values): (usize, &Vec<f64>)| {
        let scale = if step % 4 == 3 { -0.1 } else { 1.0 };
        let of = |(i, value): (usize, &f64)| scale * ((0.5 + 0.25 * (3 * t + i) as f64) * value + noise(3 * t + i));
        Some(values.iter().enumerate().map(of).collect())
    };
    values.iter().enumerate().map(tensor).collect()
}

fn widen<T: Float>(params: &ParamSet<'_, T>) -> Vec<Vec<f64>> {
    params.to_vecs().iter().map(|values| values.iter().map(|value| value.to_f64()).collect()).collect()
}

fn core_gradients<T: Float>(params: &ParamSet<'_, T>, step: u64) -> Grads<'static, T> {
    let narrow = |gradient: Vec<f64>| gradient.into_iter().map(T::from_f64).collect::<Vec<_>>();
    let gradients = gradients(&widen(params), step).into_iter().map(|gradient| gradient.map(narrow));
    Grads::new(params, gradients).expect("a gradient for each tensor")
}

fn module_gradients(module: &Parameters, step: u64) -> burn::optim::GradientsParams {
    module.gradients(&gradients(&module.values(), step))
}

/// Steps the core over slices and the module form alike, and compares weights and every sync's alpha.
fn assert_like_the_core<T: Float, A: CoreOptimizer<T> + Clone>(
    (core, rule): (A, impl Optimizer),
    curvature: CurvaturePower,
    dtype: DType,
    tolerance: f64,
) -> Result<(), Error> {
    for at_theta_k in [true, false] {
        let core = lookahead::Lookahead::with_config(core.clone(), adaptive(4, curvature))?;
        let mut params = ParamSet::new();
        let mut module = Parameters::new();
        for (name, values) in ["a", "b"].iter().zip(INITIAL) {
            params.push(*name, [3], values.map(T::from_f64).to_vec())?;
            module.push(&[3], &values, dtype);
        }
        let mut state = core.init(&params);
        let mut optimizer = Lookahead::with_config(rule.clone(), adaptive(4, curvature))?;
        for step in 0..17 {
            let (grads, module_grads) = (core_gradients(&params, step), module_gradients(&module, step));
            if at_theta_k {
                core.step_with(0.1, &mut params, &grads, &mut state, |params| core_gradients(params, step));
                module = optimizer.step_with(0.1, module, module_grads, |module| module_gradients(module, step));
            } else {
                core.step(0.1, &mut params, &grads, &mut state);
                module = optimizer.step(0.1, module, module_grads);
            }
            let what = format!("{dtype:?}, {curvature:?}, gradient at theta_k: {at_theta_k}, after step {step}");
            for (found, expected) in module.values().concat().into_iter().zip(widen(&params).concat()) {
                assert!((found - expected).abs() <= tolerance, "{what}: {found:e}, the core has {expected:e}");
            }
            if let (Some(found), Some(expected)) = (optimizer.last_sync(), state.last_sync()) {
                let distance = (found.alpha.get() - expected.alpha.get()).abs();
                assert!(distance <= tolerance && found.clipped == expected.clipped, "{what}: {found:?}, {expected:?}");
                assert!(!found.clipped && found.alpha < Alpha::ONE, "{what}: a case that says nothing: {found:?}");
            }
        }
        assert_eq!(optimizer.last_sync().map(|sync| sync.outer), Some(3));
    }
    Ok(())
}

/// In f32 both run the same kernels on the CPU; in f64 the sums are tensor operations, in another order.
#[test]
fn it_is_the_cores() -> Result<(), Error> {
    let heavy_ball = rules::Sgd::new().with_momentum(0.5)?;
    let tolerance = if device::under_test() == Device::flex() { 0.0 } else { 1e-5 };
    for curvature in [CurvaturePower::SecondMoment, CurvaturePower::Root] {
        assert_like_the_core::<f32, _>((heavy_ball, Sgd::from(heavy_ball)), curvature, DType::F32, tolerance)?;
        assert_like_the_core::<f32, _>((rules::Adam::new(), Adam::new()), curvature, DType::F32, tolerance)?;
        assert_like_the_core::<f32, _>((rules::AdamW::new(), AdamW::new()), curvature, DType::F32, tolerance)?;
        if !device::under_test().supports_dtype(DType::F64) {
            continue;
        }
        assert_like_the_core::<f64, _>((heavy_ball, Sgd::from(heavy_ball)), curvature, DType::F64, 1e-12)?;
        assert_like_the_core::<f64, _>((rules::AdamW::new(), AdamW::new()), curvature, DType::F64, 1e-12)?;
    }
    Ok(())
}

/// Burn's rules hide their moments: an average of squared gradients stands in, inside a black box too.
#[test]
fn rules_without_a_visible_moment_get_one() -> Result<(), Error> {
    let config = || adaptive(4, CurvaturePower::SecondMoment);
    let mut ours = Lookahead::with_config(Sgd::new(), config())?;
    let mut stock = Lookahead::with_config(SgdConfig::new().build(), config())?;
    let sgd: ModuleOptimizer = SgdConfig::new().init();
    let mut boxed = Lookahead::from_module_optimizer(sgd, config())?;
    let mut modules = [(); 3].map(|()| vectors(&[&INITIAL[0], &INITIAL[1]]));
    for step in 0..8 {
        let [a, b, c] = modules;
        let grads = [&a, &b, &c].map(|module| module_gradients(module, step));
        let [ga, gb, gc] = grads;
        modules = [ours.step(0.1, a, ga), stock.step(0.1, b, gb), boxed.step(0.1, c, gc)];
        assert_eq!(modules[0].values(), modules[1].values());
        assert_eq!(modules[0].values(), modules[2].values());
    }
    let sync = ours.last_sync().expect("two syncs");
    assert!(!sync.clipped && sync.alpha < Alpha::ONE);
    assert_eq!((Some(sync), Some(sync)), (stock.last_sync(), boxed.last_sync()));
    let adam = Lookahead::with_config(AdamConfig::new().build(), config())?;
    assert!(!adam.to_record(&modules[0])?.optimizer().to_string().is_empty());
    Ok(())
}

/// Once at each sync, on the module as it is then; never with a fixed alpha.
#[test]
fn the_gradient_at_theta_k_is_asked_for_at_syncs_only() -> Result<(), Error> {
    for (config, expected) in [(adaptive(3, CurvaturePower::Root), vec![2, 5, 8]), (config(3, 0.5), vec![])] {
        let mut optimizer = Lookahead::with_config(Sgd::new(), config)?;
        let (mut module, asked) = (vectors(&[&[1.0]]), Cell::new(Vec::new()));
        for step in 0..10 {
            let grads = module.gradients(&[Some(vec![0.25])]);
            let theta = module.values()[0][0] - 0.25;
            module = optimizer.step_with(1.0, module, grads, |module| {
                assert_eq!(module.values(), [[theta]], "theta_k: after the inner step, before the pull-back");
                asked.set([asked.take(), vec![step]].concat());
                module.gradients(&[Some(vec![0.25])])
            });
        }
        assert_eq!(asked.into_inner(), expected);
    }
    Ok(())
}

/// Nothing moved, or nothing curves: d.A d = 0 gives 1, and that is not a clip.
#[test]
fn no_curvature_means_all_the_way() -> Result<(), Error> {
    for dtype in [DType::F32, DType::F64].into_iter().filter(|dtype| device::under_test().supports_dtype(*dtype)) {
        let mut optimizer = Lookahead::with_config(Sgd::new(), adaptive(2, CurvaturePower::SecondMoment))?;
        let mut module = Parameters::new();
        module.push(&[2], &[1.0, 2.0], dtype);
        for _ in 0..2 {
            module = step(&mut optimizer, module, 0.1, &[0.0]);
        }
        let sync = optimizer.last_sync().expect("a sync");
        assert_eq!((sync.alpha, sync.clipped), (Alpha::ONE, false));
        assert_eq!(module.values(), [[1.0, 2.0]]);
    }
    Ok(())
}

/// By hand: theta goes from 1 to 0 and the gradient there is g; with A = 1, alpha = 1 + g.d / d.A d = 1 + g.
#[test]
fn a_sync_small_enough_to_follow() -> Result<(), Error> {
    for (gradient_there, alpha, clipped) in [(-0.25, 0.75, false), (0.5, 1.0, true), (-0.9, 0.5, true)] {
        let config = config(1, 0.5).with_adaptive_alpha(Adaptive::default());
        let mut optimizer = Lookahead::with_config(Sgd::new(), config)?;
        let mut module = vectors(&[&[1.0]]);
        // The average of squared gradients, its bias corrected, is 1^2.
        let grads = module.gradients(&[Some(vec![1.0])]);
        module = optimizer.step_with(1.0, module, grads, |module| module.gradients(&[Some(vec![gradient_there])]));
        let sync = optimizer.last_sync().expect("a sync");
        assert!((sync.alpha.get() - alpha).abs() < 1e-6 && sync.clipped == clipped, "{sync:?}");
        assert!((module.values()[0][0] - (1.0 - alpha)).abs() < 1e-6);
    }
    Ok(())
}

/// `sync_now` has no gradient to go by: it takes the lowest alpha before the first sync, then that of the last, which is
/// part of the record.
#[test]
fn a_partial_cycle_ends_with_the_last_alpha() -> Result<(), Error> {
    let new = || Lookahead::with_config(Sgd::new(), adaptive(4, CurvaturePower::SecondMoment));
    let (mut optimizer, mut module) = (new()?, vectors(&[&INITIAL[0], &INITIAL[1]]));
    let mut last = Alpha::new(1e-3)?;
    for step in 0..11 {
        let mut loaded = new()?.load_record(&optimizer.to_record(&module)?, &module)?;
        assert_eq!(loaded.last_sync(), optimizer.last_sync());
        if step % 4 == 2 {
            let mut left_alone = optimizer.clone();
            let ended = [loaded.sync_now(module.clone()), left_alone.sync_now(module.clone())];
            assert_eq!(ended[0].values(), ended[1].values());
            let alphas = [loaded, left_alone].map(|optimizer| optimizer.last_sync().map(|sync| sync.alpha));
            assert_eq!(alphas, [Some(last); 2], "ended before step {step}");
        }
        let grads = module_gradients(&module, step);
        module = optimizer.step(0.1, module, grads);
        last = optimizer.last_sync().map_or(last, |sync| sync.alpha);
    }
    assert!(last < Alpha::ONE && last > Alpha::new(1e-3)?, "a case that says nothing: {last:?}");
    Ok(())
}
