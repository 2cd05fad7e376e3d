//! What holds for any number of workers, over any collective: threads in `cargo test`, processes under `mpirun`.

mod averaging;
mod beginning;
mod saving;
mod slow_step;

use lookahead::collective::Collective;
use lookahead::rules::AdamW;
use lookahead::{
    Error, Float, Grads, LookaheadConfig, Optimizer, OuterMomentum, OuterRate, OuterStep, ParamSet, SyncPeriod,
};
use lookahead_laws::family::{gradients, initial};
use lookahead_mpi::{News, SlowStep, SlowStepConfig};

/// A law: it panics where it is broken.
pub type Law = (&'static str, fn(&mut dyn Collective));

pub const LAWS: [Law; 18] = [
    ("two workers follow the golden runs", slow_step::two_workers_follow_the_golden_runs),
    ("the slow step has the bits of the core's workers", slow_step::has_the_bits_of_the_cores_workers),
    ("one worker is the local Lookahead", slow_step::one_worker_is_the_local_lookahead),
    ("k = 1 and eta = 1 average gradients", slow_step::k_1_and_eta_1_average_gradients),
    ("bytes are one k-th", slow_step::bytes_are_one_kth),
    ("values that are not finite stay out", slow_step::values_that_are_not_finite_stay_out),
    ("a delay is what it says", slow_step::a_delay_is_what_it_says),
    ("the cosine tells equal from opposite ways", slow_step::the_cosine_tells_equal_from_opposite_ways),
    ("the mean does not depend on timing", averaging::the_mean_does_not_depend_on_timing),
    ("averaged gradients keep replicas equal", averaging::averaged_gradients_keep_replicas_equal),
    ("8 bits give back what they take", averaging::eight_bits_give_back_what_they_take),
    ("batch norm is that of all examples", averaging::batch_norm_is_that_of_all_examples),
    ("all begin with the weights of rank 0", beginning::all_begin_with_the_weights_of_rank_0),
    ("what differs is named", beginning::what_differs_is_named),
    ("replicas that differ are found", beginning::replicas_that_differ_are_found),
    ("news are shared", beginning::news_are_shared),
    ("a run resumes at every step", saving::a_run_resumes_at_every_step),
    ("a state goes to other workers", saving::a_state_goes_to_other_workers),
];

/// DiLoCo's outer step with another k.
pub fn config(k: u32) -> SlowStepConfig {
    let step = OuterStep::nesterov(OuterRate::new(0.7).unwrap(), OuterMomentum::new(0.9).unwrap());
    let lookahead = LookaheadConfig::new().with_sync_period(SyncPeriod::new(k).unwrap()).with_outer_step(step);
    SlowStepConfig::new(&lookahead).unwrap().with_check_every(1)
}

/// One rank's run of AdamW on the family's problem, with what it needs to go on.
pub struct Run<T: Float> {
    pub params: ParamSet<'static, T>,
    pub inner: <AdamW as Optimizer<T>>::State,
    pub slow_step: SlowStep<T>,
    pub step: usize,
}

impl<T: Float> Run<T>
where
    AdamW: Optimizer<T>,
{
    pub fn new(workers: &dyn Collective, config: SlowStepConfig) -> Self {
        let params = initial().unwrap();
        let (inner, slow_step) = (AdamW::new().init(&params), SlowStep::new(config, workers, &params));
        Self { params, inner, slow_step, step: 0 }
    }

    pub fn steps(&mut self, workers: &mut dyn Collective, steps: usize) {
        for _ in 0..steps {
            inner_step(&AdamW::new(), 0.01, &mut self.params, &mut self.inner, self.step, workers.rank()).unwrap();
            self.slow_step.after_step(workers, 0.01, &mut self.params, News::default()).unwrap();
            self.step += 1;
        }
    }

    pub fn bits(&self) -> Vec<u64> {
        bits(&self.params)
    }
}

pub fn inner_step<T: Float, O: Optimizer<T>>(
    rule: &O,
    lr: f64,
    params: &mut ParamSet<'_, T>,
    state: &mut O::State,
    t: usize,
    rank: usize,
) -> Result<(), Error> {
    let grads = Grads::new(params, gradients(params, t, rank))?;
    rule.step(lr, params, &grads, state);
    Ok(())
}

pub fn bits<T: Float>(params: &ParamSet<'_, T>) -> Vec<u64> {
    params.iter().flat_map(|param| param.values()).map(|value| value.to_f64().to_bits()).collect()
}

pub fn params(values: &[f64]) -> ParamSet<'static, f64> {
    let mut params = ParamSet::new();
    params.push("w", [values.len()], values.to_vec()).unwrap();
    params
}
