//! Records that do not belong where they are loaded, or are damaged: each gets an error that names what is wrong, and a
//! model that froze, grew or changed its ids gets its state back.

mod device;
mod network;
mod parameters;

use burn::module::{Module, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, Optimizer, RmsPropConfig, SgdConfig};
use burn::tensor::{DType, Tensor};
use lookahead::{Adaptive, Alpha, Averaging, InnerStatePolicy, LookaheadConfig, SyncPeriod, rules};
use lookahead_burn::{AdamW, Averaged, Error, InnerOptimizer, Lookahead, Record, RuleSet, Sgd};

use network::Network;
use parameters::Parameters;

fn heavy_ball() -> Sgd {
    rules::Sgd::new().with_momentum(0.9).expect("a momentum").into()
}

fn linear(inputs: usize, outputs: usize, bias: bool) -> Linear {
    LinearConfig::new(inputs, outputs).with_bias(bias).init(&device::under_test().autodiff())
}

fn step_linear<I: InnerOptimizer>(optimizer: &mut I, model: Linear) -> Linear {
    let inputs = model.weight.dims()[0];
    let loss = model.forward(Tensor::<2>::ones([1, inputs], &device::under_test().autodiff())).sum();
    let grads = GradientsParams::from_grads(loss.backward(), &model);
    optimizer.advance(&0.1.into(), model, grads)
}

/// A record of some steps of a linear layer with three inputs and two outputs.
fn record_of(optimizer: &mut impl InnerOptimizer, bias: bool) -> Record {
    let mut model = linear(3, 2, bias);
    for _ in 0..7 {
        model = step_linear(optimizer, model);
    }
    optimizer.to_record(&model).expect("a record")
}

fn refusal<I: InnerOptimizer>(optimizer: I, record: &Record, model: &impl Module) -> Error {
    optimizer.load_record(record, model).err().expect("a record that does not belong here")
}

#[test]
fn a_tensor_that_the_record_lacks_is_named() {
    let record = record_of(&mut Lookahead::new(heavy_ball()), false);
    let error = refusal(Lookahead::new(heavy_ball()), &record, &linear(3, 2, true));
    assert!(matches!(&error, Error::MissingInRecord { name } if name == "slow/bias"), "{error}");
}

#[test]
fn a_tensor_that_the_model_lacks_is_named() {
    let record = record_of(&mut Lookahead::new(heavy_ball()), true);
    let error = refusal(Lookahead::new(heavy_ball()), &record, &linear(3, 2, false));
    assert!(
        matches!(&error, Error::LeftInRecord { name } if name.ends_with("/bias") || name.contains("/bias/")),
        "{error}"
    );
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let record = record_of(&mut Lookahead::new(heavy_ball()), true);
    let error = refusal(Lookahead::new(heavy_ball()), &record, &linear(2, 3, true));
    let Error::OtherShape { name, expected, found } = &error else { panic!("{error}") };
    assert!(["slow/weight", "slow/bias"].contains(&name.as_str()), "{error}");
    assert_ne!(expected, found);
}

/// Without a Lookahead there are no slow weights to compare: the states know their shapes.
#[test]
fn a_rules_own_record_knows_its_shapes() {
    let record = record_of(&mut RuleSet::new(heavy_ball()), false);
    let error = refusal(RuleSet::new(heavy_ball()), &record, &linear(2, 3, false));
    let Error::OtherShape { name, expected, found } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), &expected[..], &found[..]), ("weight", &[2, 3][..], &[3, 2][..]));
}

#[test]
fn an_average_of_another_model_is_refused_before_it_has_begun() {
    let averaged = || Averaged::new(RuleSet::new(heavy_ball()), Averaging::Running { start: 1000 });
    let error = refusal(averaged(), &record_of(&mut averaged(), false), &linear(3, 2, true));
    assert!(matches!(&error, Error::MissingInRecord { name } if name == "mean/bias"), "{error}");
}

#[test]
fn another_precision_is_named() {
    if !device::under_test().supports_dtype(DType::F64) {
        return;
    }
    let mut lookahead = Lookahead::new(Sgd::new());
    let [single, double] = [DType::F32, DType::F64].map(|dtype| {
        let mut module = Parameters::new();
        module.push(&[2], &[1.0, 2.0], dtype);
        module
    });
    let grads = single.gradients(&[Some(vec![1.0, 1.0])]);
    let single = lookahead.step(0.1, single, grads);
    let record = lookahead.to_record(&single).expect("a record");
    let error = refusal(Lookahead::new(Sgd::new()), &record, &double);
    let Error::OtherPrecision { name, expected, found } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), *expected, *found), ("slow/list.0.Vector", DType::F64, DType::F32));
    assert_eq!(double.values(), [[1.0, 2.0]]);
}

