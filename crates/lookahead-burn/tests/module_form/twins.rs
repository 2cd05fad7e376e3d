//! Layers made by `clone()`: one parameter at several places, which moves as one does, everywhere the same.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdaGradConfig, AdamConfig, GradientsParams, ModuleOptimizer};
use burn::store::ModuleRecord;
use burn::tensor::Tensor;
use lookahead::{Adaptive, Averaging, InnerStatePolicy, SlowStorage};
use lookahead_burn::{
    Adam, Averaged, Error, InnerOptimizer, Lookahead, RuleSet, Sgd, clip_by_global_norm, tie_parameters,
};

use crate::{config, device, heavy_ball, with_policy};

const POLICIES: [InnerStatePolicy; 3] =
    [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset];

/// Two places of one layer, with another layer between.
#[derive(Module, Debug)]
struct Twins {
    first: Linear,
    between: Linear,
    second: Linear,
}

/// The same function, with the layer in one place that is used twice.
#[derive(Module, Debug)]
struct Shared {
    layer: Linear,
    between: Linear,
}

fn layer() -> Linear {
    LinearConfig::new(2, 2).init(&device::under_test().autodiff())
}

fn input(step: u64) -> Tensor<2> {
    let value = |index: u64| ((step * 7 + index * 3) % 11) as f32 / 11.0 - 0.4;
    Tensor::from_floats([[value(0), value(1)], [value(2), value(3)]], &device::under_test().autodiff())
}

fn loss(layers: [&Linear; 3], step: u64) -> Tensor<1> {
    let [first, between, second] = layers;
    let hidden = between.forward(first.forward(input(step)).tanh()).tanh();
    (second.forward(hidden) - input(step + 1)).square().mean()
}

impl Twins {
    fn new() -> Self {
        let first = layer();
        Self { second: first.clone(), first, between: layer() }
    }

    fn shared(&self) -> Shared {
        Shared { layer: self.first.clone(), between: self.between.clone() }
    }

    fn gradients(&self, step: u64) -> GradientsParams {
        let loss = loss([&self.first, &self.between, &self.second], step);
        GradientsParams::from_grads(loss.backward(), self)
    }

    fn values(&self) -> [Vec<f32>; 3] {
        [&self.first, &self.between, &self.second].map(values)
    }
}

impl Shared {
    fn gradients(&self, step: u64) -> GradientsParams {
        let loss = loss([&self.layer, &self.between, &self.layer], step);
        GradientsParams::from_grads(loss.backward(), self)
    }

    fn values(&self) -> [Vec<f32>; 3] {
        [&self.layer, &self.between, &self.layer].map(values)
    }
}

fn values(layer: &Linear) -> Vec<f32> {
    let tensors = [layer.weight.val().into_data(), layer.bias.as_ref().expect("a bias").val().into_data()];
    tensors.iter().flat_map(|data| data.iter::<f32>()).collect()
}

/// Places of one parameter move as one parameter: the weights, what is evaluated, and a run that is saved at any step.
fn assert_like_one<I: InnerOptimizer>(what: &str, new: impl Fn() -> I) {
    let mut twins = Twins::new();
    let mut shared = twins.shared();
    let (mut optimizer, mut expected) = (new(), new());
    for step in 0..13 {
        let grads = twins.gradients(step);
        twins = optimizer.advance(&0.1.into(), twins, grads);
        let grads = shared.gradients(step);
        shared = expected.advance(&0.1.into(), shared, grads);
        assert_eq!(twins.values(), shared.values(), "{what}, after step {step}");
        let evaluated = optimizer.evaluation_weights(&twins).map(|weights| weights.apply(&twins).values());
        let one = expected.evaluation_weights(&shared).map(|weights| weights.apply(&shared).values());
        assert_eq!(evaluated, one, "{what}, after step {step}");

        // another process: other ids, and weights that came by values
        let record = optimizer.to_record(&twins).unwrap_or_else(|error| panic!("{what}: {error}"));
        let first = twins.first.clone();
        let mut other = Twins { second: first.clone(), first, between: twins.between.clone() };
        for param in [&mut other.first.weight, &mut other.second.weight] {
            param.id = burn::module::ParamId::from(1);
        }
        let mut loaded = new().load_record(&record, &other).unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut kept = (optimizer.clone(), twins.clone());
        for later in step + 1..step + 5 {
            let grads = other.gradients(later);
            other = loaded.advance(&0.1.into(), other, grads);
            let grads = kept.1.gradients(later);
            kept.1 = kept.0.advance(&0.1.into(), kept.1, grads);
            assert_eq!(other.values(), kept.1.values(), "{what}, saved after step {step}");
        }
    }
}

