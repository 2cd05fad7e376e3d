//! Layers that are replaced in mid-run, frozen, thawed or saved between steps: a record at any moment goes on with the
//! same bits, and nothing of a layer that is gone goes on at all.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use lookahead::{Adaptive, Averaging, InnerStatePolicy, LookaheadConfig, SlowStorage};
use lookahead_burn::{Adam, Averaged, Error, InnerOptimizer, Lookahead, RuleSet, Sgd};

use crate::network::{Network, bits};
use crate::{config, device, heavy_ball, with_policy};

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

/// The same weights and statistics under other ids, as another process would have them.
fn copy(network: &Network) -> Network {
    let _ = network.valid();
    let trainable = [network.conv.weight.is_require_grad(), network.head.weight.is_require_grad()];
    let mut copy = Network::new().load_record(network.clone().into_record()).with_new_ids();
    if !trainable[0] {
        copy.conv = copy.conv.freeze();
    }
    if !trainable[1] {
        copy.head = copy.head.freeze();
    }
    copy
}

fn new_head() -> Linear {
    LinearConfig::new(48, 2).init(&device::under_test().autodiff())
}

fn evaluated<I: InnerOptimizer>(optimizer: &I, network: &Network) -> Vec<u32> {
    // As the next step will find them.
    let mut optimizer = optimizer.clone();
    optimizer.follow(network, None);
    optimizer.evaluation_weights(network).map_or_else(|| network.bits(), |weights| weights.apply(network).bits())
}

fn train<I: InnerOptimizer>(optimizer: &mut I, network: Network, step: u64) -> Network {
    let grads = network.gradients(step);
    optimizer.advance(&0.05.into(), network, grads)
}

/// Freezes, thaws and replaces layers along the way, and asks after each change and each step whether a run that is saved
/// right then goes on as the one that is not.
fn assert_resumes_at_every_moment<I: InnerOptimizer>(what: &str, new: impl Fn() -> I) {
    let (mut optimizer, mut network) = (new(), Network::new());
    for step in 0..16 {
        match step {
            3 => network.conv = network.conv.freeze(),
            7 => network.conv = network.conv.unfreeze(),
            9 => network.head = new_head(),
            12 => network.head = network.head.freeze(),
            14 => network.head = network.head.unfreeze(),
            _ => {}
        }
        let what = format!("{what}, saved before step {step}");
        let mut other = copy(&network);
        let record = optimizer.to_record(&network).expect("a record");
        let mut loaded = new().load_record(&record, &other).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (mut kept, mut left_alone) = (optimizer.clone(), copy_with_ids(&network));
        for later in step..step + 7 {
            assert_eq!(evaluated(&loaded, &other), evaluated(&kept, &left_alone), "{what}, after {later} steps");
            other = train(&mut loaded, other, later);
            left_alone = train(&mut kept, left_alone, later);
            assert_eq!(other.bits(), left_alone.bits(), "{what}, after step {later}");
        }
        network = train(&mut optimizer, network, step);
    }
}

/// A network of its own, statistics included, under the same ids.
fn copy_with_ids(network: &Network) -> Network {
    let _ = network.valid();
    network.valid().train()
}

fn lookaheads() -> Vec<LookaheadConfig> {
    let mut configs: Vec<_> = POLICIES.map(|policy| with_policy(3, 0.5, policy)).into();
    configs.push(config(3, 0.5).with_adaptive_alpha(Adaptive::default()));
    configs.push(config(3, 0.5).with_slow_storage(SlowStorage::Bf16 { seed: 7 }));
    configs
}

#[test]
fn a_rule_set_resumes_at_every_moment() {
    assert_resumes_at_every_moment("heavy ball", || RuleSet::new(heavy_ball()));
    assert_resumes_at_every_moment("Adam", || RuleSet::new(Adam::new()));
}

#[test]
fn lookahead_resumes_at_every_moment() {
    for config in lookaheads() {
        let what = format!("{config:?}");
        assert_resumes_at_every_moment(&what, || {
            Lookahead::with_config(heavy_ball(), config.clone()).expect("a valid configuration")
        });
    }
    assert_resumes_at_every_moment("on the host", || Lookahead::new(Adam::new()).with_slow_weights_on_host());
}

#[test]
fn lookahead_around_a_module_optimizer_resumes_at_every_moment() {
    let adam = || -> ModuleOptimizer { AdamConfig::new().init() };
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Reset] {
        assert_resumes_at_every_moment("black box", || {
            Lookahead::from_module_optimizer(adam(), with_policy(3, 0.5, policy)).expect("a policy that fits")
        });
    }
}

#[test]
fn nested_lookaheads_and_averages_resume_at_every_moment() {
    for policy in POLICIES {
        let inner = move || Lookahead::with_config(heavy_ball(), with_policy(2, 0.5, policy)).expect("valid");
        assert_resumes_at_every_moment("nested", || {
            Lookahead::around(inner(), with_policy(4, 0.5, policy)).expect("valid")
        });
        for averaging in [Averaging::Running { start: 5 }, Averaging::Running { start: 0 }] {
            assert_resumes_at_every_moment("averaged", || Averaged::new(inner(), averaging));
        }
    }
}

