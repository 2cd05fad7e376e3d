//! The per-parameter form in what the laws do not say: groups, its record across processes, what it refuses, and its
//! nesting, in itself and in the module form.

mod device;
mod network;
mod parameters;

use burn::module::{Module, ParamGroup};
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::DType;
use lookahead::{Adaptive, Alpha, InnerStatePolicy, LookaheadConfig, Schedule, SyncPeriod, rules};
use lookahead_burn::{
    Adam, AdamW, Error, InnerOptimizer, Lookahead, LookaheadRule, RuleSet, Sgd, slow_model_from_record,
};

use network::Network;
use parameters::Parameters;

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

fn config(k: u32, alpha: f64, policy: InnerStatePolicy) -> LookaheadConfig {
    LookaheadConfig::new()
        .with_sync_period(SyncPeriod::new(k).expect("a period"))
        .with_alpha(Alpha::new(alpha).expect("an alpha"))
        .with_inner_state(policy)
}

fn heavy_ball() -> Sgd {
    rules::Sgd::new().with_momentum(0.9).expect("a momentum").into()
}

fn step(optimizer: &mut ModuleOptimizer, network: Network, step: u64) -> Network {
    let grads = network.gradients(step);
    optimizer.step(0.05, network, grads)
}

/// Where each parameter has a gradient in each step, the two forms move the same bits, slow weights included.
#[test]
fn it_moves_like_the_module_form() -> Result<(), Error> {
    for policy in POLICIES {
        let mut module_form = Lookahead::with_config(AdamW::new(), config(3, 0.4, policy))?;
        let mut rule_form: ModuleOptimizer = LookaheadRule::with_config(AdamW::new(), config(3, 0.4, policy))?.into();
        let [mut left, mut right] = [Network::new(), Network::new()];
        for number in 0..8 {
            let grads = left.gradients(number);
            left = module_form.step(0.05, left, grads);
            right = step(&mut rule_form, right, number);
            assert_eq!(left.bits(), right.bits(), "{policy:?}, after step {number}");
            let slow = slow_model_from_record(&right, rule_form.to_record())?;
            assert_eq!(module_form.slow_model(&left).bits(), slow.bits(), "{policy:?}, after step {number}");
        }
    }
    Ok(())
}

#[test]
fn groups_of_a_module_optimizer_take_it() -> Result<(), Error> {
    let decay = |lambda| AdamW::from(rules::AdamW::new().with_weight_decay(lambda).expect("a weight decay"));
    let rule = |lambda| LookaheadRule::with_config(decay(lambda), config(3, 0.4, InnerStatePolicy::Maintain));
    let optimizer: ModuleOptimizer = rule(0.5)?.into();
    let mut optimizer = optimizer.with_group(ParamGroup::from_predicate("conv"), rule(0.0)?, None);
    let rules = RuleSet::new(decay(0.5)).with_group(ParamGroup::from_predicate("conv"), decay(0.0));
    let mut expected = Lookahead::around(rules, config(3, 0.4, InnerStatePolicy::Maintain))?;
    let [mut left, mut right] = [Network::new(), Network::new()];
    for number in 0..7 {
        left = step(&mut optimizer, left, number);
        let grads = right.gradients(number);
        right = expected.step(0.05, right, grads);
        assert_eq!(left.bits(), right.bits(), "after step {number}");
    }
    Ok(())
}

/// Burn's own records, through bytes: the weights' record gives the parameters of a new process their old ids.
#[test]
fn its_record_goes_on_at_every_phase() -> Result<(), Error> {
    for policy in POLICIES {
        let new =
            || Ok::<ModuleOptimizer, Error>(LookaheadRule::with_config(heavy_ball(), config(3, 0.4, policy))?.into());
        let (mut optimizer, mut network) = (new()?, Network::new());
        for saved in 0..6 {
            let record = optimizer.to_record().into_bytes().expect("a record");
            let _ = network.valid();
            let weights = network.clone().into_record().into_bytes().expect("weights");
            let mut resumed = Network::new().load_record(ModuleRecord::from_bytes(weights).expect("weights"));
            let mut loaded = new()?.load_record(OptimizerRecord::from_bytes(record).expect("a record"));
            let mut kept = (optimizer.clone(), Network::new().load_record(network.clone().into_record()));
            for number in saved..saved + 6 {
                kept.1 = step(&mut kept.0, kept.1, number);
                resumed = step(&mut loaded, resumed, number);
                let what = format!("{policy:?}, saved after {saved} steps, after step {number}");
                assert_eq!(resumed.bits(), kept.1.bits(), "{what}");
                let slow = [(&resumed, &loaded), (&kept.1, &kept.0)].map(|(network, optimizer)| {
                    slow_model_from_record(network, optimizer.to_record()).map(|slow| slow.bits())
                });
                let [resumed, kept] = slow;
                assert_eq!(resumed?, kept?, "{what}: slow weights");
            }
            network = step(&mut optimizer, network, saved);
        }
    }
    Ok(())
}

