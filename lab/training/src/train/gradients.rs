//! The gradients of a step: scaled losses, the workers' mean, clipping.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use lookahead_burn::clip_by_global_norm;

use super::Trainer;
use crate::Error;
use crate::task::Task;

impl<T: Task> Trainer<'_, '_, T> {
    /// The gradients of a loss, clipped; `None` where the loss was scaled too far, so that the step is to be skipped.
    pub(super) fn gradients(&mut self, model: &T::Model, loss: Tensor<1>) -> Result<Option<GradientsParams>, Error> {
        let Some(scale) = &mut self.position.loss_scale else {
            let grads = self.average(model, GradientsParams::from_grads(loss.backward(), model))?;
            return self.clip(model, grads).map(Some);
        };
        let was_least = scale.is_least();
        let grads = GradientsParams::from_grads(scale.scaled(loss).backward(), model);
        match scale.unscaled(model, grads)? {
            Some(grads) => self.clip(model, grads).map(Some),
            // The device was just waited for: the loss may be the cause, since some steps already.
            None if self.config.stop_on_non_finite => match self.losses.first_not_finite()? {
                Some(step) => Err(self.non_finite(step, "the loss")),
                None if was_least => Err(self.non_finite(self.position.step + 1, "a gradient of the loss as it is")),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    fn clip(&self, model: &T::Model, grads: GradientsParams) -> Result<GradientsParams, Error> {
        Ok(match self.config.clip_norm {
            Some(max_norm) => clip_by_global_norm(model, grads, max_norm)?.grads,
            None => grads,
        })
    }
}
