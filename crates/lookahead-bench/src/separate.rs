//! Optimizers whose syncs are separate passes, as wrappers without a hold on the inner step have to do them.

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::GradientsParams;
use lookahead::{Alpha, Cadence, Description, Grads, InnerStatePolicy, Optimizer, ParamSet, Schedule, SyncPeriod};
use lookahead_burn::{Error, InnerOptimizer, RecordReader, RecordWriter};

/// An optimizer that leaves its fused step unused.
#[derive(Clone)]
pub struct Separate<A>(pub A);

impl<A: Cadence> Cadence for Separate<A> {
    fn sync_periods(&self) -> Vec<Schedule<SyncPeriod>> {
        self.0.sync_periods()
    }
}

impl<A: Optimizer<f32>> Optimizer<f32> for Separate<A> {
    type State = A::State;

    fn init(&self, params: &ParamSet<'_, f32>) -> A::State {
        self.0.init(params)
    }

    fn step(&self, lr: f64, params: &mut ParamSet<'_, f32>, grads: &Grads<'_, f32>, state: &mut A::State) {
        self.0.step(lr, params, grads, state);
    }
}

impl<I: InnerOptimizer> InnerOptimizer for Separate<I> {
    fn advance<M: Module>(&mut self, lr: &ModuleLearningRate, module: M, grads: GradientsParams) -> M {
        self.0.advance(lr, module, grads)
    }

    fn accepts(&self, policy: InnerStatePolicy) -> Result<(), Error> {
        self.0.accepts(policy)
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn interpolate(&mut self, anchor: &Self, alpha: Alpha) {
        self.0.interpolate(&anchor.0, alpha);
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn follow<M: Module>(&mut self, module: &M, grads: Option<&GradientsParams>) {
        self.0.follow(module, grads);
    }

    fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        self.0.save(record)
    }

    fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.0.load(record)
    }
}