#[test]
fn slow_weights_come_out_of_the_right_record_only() -> Result<(), Error> {
    let train = |mut optimizer: ModuleOptimizer| {
        let network = step(&mut optimizer, Network::new(), 0);
        (optimizer.to_record(), network)
    };
    // No Lookahead, or no step yet
    let (record, network) = train(Sgd::new().into());
    let error = slow_model_from_record(&network, record).err();
    assert!(matches!(&error, Some(Error::MissingInRecord { name }) if name == "lookahead_slow"), "{error:?}");
    let untrained = ModuleOptimizer::from(LookaheadRule::new(Sgd::new())).to_record();
    assert!(matches!(slow_model_from_record(&network, untrained), Err(Error::MissingInRecord { .. })));
    // Parameters of another process
    let (record, network) = train(LookaheadRule::new(Sgd::new()).into());
    let error = slow_model_from_record(&network.with_new_ids(), record).err();
    assert!(matches!(&error, Some(Error::LeftInRecord { name }) if name.ends_with("lookahead_slow")), "{error:?}");
    // A parameter whose shape has changed
    let (record, mut network) = train(LookaheadRule::new(Sgd::new()).into());
    let bias = network.head.bias.take().expect("a bias");
    network.head.bias =
        Some(burn::module::Param::initialized(bias.id, burn::tensor::Tensor::zeros([7], &bias.device())));
    let error = slow_model_from_record(&network, record).err();
    let Some(Error::OtherShape { name, expected, found }) = &error else { panic!("{error:?}") };
    assert_eq!((name.as_str(), &expected[..], &found[..]), ("head.bias", &[7][..], &[2][..]));
    Ok(())
}

/// A copy: training on does not change it, and it holds no autodiff.
#[test]
fn the_slow_model_owns_its_buffers() -> Result<(), Error> {
    let mut optimizer: ModuleOptimizer = LookaheadRule::new(heavy_ball()).into();
    let mut network = step(&mut optimizer, Network::new(), 0);
    let slow = slow_model_from_record(&network, optimizer.to_record())?;
    let (before, alone) = (slow.bits(), optimizer.clone());
    assert!(!slow.head.weight.is_autodiff());
    for number in 1..7 {
        network = step(&mut optimizer, network, number);
    }
    assert_eq!(slow.bits(), before);
    assert_ne!(network.bits(), before);
    assert_eq!(alone.to_record().len(), optimizer.to_record().len());
    Ok(())
}

#[test]
fn an_adaptive_alpha_is_refused() {
    let config = LookaheadConfig::new().with_adaptive_alpha(Adaptive::default());
    assert!(matches!(LookaheadRule::with_config(Sgd::new(), config), Err(Error::AdaptivePerParameter)));
}

fn module() -> Parameters {
    let mut module = Parameters::new();
    module.push(&[3], &[1.0, -2.0, 0.5], DType::F32);
    module.push(&[1, 2], &[0.25, -0.75], DType::F32);
    module
}

/// Gradients that depend on the weights.
fn gradients(module: &Parameters, step: u64) -> GradientsParams {
    let of = |value: &f64| value + ((step * 29) % 11) as f64 / 11.0 - 0.5;
    let tensor = |values: &Vec<f64>| Some(values.iter().map(of).collect());
    module.gradients(&module.values().iter().map(tensor).collect::<Vec<_>>())
}

/// Steps both optimizers alike, and compares the weights after each step.
fn assert_same_runs<L, R>(what: &str, left: &mut L, right: &mut R) -> Result<(), Error>
where
    L: InnerOptimizer,
    R: InnerOptimizer,
{
    let [mut a, mut b] = [module(), module()];
    for step in 0..25 {
        let (grads, other_grads) = (gradients(&a, step), gradients(&b, step));
        a = left.advance(&0.1.into(), a, grads);
        b = right.advance(&0.1.into(), b, other_grads);
        assert_eq!(a.values(), b.values(), "{what}, after step {step}");
    }
    Ok(())
}

/// Two per-parameter Lookaheads, and one inside the module form, move like two module-level ones: after an outer sync
/// the inner slow weights and anchors follow, and both levels interpolate.
fn assert_nests(rule: impl Optimizer) -> Result<(), Error> {
    for (policy, inner) in POLICIES.into_iter().flat_map(|policy| POLICIES.map(|inner| (policy, inner))) {
        let what = format!("{policy:?} around {inner:?}");
        let (inner, outer) = (config(2, 0.5, inner), config(6, 0.3, policy));
        let module_form = Lookahead::with_config(rule.clone(), inner.clone())?;
        let expected = Lookahead::around(module_form, outer.clone())?;
        let rule_form = LookaheadRule::with_config(rule.clone(), inner)?;

        let mut in_the_module_form = Lookahead::with_config(rule_form.clone(), outer.clone())?;
        assert_same_runs(&what, &mut in_the_module_form, &mut expected.clone())?;
        let mut in_itself = RuleSet::new(LookaheadRule::with_config(rule_form, outer)?);
        assert_same_runs(&what, &mut in_itself, &mut expected.clone())?;
    }
    Ok(())
}

