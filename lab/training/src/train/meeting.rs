//! Where a trainer meets the others of several workers; alone it does nothing there.

use burn::module::Module;
use burn::optim::GradientsParams;
use lookahead_burn::{InnerOptimizer, Observed};
use lookahead_runs::MetricsRow;

use super::Trainer;
use crate::Error;
use crate::task::Task;
use crate::workers::{Team, tell};

impl<T: Task> Trainer<'_, '_, T> {
    /// Whether it writes what the run leaves.
    pub(super) fn is_lead(&self) -> bool {
        self.team.as_ref().is_none_or(Team::is_lead)
    }

    /// Whether it ends with a checkpoint now: of several workers all do, at the same step.
    pub(super) fn is_to_stop(&self) -> bool {
        self.team.as_ref().map_or_else(|| self.stop.is_asked(), |team| team.latest().stop)
    }

    pub(super) fn average(&mut self, model: &T::Model, grads: GradientsParams) -> Result<GradientsParams, Error> {
        match &mut self.team {
            Some(team) => team.average(model, grads),
            None => Ok(grads),
        }
    }

    /// After an inner step with learning rate `rate`.
    pub(super) fn meet(&mut self, rate: f64) -> Result<(), Error> {
        let Some(team) = &self.team else { return Ok(()) };
        let (syncs, meets) = (team.next_syncs(), team.next_meets());
        if syncs {
            self.model = self.model.take().map(|model| self.optimizer.end_partial_cycle(model));
        }
        let news = if meets { self.news()? } else { (0.0, false) };
        self.together(|team, model| team.after_step(rate, model, news))
    }

    /// Ends a cycle that the end of the run cuts short.
    pub(super) fn end_cycle_together(&mut self) -> Result<(), Error> {
        let news = self.news()?;
        self.together(|team, model| team.end_cycle(model, news))
    }

    /// Does what may end in a sync, after which the inner optimizer follows as it does in a Lookahead.
    fn together(
        &mut self,
        meet: impl FnOnce(&mut Team<'_>, T::Model) -> Result<(T::Model, bool), Error>,
    ) -> Result<(), Error> {
        let Some(team) = &mut self.team else { return Ok(()) };
        let Some(model) = self.model.take() else { return Ok(()) };
        let refused = team.totals().refused;
        let (model, has_synced) = meet(team, model)?;
        if has_synced {
            self.optimizer.rebase(&model);
        }
        if team.totals().refused > refused {
            self.optimizer.reset();
        }
        self.model = Some(model);
        Ok(())
    }

    /// The mean loss since the last news, not a number where the optimizer has refused something, and whether to stop.
    fn news(&mut self) -> Result<(f64, bool), Error> {
        if self.team.is_none() {
            return Ok((0.0, false));
        }
        let loss = self.losses.take_mean()?;
        let loss = if self.optimizer.all_refused() > 0 { f64::NAN } else { loss };
        Ok((loss, self.stop.is_asked()))
    }

    /// Before what all workers do together: whether all go on.
    pub(super) fn agree(&mut self) -> Result<(), Error> {
        let (loss, stop) = self.news()?;
        self.team.as_mut().map_or(Ok(()), |team| team.agree(loss, stop))
    }

    /// What is not finite on any of the workers.
    pub(super) fn not_finite(team: &Team<'_>) -> Option<&'static str> {
        match (team.latest().loss.is_finite(), team.totals().refused) {
            (false, _) => Some("the loss"),
            (true, 0) => None,
            (true, _) => Some("a weight"),
        }
    }

    /// A copy of the model on the slow weights or an average, where it is evaluated on others than its own.
    pub(super) fn slow_model(&self) -> Option<T::Model> {
        let of_team = self.team.as_ref().and_then(|team| team.slow_model(self.model()));
        let own = || self.optimizer.evaluation_weights(self.model()).map(|weights| weights.apply(self.model()));
        of_team.or_else(own)
    }

    /// A copy of the model on the weights to evaluate, with the statistics of all workers' batches.
    pub(super) fn evaluation_model(&mut self) -> Result<T::Model, Error> {
        let evaluated = self.slow_model().unwrap_or_else(|| self.model().valid());
        match &mut self.team {
            Some(team) => team.with_common_statistics(evaluated),
            None => Ok(evaluated),
        }
    }

    /// The evaluation of an epoch; of several workers, the first makes it and tells it to all.
    pub(super) fn evaluate(&mut self, epoch: u32) -> Result<(MetricsRow, T::Model), Error> {
        let evaluated = self.evaluation_model()?;
        if self.team.is_none() {
            return self.evaluate_on(epoch, evaluated);
        }
        let (own, model) = match self.is_lead().then(|| self.evaluate_on(epoch, evaluated.valid())) {
            Some(Ok((row, model))) => (Some(Ok(row)), model),
            Some(Err(error)) => (Some(Err(error)), evaluated),
            None => (None, evaluated),
        };
        let row = self.tell(own)?;
        Ok((row, model))
    }

    /// What the first of several workers has come to, for all.
    fn tell(&mut self, own: Option<Result<MetricsRow, Error>>) -> Result<MetricsRow, Error> {
        let Some(team) = &mut self.team else { return own.unwrap_or(Err(Error::Interrupted)) };
        let told = tell(team.workers(), own);
        // An evaluation is no part of a cycle.
        team.begin_anew();
        told
    }

    /// The slow step size of the last sync.
    pub(super) fn alpha(&self) -> Option<f64> {
        let own = || self.optimizer.latest_sync().map(|sync| sync.alpha.get());
        self.team.as_ref().and_then(Team::alpha).or_else(own)
    }

    /// Elements that syncs refused.
    pub(super) fn all_refused(&self) -> u64 {
        self.optimizer.all_refused() + self.team.as_ref().map_or(0, |team| team.totals().refused)
    }
}
