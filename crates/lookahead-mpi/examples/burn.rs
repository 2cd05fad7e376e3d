//! Trains a model of Burn with DiLoCo's outer step over the ranks, each on its own examples: `mpirun -n 4 burn`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::LinearConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use lookahead::collective::Collective;
use lookahead::{ParamSet, SyncPeriod, family};
use lookahead_mpi::{Mpi, News, SlowStep, SlowStepConfig, begin_together, check_replicas};

fn main() -> ExitCode {
    lookahead_mpi::run(Duration::from_secs(60), train)
}

fn train(workers: &mut Mpi) -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let mut model = vec![LinearConfig::new(4, 32).init(&device), LinearConfig::new(32, 1).init(&device)];
    let mut optimizer = AdamWConfig::new().init();
    let config = SlowStepConfig::new(&family::diloco().with_sync_period(SyncPeriod::new(10)?))?;

    let mut weights = ToHost::of(&model);
    begin_together(workers, &format!("{config:?}"), &mut weights)?;
    model = model.map(&mut FromHost(&weights, 0));
    let mut slow_step = SlowStep::new(config, workers, &weights);
    for step in 0..400 {
        let (x, y) = examples(step * workers.size() + workers.rank(), &device); // no rank sees another's
        let error = model[1].forward(relu(model[0].forward(x))) - y;
        let loss = error.square().mean();
        let news = News { loss: loss.clone().into_scalar::<f32>().into(), ..News::default() };
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.01, model, grads);
        if slow_step.next_takes_weights() {
            weights = ToHost::of(&model);
        }
        let Some(synced) = slow_step.after_step(workers, 0.01, &mut weights, news)? else { continue };
        model = model.map(&mut FromHost(&weights, 0));
        if workers.rank() == 0 && synced.outer % 10 == 9 {
            let cosine = synced.cosine.unwrap_or(1.0);
            println!(
                "step {}: loss {:.4}, |delta| {:.3}, cosine {cosine:.2}",
                step + 1,
                synced.news.loss,
                synced.delta
            );
        }
    }
    Ok(check_replicas(workers, ToHost::of(&model).iter().map(|param| param.values()))?)
}

/// 32 points and their distance from the origin.
fn examples(batch: usize, device: &Device) -> (Tensor<2>, Tensor<2>) {
    let x: Vec<f32> = (0..128).map(|i| ((batch * 128 + i) as f32 * 12.9898).sin()).collect();
    let x = Tensor::from_data(TensorData::new(x, [32, 4]), device);
    (x.clone(), x.square().sum_dim(1).sqrt())
}

/// A model's weights as slices.
struct ToHost(ParamSet<'static, f32>);

impl ToHost {
    fn of<M: Module>(model: &M) -> ParamSet<'static, f32> {
        let mut host = Self(ParamSet::new());
        model.visit(&mut host);
        host.0
    }
}

impl ModuleVisitor for ToHost {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (name, values) = (self.0.len().to_string(), param.val().into_data().iter::<f32>().collect::<Vec<_>>());
        self.0.push(name, param.val().dims(), values).expect("a tensor has the values of its shape");
    }
}

/// The slices as a model's weights, from this one on.
struct FromHost<'w>(&'w ParamSet<'static, f32>, usize);

impl ModuleMapper for FromHost<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let values = self.0.slice(self.1).to_vec();
        self.1 += 1;
        param.map(|old| Tensor::from_data(TensorData::new(values, old.dims()), &old.device()).require_grad())
    }
}