#[test]
fn rules_move_twins_as_one() {
    assert_like_one("heavy ball", || RuleSet::new(heavy_ball()));
    assert_like_one("Adam", || RuleSet::new(Adam::new()));
    assert_like_one("Burn's AdaGrad", || RuleSet::new(AdaGradConfig::new().build()));
}

#[test]
fn lookahead_moves_twins_as_one() {
    for policy in POLICIES {
        let new = || Lookahead::with_config(heavy_ball(), with_policy(3, 0.5, policy)).expect("valid");
        assert_like_one(&format!("{policy:?}"), new);
        let nested = || Lookahead::around(new(), with_policy(6, 0.5, policy)).expect("valid");
        assert_like_one(&format!("nested, {policy:?}"), nested);
        let stock = || Lookahead::with_config(AdamConfig::new().build(), with_policy(3, 0.5, policy)).expect("valid");
        assert_like_one(&format!("Burn's Adam, {policy:?}"), stock);
    }
    let host = || Lookahead::new(heavy_ball()).with_slow_weights_on_host();
    assert_like_one("on the host", host);
    let rounded = config(3, 0.5).with_slow_storage(SlowStorage::Bf16 { seed: 3 });
    // the rounding depends on the path, so it cannot be compared with a module of other paths
    let mut optimizer = Lookahead::with_config(heavy_ball(), rounded).expect("valid");
    let mut twins = Twins::new();
    for step in 0..7 {
        let grads = twins.gradients(step);
        twins = optimizer.step(0.1, twins, grads);
        let [slow, fast] = [optimizer.slow_model(&twins).values(), twins.values()];
        assert!(slow[0] == slow[2] && fast[0] == fast[2], "after step {step}");
    }
}

/// The sums of Prop. 1 and our own squares count each parameter once.
#[test]
fn an_adaptive_alpha_counts_twins_once() {
    let adaptive = || config(3, 0.5).with_adaptive_alpha(Adaptive::default());
    assert_like_one("SGD", || Lookahead::with_config(Sgd::new(), adaptive()).expect("valid"));
    assert_like_one("Adam", || Lookahead::with_config(Adam::new(), adaptive()).expect("valid"));
}

#[test]
fn averages_count_twins_once() {
    for averaging in [Averaging::Running { start: 0 }, Averaging::Running { start: 4 }] {
        assert_like_one("average", || Averaged::new(RuleSet::new(heavy_ball()), averaging));
    }
}

/// Burn's own step leaves the second place where it was; inside Lookahead it follows.
#[test]
fn a_black_box_moves_twins_as_one() {
    let adam = || -> ModuleOptimizer { AdamConfig::new().init() };
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Reset] {
        assert_like_one("black box", || {
            Lookahead::from_module_optimizer(adam(), with_policy(3, 0.5, policy)).expect("valid")
        });
    }
}