/// Nothing of the old head is left: not in the slow weights, not in the record, not in a sync.
#[test]
fn a_layer_in_anothers_place_begins_anew() -> Result<(), Error> {
    for policy in POLICIES {
        let (mut optimizer, mut network) =
            (Lookahead::with_config(heavy_ball(), with_policy(4, 0.25, policy))?, Network::new());
        for step in 0..6 {
            network = train(&mut optimizer, network, step);
        }
        let known = optimizer.slow().len();
        network.head = new_head();
        let phi = network.head.weight.val().inner();
        // phi_0 of what joins is its value when it is met
        let record = optimizer.to_record(&network)?;
        let loaded =
            Lookahead::with_config(heavy_ball(), with_policy(4, 0.25, policy))?.load_record(&record, &network)?;
        assert_eq!(bits(loaded.slow_model(&network).head.weight.val()), bits(phi.clone()));
        let mut theta = phi.clone();
        for step in 6..8 {
            let grads = network.gradients(step);
            let gradient: Tensor<2> = grads.get(network.head.weight.id).expect("a gradient");
            // two steps of the heavy ball from rest
            theta = theta - gradient * if step == 6 { 0.05 * 1.9 } else { 0.05 };
            network = optimizer.step(0.05, network, grads);
            assert_eq!(optimizer.slow().len(), known, "{policy:?}");
        }
        let expected = phi.clone() + (theta - phi) * 0.25;
        let found = network.head.weight.val().inner();
        let distance = (found - expected).abs().max().into_scalar::<f32>();
        assert!(distance < 1e-6, "{policy:?}: {distance}");
        let names: Vec<_> = optimizer.to_record(&network)?.tensors().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names.iter().filter(|name| *name == "slow/head.weight").count(), 1, "{names:?}");
    }
    Ok(())
}

/// A layer that comes back after steps without it is a layer that joins.
#[test]
fn a_layer_that_was_away_has_no_past() -> Result<(), Error> {
    for policy in POLICIES {
        let new = || Lookahead::with_config(Adam::new(), with_policy(3, 0.5, policy));
        let (mut optimizer, mut network) = (new()?, Network::new());
        for step in 0..5 {
            network = train(&mut optimizer, network, step);
        }
        let away = network.head.clone();
        network.head = new_head();
        network = train(&mut optimizer, network, 5);
        let mut twin = (optimizer.clone(), copy_with_ids(&network));
        // the same values under ids that were never seen
        twin.1.head = away.clone();
        twin.1.head.weight.id = ParamId::new();
        twin.1.head.bias.as_mut().expect("a bias").id = ParamId::new();
        network.head = away;
        for step in 6..14 {
            network = train(&mut optimizer, network, step);
            twin.1 = train(&mut twin.0, twin.1, step);
            assert_eq!(network.bits(), twin.1.bits(), "{policy:?}, after step {step}");
        }
    }
    Ok(())
}

/// Makes vectors of two elements longer.
struct Grow;

impl ModuleMapper for Grow {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if param.dims()[0] != 2 {
            return param;
        }
        param.map(|tensor| {
            let tensor = tensor.inner();
            let more = tensor.clone().slice(0..1);
            Tensor::from_inner(Tensor::cat(vec![tensor, more], 0)).require_grad()
        })
    }
}

/// A tensor of another shape under the same id is another parameter too.
#[test]
fn a_layer_that_grows_begins_anew() -> Result<(), Error> {
    for policy in POLICIES {
        let mut optimizer = Lookahead::with_config(Adam::new(), with_policy(2, 0.5, policy))?;
        let mut module = crate::vectors(&[&[1.0, 2.0], &[3.0]]);
        for _ in 0..3 {
            module = crate::step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
        }
        module = module.map(&mut Grow);
        let before = module.values();
        assert_eq!(before[0].len(), 3);
        for _ in 0..3 {
            module = crate::step(&mut optimizer, module, 0.1, &[1.0, 1.0]);
        }
        // theta_1 of the first cycle ends it, two more steps the next: all three elements move alike
        let moves: Vec<f64> = module.values()[0].iter().zip(&before[0]).map(|(after, before)| after - before).collect();
        assert!(moves.iter().all(|way| (way - moves[0]).abs() < 1e-6 && way.abs() > 0.05), "{policy:?}: {moves:?}");
        let loaded = Lookahead::with_config(Adam::new(), with_policy(2, 0.5, policy))?;
        loaded.load_record(&optimizer.to_record(&module)?, &module)?;
    }
    Ok(())
}

/// A module that gives both of its parameters one path.
#[derive(Debug, Clone)]
struct Clashing([Param<Tensor<1>>; 2]);

impl Module for Clashing {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for param in &self.0 {
            visitor.enter_module("same", "Struct:Clashing");
            param.visit(visitor);
            visitor.exit_module("same", "Struct:Clashing");
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        Self(self.0.map(|param| Module::map(param, mapper)))
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.0.collect_devices(devices)
    }

    fn to_device(self, device: &Device) -> Self {
        Self(self.0.to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        Self(self.0.fork(device))
    }

    fn valid(&self) -> Self {
        Self(self.0.valid())
    }

    fn train(self) -> Self {
        Self(self.0.train())
    }

    fn materialize(self) -> Self {
        Self(self.0.materialize())
    }
}

/// No record can tell them apart: it would keep the later one without a word.
#[test]
fn two_parameters_at_one_path_are_refused() {
    let param = || Param::from_tensor(Tensor::<1>::zeros([2], &device::under_test().autodiff()));
    let clashing = Clashing([param(), param()]);
    let error = Lookahead::new(Sgd::new()).to_record(&clashing).err();
    assert!(matches!(&error, Some(Error::SamePath { path }) if path == "same"), "{error:?}");
}
