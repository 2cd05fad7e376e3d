//! What a sync is about to pull back: the last fast weights of a cycle (Fig. 10).

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::Module;
use burn::optim::GradientsParams;
use lookahead::Tick;

use super::Lookahead;
use crate::InnerOptimizer;
use crate::places::Places;
use crate::traversal::shared;

impl<I: InnerOptimizer> Lookahead<I> {
    /// The fast weights theta_{t,k} that the next step will pull back, if it is one that ends in a sync.
    ///
    /// A step goes from theta_{t,k-1} to phi_t at once; this shows what lies between (Fig. 10). It costs a step on a copy
    /// and changes nothing, but the copy shares its batch-norm statistics with `module`.
    #[must_use]
    pub fn proposal<M: Module>(
        &self,
        lr: impl Into<ModuleLearningRate>,
        module: &M,
        grads: &GradientsParams,
    ) -> Option<M> {
        match self.clock().tick(self.config.sync_period()) {
            Tick::Inner => None,
            Tick::Sync { .. } => {
                let mut inner = self.inner.clone();
                let grads = self.clip(module, &Places::of(module), shared(module, grads));
                let module = inner.advance(&lr.into(), module.clone(), grads);
                Some(inner.end_partial_cycle(module))
            }
        }
    }
}
