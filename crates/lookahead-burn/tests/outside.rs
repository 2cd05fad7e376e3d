//! The crate as others see it: an inner optimizer of one's own, with its record; one error type; types that can be printed,
//! sent and shared.

mod device;
mod parameters;

use std::collections::BTreeMap;
use std::fmt::Debug;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use lookahead_burn::lookahead::{
    Alpha, Averaging, Cadence, Description, InnerStatePolicy, LookaheadConfig, SyncPeriod,
};
use lookahead_burn::{
    AdaFactor, AdaFactorState, Adam, AdamW, Averaged, BlackBox, ClippedGradients, Error, InnerOptimizer, Lookahead,
    LookaheadRule, LookaheadRuleState, Parameter, PlateauMode, PlateauThreshold, PullBack, Record, RecordReader,
    RecordWriter, ReduceOnPlateau, RuleSet, RuleState, Sgd, Weights,
};

use parameters::Parameters;

/// Steps along the sum of the last gradient and this one: a number and a vector for each parameter.
#[derive(Debug, Clone, Default)]
struct TwoGradients {
    last: BTreeMap<ParamId, Vec<f32>>,
    steps: u64,
}

impl Cadence for TwoGradients {}

impl InnerOptimizer for TwoGradients {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.follow(&module, None);
        self.steps += 1;
        module.map(&mut Step { optimizer: self, lr: lr.base(), grads })
    }

    fn accepts(&self, _policy: InnerStatePolicy) -> Result<(), Error> {
        Ok(())
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        for (id, last) in &mut self.last {
            for (index, value) in last.iter_mut().enumerate() {
                let anchor = anchor.last.get(id).map_or(0.0, |anchor| anchor[index]);
                *value = anchor - alpha.get() as f32 * (anchor - *value);
            }
        }
    }

    fn follow<M: Module>(&mut self, module: &M, _grads: Option<&GradientsParams>) {
        let ids = burn::module::ParamGroup::ids_from_module(module.clone());
        self.last.retain(|id, _| ids.matches(id, None));
    }

    fn describe(&self) -> Description {
        Description::of("TwoGradients")
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        record.number("steps", self.steps)?;
        for Parameter { path, id, shape, .. } in record.parameters() {
            if let Some(last) = self.last.get(id) {
                record.within("last").tensor(path, TensorData::new(last.clone(), shape.clone()))?;
            }
        }
        Ok(())
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.steps = record.number("steps")?;
        let mut record = record.within("last").partial();
        for Parameter { path, id, shape, .. } in record.expected() {
            let data = record.tensor(path, shape, DType::F32)?;
            self.last.insert(*id, data.iter().collect());
        }
        Ok(())
    }
}

struct Step<'a> {
    optimizer: &'a mut TwoGradients,
    lr: f64,
    grads: GradientsParams,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.grads.remove::<D>(param.id) else { return param };
        let values: Vec<f32> = gradient.clone().into_data().iter().collect();
        let last = self.optimizer.last.insert(param.id, values);
        let last = last.map_or_else(
            || gradient.zeros_like(),
            |last| Tensor::from_data(TensorData::new(last, gradient.dims()), &gradient.device()),
        );
        param.map(|weights| Tensor::from_inner(weights.inner() - (gradient + last) * self.lr).require_grad())
    }
}

fn module() -> Parameters {
    let mut module = Parameters::new();
    module.push(&[2], &[1.0, -2.0], DType::F32);
    module.push(&[1, 2], &[0.5, 0.25], DType::F32);
    module
}

fn step(optimizer: &mut impl InnerOptimizer, module: Parameters, step: u64) -> Parameters {
    let gradient = |values: &Vec<f64>| Some(values.iter().map(|value| value + (step % 3) as f64).collect());
    let grads = module.gradients(&module.values().iter().map(gradient).collect::<Vec<_>>());
    optimizer.advance(&0.125.into(), module, grads)
}