#[test]
fn it_nests_around_sgd() -> Result<(), Error> {
    assert_nests(heavy_ball())
}

/// Adam's bias corrections are interpolated at both levels.
#[test]
fn it_nests_around_adam() -> Result<(), Error> {
    assert_nests(Adam::new())
}

/// An outer `sync_now` ends its cycle in the middle: clock and schedules go on as those of a module-level Lookahead,
/// whose own pull-back at that moment goes all the way here and is not to be seen.
#[test]
fn an_outer_sync_now_ends_its_cycle() -> Result<(), Error> {
    for policy in POLICIES {
        let alphas = Schedule::steps(Alpha::ONE, [(1, Alpha::new(0.5)?), (3, Alpha::new(0.25)?)])?;
        let inner = config(3, 0.5, InnerStatePolicy::Maintain).with_alpha(alphas);
        let outer = config(6, 0.3, policy);
        let mut module_form = Lookahead::around(Lookahead::with_config(Adam::new(), inner.clone())?, outer.clone())?;
        let mut rule_form = Lookahead::with_config(LookaheadRule::with_config(Adam::new(), inner)?, outer)?;
        let [mut a, mut b] = [module(), module()];
        for step in 0..20 {
            let (grads, other_grads) = (gradients(&a, step), gradients(&b, step));
            a = module_form.step(0.1, a, grads);
            b = rule_form.step(0.1, b, other_grads);
            if step == 1 {
                (a, b) = (module_form.sync_now(a), rule_form.sync_now(b));
            }
            assert_eq!(a.values(), b.values(), "{policy:?}, after step {step}");
        }
    }
    Ok(())
}

#[test]
fn periods_must_nest() -> Result<(), Error> {
    let caught = |result: Option<Error>, outer, inner| {
        let Some(Error::Hyperparameter(lookahead::Error::PeriodsDoNotNest { outer: around, inner: inside, .. })) =
            result
        else {
            panic!("{result:?}")
        };
        assert_eq!((around, inside), (outer, inner));
    };
    let maintain = |k| config(k, 0.5, InnerStatePolicy::Maintain);
    let inside = |k| LookaheadRule::with_config(Sgd::new(), maintain(k));
    caught(LookaheadRule::with_config(inside(3)?, maintain(5)).err(), 5, 3);
    caught(Lookahead::with_config(inside(1_000_000)?, maintain(5)).err(), 5, 1_000_000);
    let twice = LookaheadRule::with_config(inside(2)?, maintain(4))?;
    caught(LookaheadRule::with_config(twice.clone(), maintain(6)).err(), 6, 4);
    assert!(LookaheadRule::with_config(twice, maintain(8)).is_ok());
    let grouped = RuleSet::new(inside(2)?).with_group(ParamGroup::from_predicate("conv"), inside(3)?);
    caught(Lookahead::around(grouped.clone(), maintain(4)).err(), 4, 3);
    assert!(Lookahead::around(grouped, maintain(6)).is_ok());
    // A schedule of the outer k is looked at in all its values.
    let schedule = Schedule::steps(SyncPeriod::new(6)?, [(10, SyncPeriod::new(7)?)])?;
    let config = LookaheadConfig::new().with_sync_period(schedule);
    caught(LookaheadRule::with_config(inside(3)?, config).err(), 7, 3);
    Ok(())
}

/// Without a configuration, five cycles of what is inside.
#[test]
fn the_default_period_nests() -> Result<(), Error> {
    let seven = LookaheadRule::with_config(Sgd::new(), config(7, 0.5, InnerStatePolicy::Maintain))?;
    let written_out = |k| LookaheadRule::with_config(seven.clone(), config(k, 0.5, InnerStatePolicy::Maintain));
    let mut expected = RuleSet::new(written_out(35)?);
    let count = |optimizer: &mut RuleSet<LookaheadRule<LookaheadRule<Sgd>>>| {
        let mut module = Parameters::new();
        module.push(&[1], &[0.0], DType::F32);
        (0..36)
            .map(|_| {
                let grads = module.gradients(&[Some(vec![1.0])]);
                module = optimizer.step(1.0, module.clone(), grads);
                module.values()[0][0]
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(count(&mut RuleSet::new(LookaheadRule::new(seven.clone()))), count(&mut expected));
    assert_ne!(count(&mut expected), count(&mut RuleSet::new(written_out(7)?)));
    let description = Lookahead::new(seven).to_record(&module())?.optimizer().to_string();
    assert!(description.contains("35"), "{description}");
    Ok(())
}
