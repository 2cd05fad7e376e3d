//! The core against the trajectories that anybody's Lookahead can follow (`conformance/`): Algorithm 1, the inner state,
//! tensors that join and freeze, learning rates that change, outer steps, Schedule-Free; after every step.

use lookahead::{Error, Float, Grads, Lookahead, Optimizer, ParamSet, PrimalAveraged};
use lookahead_laws::conformance::{Case, Method, Trajectories};
use lookahead_laws::golden::{Inner, Tensor, assert_close};

#[test]
fn every_trajectory_is_followed() -> Result<(), Error> {
    let mut followed = 0;
    for (file, Trajectories { tensors, cases }) in Trajectories::read_all() {
        for case in cases.iter().filter(|case| case.is_ours()) {
            let at = format!("{file}, {}", case.name);
            let run = Run { at, tensors: &tensors, case };
            match case.optimizer()? {
                (Inner::Sgd(rule), method) => run.around(rule, method)?,
                (Inner::Adam(rule), method) => run.around(rule, method)?,
                (Inner::AdamW(rule), method) => run.around(rule, method)?,
                (Inner::AdaFactor(rule), method) => run.around(rule, method)?,
            }
            followed += 1;
        }
    }
    assert_eq!(followed, 62);
    Ok(())
}

struct Run<'a> {
    at: String,
    tensors: &'a [Tensor],
    case: &'a Case,
}

impl Run<'_> {
    /// In both precisions: in f64 the programs differ by rounding alone, f32 rounds each step.
    fn around(&self, rule: impl Optimizer<f64> + Optimizer<f32>, method: Method) -> Result<(), Error> {
        match method {
            Method::Lookahead(config) => {
                let optimizer = Lookahead::with_config(rule, config)?;
                self.follow::<f64>(&optimizer, 1e-12)?;
                self.follow::<f32>(&optimizer, 5e-5)
            }
            Method::Average(averaging) => {
                let optimizer = PrimalAveraged::new(rule, averaging);
                self.follow::<f64>(&optimizer, 1e-12)?;
                self.follow::<f32>(&optimizer, 5e-5)
            }
        }
    }

    fn follow<T: Float>(&self, optimizer: &impl Optimizer<T>, tolerance: f64) -> Result<(), Error> {
        let Self { at, tensors, case } = self;
        let mut params = ParamSet::new();
        let mut state = optimizer.init(&params);
        for (t, step) in (1..).zip(&case.steps) {
            for tensor in case.joining(tensors, t) {
                params.push(&tensor.name, tensor.shape.as_slice(), narrow(&tensor.initial))?;
            }
            let grads = case.gradients(tensors, &widen(&params.to_vecs()), t);
            let grads = Grads::new(&params, grads.iter().map(|grad| grad.as_deref().map(narrow)))?;
            optimizer.step(case.lr(t), &mut params, &grads, &mut state);
            let fast = widen(&params.to_vecs());
            let slow = widen(&optimizer.evaluate(&params, &state));
            for (index, param) in params.iter().enumerate() {
                let (name, at) = (param.name(), format!("{at}, step {t}, tensor {}", param.name()));
                assert_close(&format!("{at}: fast"), &fast[index], &step.fast[name], tolerance, tolerance);
                assert_close(&format!("{at}: slow"), &slow[index], &step.slow[name], tolerance, tolerance);
            }
        }
        Ok(())
    }
}

fn narrow<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().map(|value| T::from_f64(*value)).collect()
}

fn widen<T: Float>(tensors: &[impl AsRef<[T]>]) -> Vec<Vec<f64>> {
    tensors.iter().map(|values| values.as_ref().iter().map(|value| value.to_f64()).collect()).collect()
}