/// What a step is about to pull back, and the end of a partial cycle.
#[test]
fn proposals_and_partial_cycles_treat_twins_as_one() -> Result<(), Error> {
    let mut optimizer = Lookahead::with_config(heavy_ball(), config(3, 0.5))?;
    let mut twins = Twins::new();
    for step in 0..5 {
        let grads = twins.gradients(step);
        if let Some(proposal) = optimizer.proposal(0.1, &twins, &grads) {
            assert_eq!(proposal.values()[0], proposal.values()[2]);
            assert_ne!(proposal.values()[0], twins.values()[0]);
        }
        twins = optimizer.step(0.1, twins, grads);
    }
    let phi = optimizer.slow_model(&twins).values();
    let theta = twins.values();
    twins = optimizer.sync_now(twins);
    let expected: Vec<f32> = phi[0].iter().zip(&theta[0]).map(|(phi, theta)| phi - 0.5 * (phi - theta)).collect();
    assert_eq!(twins.values()[0], expected, "halfway, and not three quarters of the way");
    assert_eq!(twins.values()[2], expected);
    Ok(())
}

#[test]
fn the_global_norm_counts_twins_once() -> Result<(), Error> {
    let twins = Twins::new();
    let one = clip_by_global_norm(&twins.shared(), twins.shared().gradients(0), 1e-3)?;
    let both = clip_by_global_norm(&twins, twins.gradients(0), 1e-3)?;
    assert_eq!(both.norm()?, one.norm()?);
    let of = |grads: &GradientsParams| grads.get::<2>(twins.first.weight.id).expect("a gradient").into_data();
    assert_eq!(of(&both.grads), of(&one.grads));
    Ok(())
}