#[test]
fn another_optimizer_is_refused_by_what_differs() -> Result<(), Error> {
    let record = record_of(&mut Lookahead::new(heavy_ball()), true);
    let model = linear(3, 2, true);
    let config = LookaheadConfig::new();
    let errors = [
        refusal(Lookahead::with_config(heavy_ball(), config.clone().with_alpha(Alpha::new(0.8)?))?, &record, &model),
        refusal(
            Lookahead::with_config(heavy_ball(), config.clone().with_sync_period(SyncPeriod::new(6)?))?,
            &record,
            &model,
        ),
        refusal(
            Lookahead::with_config(heavy_ball(), config.clone().with_inner_state(InnerStatePolicy::Reset))?,
            &record,
            &model,
        ),
        refusal(
            Lookahead::with_config(heavy_ball(), config.with_adaptive_alpha(Adaptive::default()))?,
            &record,
            &model,
        ),
        refusal(Lookahead::new(Sgd::new()), &record, &model),
        refusal(Lookahead::new(AdamW::new()), &record, &model),
        refusal(Lookahead::new(SgdConfig::new().build()), &record, &model),
        refusal(RuleSet::new(heavy_ball()), &record, &model),
    ];
    let named = ["alpha", "sync_period", "inner_state", "alpha", "momentum", "optimizer", "optimizer", "optimizer"];
    for (error, named) in errors.into_iter().zip(named) {
        let Error::OtherOptimizer { name, expected, found } = &error else { panic!("{error}") };
        assert!(name.starts_with(named), "{error}");
        assert_ne!(expected, found);
    }
    Ok(())
}

/// A black box cannot say what is in it, but what Burn does not rebuild is noticed.
#[test]
fn another_rule_inside_a_module_optimizer_is_refused() -> Result<(), Error> {
    let boxed = |optimizer: ModuleOptimizer| Lookahead::from_module_optimizer(optimizer, LookaheadConfig::new());
    let adam = || boxed(AdamConfig::new().init());
    let plain_sgd = || boxed(SgdConfig::new().init());
    let rms_prop = || boxed(RmsPropConfig::new().init());
    let ours = || boxed(heavy_ball().into());
    for (made, loaded) in [
        (record_of(&mut plain_sgd()?, true), adam()?),
        (record_of(&mut adam()?, true), plain_sgd()?),
        (record_of(&mut ours()?, true), plain_sgd()?),
        (record_of(&mut rms_prop()?, true), plain_sgd()?),
    ] {
        let error = refusal(loaded, &made, &linear(3, 2, true));
        assert!(matches!(error, Error::UnreadableState { .. }), "{error}");
    }
    Ok(())
}

/// A record small enough to try every length and every bit.
fn small_record() -> Result<Vec<u8>, Error> {
    let mut lookahead = Lookahead::new(heavy_ball());
    let mut module = Parameters::new();
    module.push(&[2], &[1.0, 2.0], DType::F32);
    let grads = module.gradients(&[Some(vec![1.0, 1.0])]);
    let module = lookahead.step(0.1, module, grads);
    lookahead.to_record(&module)?.to_bytes()
}

#[test]
fn a_record_cut_off_anywhere_is_damaged() -> Result<(), Error> {
    let bytes = small_record()?;
    for length in 0..bytes.len() {
        let result = Record::from_bytes(&bytes[..length]);
        assert!(matches!(result, Err(Error::DamagedRecord { .. })), "the first {length} of {} bytes", bytes.len());
    }
    Ok(())
}

#[test]
fn a_record_with_any_bit_flipped_is_damaged() -> Result<(), Error> {
    let mut bytes = small_record()?;
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            let result = Record::from_bytes(&bytes);
            assert!(matches!(result, Err(Error::DamagedRecord { .. })), "bit {bit} of byte {index}");
            bytes[index] ^= 1 << bit;
        }
    }
    assert!(Record::from_bytes(&bytes).is_ok());
    Ok(())
}

/// Steps both runs alike, and compares their bits after each step.
fn assert_same_runs<I: InnerOptimizer>(mut left: (I, Network), mut right: (I, Network), steps: std::ops::Range<u64>) {
    for step in steps {
        for (optimizer, network) in [&mut left, &mut right] {
            let grads = network.gradients(step);
            *network = optimizer.advance(&0.1.into(), network.clone(), grads);
        }
        assert_eq!(left.1.bits(), right.1.bits(), "after step {step}");
    }
}

