//! A parameter that changes its shape under its `ParamId`: another tensor is another parameter, for every optimizer and at
//! every moment of its cycle.

use burn::module::{Param, ParamId};
use burn::tensor::{DType, Tensor};
use lookahead::{
    Adaptive, Averaging, Gpa, InnerStatePolicy, LookaheadConfig, OuterMomentum, OuterRate, OuterStep, ScheduleFree,
    SlowStorage,
};
use lookahead_burn::{
    AdaFactor, Adam, Averaged, EmaNesterov, Error, InnerOptimizer, Lookahead, PrimalAveraged, RuleSet, Sgd,
};

use crate::parameters::{Parameter, Parameters};
use crate::{config, heavy_ball, step, vectors, with_policy};

const SHAPES: [&[usize]; 4] = [&[3], &[1], &[2, 1], &[1, 2, 1]];

/// The module with a tensor of this shape in the place of its first, under its id or a new one.
fn reshaped(module: &Parameters, shape: &[usize], id: Option<ParamId>) -> Parameters {
    fn under<const D: usize>(param: &Param<Tensor<D>>, id: ParamId) -> Param<Tensor<D>> {
        Param::initialized(id, param.val())
    }
    let mut new = vectors(&[]);
    new.push(shape, &[0.5, -1.5, 2.5][..shape.iter().product()], DType::F32);
    let id = id.unwrap_or_default();
    let mut module = module.clone();
    module.list[0] = match &new.list[0] {
        Parameter::Vector(param) => Parameter::Vector(under(param, id)),
        Parameter::Matrix(param) => Parameter::Matrix(under(param, id)),
        Parameter::Cube(param) => Parameter::Cube(under(param, id)),
    };
    module
}

fn id_of_first(module: &Parameters) -> ParamId {
    let Parameter::Vector(param) = &module.list[0] else { panic!("it begins as a vector") };
    param.id
}

/// One step, of the first tensor only where it `moves`.
fn train<I: InnerOptimizer>(optimizer: &mut I, module: Parameters, moves: bool) -> Parameters {
    if moves {
        return step(optimizer, module, 0.1, &[0.3, -0.7]);
    }
    let grads = module.gradients(&[None, Some(vec![-0.7])]);
    optimizer.advance(&0.1.into(), module, grads)
}

/// What goes on, what was saved and loaded, and what has the tensor under an id that was never seen, are one.
fn assert_begins_anew<I: InnerOptimizer>(what: &str, new: impl Fn() -> I) -> Result<(), Error> {
    for (at, shape, moves) in
        (0..7).flat_map(|at| SHAPES.map(|shape| [(at, shape, true), (at, shape, false)])).flatten()
    {
        let what = format!("{what}, {shape:?} after {at} steps");
        let (mut kept, mut module) = (new(), vectors(&[&[1.0, 2.0], &[3.0]]));
        for _ in 0..at {
            module = train(&mut kept, module, true);
        }
        let mut renamed = kept.clone();
        let mut under_new_id = reshaped(&module, shape, None);
        module = reshaped(&module, shape, Some(id_of_first(&module)));

        let evaluated = kept.evaluation_weights(&module).map_or_else(|| module.clone(), |of| of.apply(&module));
        assert_eq!(evaluated.values()[0], module.values()[0], "{what}: it has only its value");
        let mut loaded = new().load_record(&kept.to_record(&module)?, &module)?;
        let mut saved = module.clone();
        for later in 0..6 {
            let moves = moves || later > 3;
            module = train(&mut kept, module, moves);
            saved = train(&mut loaded, saved, moves);
            under_new_id = train(&mut renamed, under_new_id, moves);
            assert_eq!(module.values(), saved.values(), "{what}: saved, and {later} steps later");
            assert_eq!(module.values(), under_new_id.values(), "{what}: under another id, and {later} steps later");
        }
    }
    Ok(())
}

fn lookaheads() -> Result<Vec<LookaheadConfig>, Error> {
    let step = OuterStep::nesterov(OuterRate::new(0.7)?, OuterMomentum::new(0.5)?);
    Ok(vec![
        config(3, 0.5),
        with_policy(3, 0.5, InnerStatePolicy::Interpolate),
        with_policy(3, 0.5, InnerStatePolicy::Reset),
        config(3, 0.5).with_adaptive_alpha(Adaptive::default()),
        config(3, 0.5).with_slow_storage(SlowStorage::Bf16 { seed: 7 }),
        config(3, 0.5).with_outer_step(step),
    ])
}