/// Around it go Lookahead, a nested one, an average; all policies; a record at any step.
#[test]
fn an_optimizer_of_ones_own_goes_anywhere() -> Result<(), Error> {
    fn assert_resumes<I: InnerOptimizer>(new: impl Fn() -> Result<I, Error>) -> Result<(), Error> {
        for saved in 0..7 {
            let (mut optimizer, mut trained) = (new()?, module());
            for number in 0..saved {
                trained = step(&mut optimizer, trained, number);
            }
            let bytes = optimizer.to_record(&trained)?.to_bytes()?;
            let mut loaded = new()?.load_record(&Record::from_bytes(&bytes)?, &trained)?;
            let mut other = trained.clone();
            for number in saved..saved + 9 {
                trained = step(&mut optimizer, trained, number);
                other = step(&mut loaded, other, number);
                assert_eq!(trained.values(), other.values(), "saved after {saved} steps, after step {number}");
            }
        }
        Ok(())
    }
    let config = |k, policy| -> Result<LookaheadConfig, Error> {
        Ok(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_inner_state(policy))
    };
    for policy in [InnerStatePolicy::Maintain, InnerStatePolicy::Interpolate, InnerStatePolicy::Reset] {
        let around = || Lookahead::around(TwoGradients::default(), config(3, policy)?);
        assert_resumes(around)?;
        assert_resumes(|| Lookahead::around(around()?, config(6, policy)?))?;
        assert_resumes(|| Ok(Averaged::new(around()?, Averaging::Running { start: 2 })))?;
    }
    assert_resumes(|| Ok(TwoGradients::default()))
}

/// The values of a cycle of two steps, by hand: theta_2 = 1 - g_1 - (g_1 + g_2), halfway back.
#[test]
fn it_moves_as_it_says() -> Result<(), Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(2)?);
    let mut optimizer = Lookahead::around(TwoGradients::default(), config)?;
    let mut module = Parameters::new();
    module.push(&[1], &[1.0], DType::F32);
    for gradient in [0.25, 0.5] {
        let grads = module.gradients(&[Some(vec![gradient])]);
        module = optimizer.step(1.0, module, grads);
    }
    assert_eq!(module.values(), [[0.5]]);
    Ok(())
}

/// Writes two entries under one name.
#[derive(Debug, Clone)]
struct Careless;

impl Cadence for Careless {}

impl InnerOptimizer for Careless {
    fn advance<M: Module>(&mut self, _lr: &ModuleLearningRate, module: M, _grads: GradientsParams) -> M {
        module
    }

    fn accepts(&self, _policy: InnerStatePolicy) -> Result<(), Error> {
        Ok(())
    }

    fn reset(&mut self) {}

    fn interpolate(&mut self, _anchor: &Self, _alpha: Alpha) {}

    fn describe(&self) -> Description {
        Description::of("Careless")
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        let mut record = record.within("of");
        record.number("steps", 1_u64)?;
        record.number("steps", 2_u64)
    }

    fn load(&mut self, _record: &mut RecordReader<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn an_entry_written_twice_is_named() {
    let error = Careless.to_record(&module()).err();
    assert!(matches!(&error, Some(Error::WrittenTwice { name }) if name == "of/steps"), "{error:?}");
}

/// Checked by the compiler.
#[test]
fn public_types_can_be_printed_sent_and_shared() {
    fn assert_type<T: Debug + Send + Sync>() {}
    assert_type::<Lookahead<RuleSet<Sgd>>>();
    assert_type::<Lookahead<Lookahead<BlackBox>>>();
    assert_type::<Averaged<RuleSet<burn::optim::Adam>>>();
    assert_type::<RuleSet<LookaheadRule<AdamW>>>();
    assert_type::<LookaheadRule<AdaFactor>>();
    assert_type::<LookaheadRuleState<Adam, 2>>();
    assert_type::<RuleState<2>>();
    assert_type::<AdaFactorState<2>>();
    assert_type::<PullBack<'static, RuleSet<Sgd>>>();
    assert_type::<Weights>();
    assert_type::<Record>();
    assert_type::<RecordReader<'static>>();
    assert_type::<RecordWriter<'static>>();
    assert_type::<Parameter>();
    assert_type::<ReduceOnPlateau>();
    assert_type::<PlateauMode>();
    assert_type::<PlateauThreshold>();
    assert_type::<Error>();
    // Burn's gradients can be sent, but not shared.
    fn assert_sent<T: Debug + Send>() {}
    assert_sent::<ClippedGradients>();
}

/// No number is poured out where an optimizer is printed.
#[test]
fn an_optimizer_is_printed_in_short() {
    let mut optimizer = Lookahead::new(Adam::new());
    let mut module = Parameters::new();
    module.push(&[10_000], &vec![1.0; 10_000], DType::F32);
    let grads = module.gradients(&[Some(vec![1.0; 10_000])]);
    let _ = optimizer.step(0.1, module, grads);
    let printed = format!("{optimizer:?}");
    assert!(printed.contains("Adam") && printed.len() < 2_000, "{} characters", printed.len());
}