/// The same weights and statistics in a module of its own, whose parameters have other ids.
fn copy(network: &Network) -> Network {
    let _ = network.valid();
    Network::new().load_record(network.clone().into_record()).with_new_ids()
}

/// Trains the head and the batch norm for seven steps, lets the convolution join, and saves in mid-cycle: what the
/// outer Lookahead keeps of the last sync is older than the convolution.
#[test]
fn a_parameter_that_joined_before_the_save_is_loaded() -> Result<(), Error> {
    let period = |k| Ok::<_, Error>(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?));
    let interpolate = |k| Ok::<_, Error>(period(k)?.with_inner_state(InnerStatePolicy::Interpolate));
    let new = || Lookahead::around(Lookahead::with_config(heavy_ball(), interpolate(3)?)?, interpolate(6)?);
    let (mut optimizer, mut network) = (new()?, Network::new());
    network.conv = network.conv.no_grad();
    for step in 0..8 {
        if step == 7 {
            network.conv = network.conv.unfreeze();
        }
        let grads = network.gradients(step);
        network = optimizer.step(0.1, network, grads);
    }
    let other = copy(&network);
    let loaded = new()?.load_record(&optimizer.to_record(&network)?, &other)?;
    assert_same_runs((optimizer, network), (loaded, other), 8..21);
    Ok(())
}

/// Its slow weights and momentum are in the record still.
#[test]
fn a_parameter_that_was_frozen_before_the_save_is_loaded() -> Result<(), Error> {
    let (mut optimizer, mut network) = (Lookahead::new(heavy_ball()), Network::new());
    for step in 0..7 {
        if step == 4 {
            network.conv = network.conv.freeze();
        }
        let grads = network.gradients(step);
        network = optimizer.step(0.1, network, grads);
    }
    let mut other = copy(&network);
    other.conv = other.conv.freeze();
    let loaded = Lookahead::new(heavy_ball()).load_record(&optimizer.to_record(&network)?, &other)?;
    assert_same_runs((optimizer, network), (loaded, other), 7..20);
    Ok(())
}

fn with_group(group: ParamGroup) -> Lookahead<RuleSet<AdamW>> {
    let no_decay = rules::AdamW::new().with_weight_decay(0.0).expect("a weight decay").into();
    let rules = RuleSet::new(AdamW::new()).with_group(group, no_decay);
    Lookahead::around(rules, LookaheadConfig::new()).expect("a policy that fits")
}

/// A group by ids means other ids in another process, but the same parameters.
#[test]
fn groups_may_know_their_parameters_by_id() -> Result<(), Error> {
    let head = |network: &Network| ParamGroup::ids_from_module(network.head.clone());
    let mut network = Network::new();
    let mut optimizer = with_group(head(&network));
    for step in 0..7 {
        let grads = network.gradients(step);
        network = optimizer.step(0.1, network, grads);
    }
    let other = copy(&network);
    let record = optimizer.to_record(&network)?;
    let loaded = with_group(head(&other)).load_record(&record, &other)?;
    assert_same_runs((optimizer, network.clone()), (loaded, other.clone()), 7..14);

    let error = refusal(with_group(ParamGroup::from_predicate("conv")), &record, &other);
    let Error::OtherOptimizer { name, expected, found } = &error else { panic!("{error}") };
    assert!(name.starts_with("rule of conv.") && expected != found, "{error}");
    Ok(())
}

/// The type says which rule, ours say their hyperparameters too.
#[test]
fn a_record_says_what_it_holds() {
    let record = record_of(&mut Lookahead::new(heavy_ball()), true);
    assert!(record.optimizer().to_string().contains("momentum 0.9"), "{}", record.optimizer());
    let tensors: Vec<(&str, Vec<usize>)> = record.tensors().collect();
    for expected in [("slow/bias", vec![2]), ("slow/weight", vec![3, 2]), ("inner/weight/first", vec![3, 2])] {
        assert!(tensors.contains(&expected), "{expected:?} in {tensors:?}");
    }
    fn name_of<O: Optimizer>(_: &O) -> &'static str {
        std::any::type_name::<O>()
    }
    let stock = SgdConfig::new().build();
    let name = name_of(&stock);
    let record = Lookahead::new(stock).to_record(&linear(3, 2, true)).expect("a record");
    assert!(record.optimizer().to_string().contains(name));
}