#[test]
fn rules_and_averages_begin_anew() -> Result<(), Error> {
    assert_begins_anew("heavy ball", || RuleSet::new(heavy_ball()))?;
    assert_begins_anew("Adam", || RuleSet::new(Adam::new()))?;
    assert_begins_anew("AdaFactor", || RuleSet::new(AdaFactor::new()))?;
    for averaging in [Averaging::exponential(0.9)?, Averaging::Running { start: 2 }] {
        assert_begins_anew("averaged", || Averaged::new(RuleSet::new(Adam::new()), averaging))?;
    }
    assert_begins_anew("Schedule-Free", || PrimalAveraged::new(RuleSet::new(Sgd::new()), ScheduleFree::new()))?;
    assert_begins_anew("EMA-Nesterov", || EmaNesterov::new(RuleSet::new(heavy_ball())))?;
    assert_begins_anew("GPA", || PrimalAveraged::new(RuleSet::new(heavy_ball()), Gpa::new()))
}

#[test]
fn lookahead_begins_anew() -> Result<(), Error> {
    for config in lookaheads()? {
        let what = format!("{config:?}");
        assert_begins_anew(&what, || Lookahead::with_config(heavy_ball(), config.clone()).expect("valid"))?;
        assert_begins_anew(&what, || Lookahead::with_config(Adam::new(), config.clone()).expect("valid"))?;
    }
    assert_begins_anew("on the host", || Lookahead::new(Adam::new()).with_slow_weights_on_host())
}

#[test]
fn lookahead_around_averages_and_lookaheads_begins_anew() -> Result<(), Error> {
    for config in lookaheads()? {
        let what = format!("{config:?}");
        assert_begins_anew(&what, || {
            let averaged = Averaged::new(RuleSet::new(Adam::new()), Averaging::Running { start: 2 });
            Lookahead::around(averaged, config.clone()).expect("valid")
        })?;
        assert_begins_anew(&what, || {
            let primal = PrimalAveraged::new(RuleSet::new(heavy_ball()), ScheduleFree::new());
            Lookahead::around(primal, config.clone()).expect("valid")
        })?;
        assert_begins_anew(&what, || {
            let inner = with_policy(3, 0.8, InnerStatePolicy::Interpolate);
            let inner = Lookahead::with_config(Adam::new(), inner).expect("valid");
            Lookahead::around(inner, config.clone()).expect("valid")
        })?;
    }
    Ok(())
}

/// Where no tensor is left of those that an average began with, its steps are still counted.
#[test]
fn an_average_of_new_tensors_alone_goes_on_as_it_was_saved() -> Result<(), Error> {
    for averaging in [Averaging::exponential(0.9)?, Averaging::Running { start: 2 }] {
        let new = || Averaged::new(RuleSet::new(Sgd::new()), averaging);
        let (mut kept, mut module) = (new(), vectors(&[&[1.0, 2.0]]));
        for _ in 0..4 {
            module = step(&mut kept, module, 0.1, &[0.3]);
        }
        module = reshaped(&module, &[3], Some(id_of_first(&module)));
        let mut loaded = new().load_record(&kept.to_record(&module)?, &module)?;
        for later in 0..3 {
            let saved = step(&mut loaded, module.clone(), 0.1, &[0.3]);
            module = step(&mut kept, module, 0.1, &[0.3]);
            let averages = [(&kept, &module), (&loaded, &saved)].map(|(of, at)| of.average_model(at).values());
            assert_eq!(averages[0], averages[1], "{averaging:?}, {later} steps later");
        }
    }
    Ok(())
}

/// A sync in mid-cycle knows nothing of what has only just come.
#[test]
fn a_sync_by_hand_leaves_it_alone() -> Result<(), Error> {
    for config in lookaheads()? {
        for shape in SHAPES {
            let inner = Lookahead::with_config(Adam::new(), with_policy(3, 0.8, InnerStatePolicy::Interpolate))?;
            let mut optimizer = Lookahead::around(inner, config.clone())?;
            let mut module = vectors(&[&[1.0, 2.0], &[3.0]]);
            for _ in 0..4 {
                module = train(&mut optimizer, module, true);
            }
            module = reshaped(&module, shape, Some(id_of_first(&module)));
            let before = module.values();
            module = optimizer.sync_now(module);
            assert_ne!(module.values()[1], before[1], "{config:?}");
            assert_eq!(module.values()[0], before[0], "{config:?}");
            assert_eq!(optimizer.slow_model(&module).values()[0], before[0], "{config:?}");
        }
    }
    Ok(())
}