fn panic_of(run: impl FnOnce()) -> String {
    let run = std::panic::AssertUnwindSafe(run);
    let panic = std::panic::catch_unwind(run).expect_err("a step that nobody can mean");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn moved(layer: Linear) -> Linear {
    let weight = layer.weight.map(|weight| Tensor::from_inner(weight.inner() + 1.0).require_grad());
    Linear { weight, ..layer }
}

/// Places of one id that hold different things: the first step names both, and no record is made.
#[test]
fn places_that_differ_are_refused_by_name() {
    let new = || Lookahead::new(Sgd::new());
    let step = |twins: Twins| {
        panic_of(move || {
            let grads = twins.gradients(0);
            let _ = new().step(0.1, twins, grads);
        })
    };
    let names = |message: &str| message.contains("\"first.") && message.contains("\"second.");
    let other_values = || {
        let twins = Twins::new();
        Twins { second: moved(twins.second.clone()), ..twins }
    };
    let message = step(other_values());
    assert!(names(&message) && message.contains("different values"), "{message}");
    assert!(message.contains("first.weight") && message.contains("second.weight"), "{message}");

    let error = new().to_record(&other_values()).expect_err("a module of which no record can be made");
    assert!(matches!(&error, Error::TornParameter { .. }) && names(&error.to_string()), "{error}");

    let twins = Twins::new();
    let wide = LinearConfig::new(2, 3).init(&device::under_test().autodiff());
    let mut second = Linear { bias: twins.second.bias.clone(), ..wide };
    second.weight.id = twins.first.weight.id;
    let error = new().to_record(&Twins { second, ..twins }).expect_err("two shapes");
    assert!(names(&error.to_string()) && error.to_string().contains("shapes"), "{error}");
}

/// Frozen at one of its places, a layer would move there or not, as one looks at it. Burn makes it so only once the layer
/// has its tensors: a clone shares with its original that it has none yet, and before that freezing the one freezes both.
#[test]
fn twins_frozen_at_one_place_are_refused() -> Result<(), Error> {
    let made = |twins: &Twins| drop(twins.values());
    for first in [true, false] {
        let twins = Twins::new();
        made(&twins);
        let half_frozen = match first {
            true => Twins { first: twins.first.freeze(), ..twins },
            false => Twins { second: twins.second.freeze(), ..twins },
        };
        let error = Lookahead::new(Sgd::new()).to_record(&half_frozen).expect_err("a parameter that half moves");
        let (message, takes) = (error.to_string(), "a tensor that takes gradients and one that does not");
        assert!(matches!(error, Error::TornParameter { .. }) && message.contains(takes), "{message}");
        assert!(message.contains("\"first.bias\" and \"second.bias\""), "{message}");
        let step = panic_of(move || {
            let grads = half_frozen.gradients(0);
            let _ = Lookahead::new(Sgd::new()).step(0.1, half_frozen, grads);
        });
        assert!(step.contains(takes), "{step}");
    }

    let twins = Twins::new();
    let mut frozen = Twins { second: twins.second.freeze(), ..twins };
    made(&frozen);
    let before = frozen.values();
    let mut optimizer = Lookahead::with_config(heavy_ball(), config(2, 0.5))?;
    for step in 0..4 {
        let grads = frozen.gradients(step);
        frozen = optimizer.step(0.1, frozen, grads);
    }
    assert_eq!([&frozen.values()[0], &frozen.values()[2]], [&before[0], &before[2]], "both are frozen");
    assert_ne!(frozen.values()[1], before[1], "the layer between is not");
    Ok(())
}

/// Loading a record gives each place a tensor of its own, whose gradients Burn does not add up.
#[test]
fn twins_that_loading_has_torn_apart_are_tied_again() -> Result<(), Error> {
    let new = || Lookahead::with_config(heavy_ball(), config(3, 0.5));
    let (mut optimizer, mut twins) = (new()?, Twins::new());
    for step in 0..4 {
        let grads = twins.gradients(step);
        twins = optimizer.step(0.1, twins, grads);
    }
    let bytes = twins.clone().into_record().into_bytes().expect("a record of the module");
    let torn = Twins::new().load_record(ModuleRecord::from_bytes(bytes).expect("a record of the module"));
    let record = optimizer.to_record(&twins)?;
    let error = new()?.load_record(&record, &torn).expect_err("two tensors of one id");
    assert!(error.to_string().contains("tie_parameters"), "{error}");

    let mut tied = tie_parameters(torn);
    let mut loaded = new()?.load_record(&record, &tied)?;
    for step in 4..12 {
        let grads = twins.gradients(step);
        twins = optimizer.step(0.1, twins, grads);
        let grads = tied.gradients(step);
        tied = loaded.step(0.1, tied, grads);
        assert_eq!(tied.values(), twins.values(), "after step {step}");
    }
    Ok(())
}

/// Frozen together, they need no gradient; thawed, they are two tensors until they are tied.
#[test]
fn twins_freeze_and_thaw() -> Result<(), Error> {
    let mut optimizer = Lookahead::with_config(heavy_ball(), config(3, 0.5))?;
    let mut twins = Twins::new();
    for step in 0..9 {
        match step {
            2 => twins = Twins { first: twins.first.freeze(), second: twins.second.freeze(), ..twins },
            6 => {
                let (first, second) = (twins.first.unfreeze(), twins.second.unfreeze());
                twins = tie_parameters(Twins { first, second, between: twins.between });
            }
            _ => {}
        }
        let before = twins.values();
        let grads = twins.gradients(step);
        twins = optimizer.step(0.1, twins, grads);
        assert_eq!(twins.values()[0] == before[0], (2..6).contains(&step), "step {step}");
        assert_eq!(twins.values()[0], twins.values()[2]);
    }
    Ok(())
}

/// A single weight tied to another layer's, as embeddings are.
#[test]
fn a_tied_weight_is_one_parameter() -> Result<(), Error> {
    let [first, between] = [layer(), layer()];
    let second = Linear { weight: Param::clone(&first.weight), ..layer() };
    let mut twins = Twins { first, between, second };
    let mut optimizer = Lookahead::with_config(heavy_ball(), config(2, 0.5))?;
    for step in 0..5 {
        let grads = twins.gradients(step);
        twins = optimizer.step(0.1, twins, grads);
        let [a, b] = [&twins.first, &twins.second].map(|layer| layer.weight.val().into_data());
        assert_eq!(a, b, "after step {step}");
    }
    assert_ne!(twins.values()[0], twins.values()[2], "their biases are their own");
    assert_eq!(optimizer.slow().len(), 5);
    Ok(())
}
