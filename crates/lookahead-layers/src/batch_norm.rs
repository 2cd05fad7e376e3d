//! Batch norm with what follows it: `y = relu((x - mean) / sqrt(variance + epsilon) gamma + beta + added)`.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::nn::BatchNorm;
use burn::tensor::activation::relu;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use lookahead_flex::{Values, open, opens_beside, record};
use lookahead_nn::norm::{self, BatchStatistics, Downstream, ParameterGradients, RunningStatistics, Upstream};

use crate::{channels_first, channels_last, hand_on, opens};

/// What is done with the normalised images, in the same pass over memory. Nothing, by default.
#[derive(Debug, Default)]
pub struct Epilogue {
    added: Option<Tensor<4>>,
    relu: bool,
}

impl Epilogue {
    /// ReLU.
    #[must_use]
    pub fn relu() -> Self {
        Self { relu: true, ..Self::default() }
    }

    /// The addition of other images, such as a shortcut, then ReLU.
    #[must_use]
    pub fn add_relu(added: Tensor<4>) -> Self {
        Self { added: Some(added), relu: true }
    }

    fn apply(self, y: Tensor<4>) -> Tensor<4> {
        let y = match self.added {
            Some(added) => {
                assert_eq!(added.dims(), y.dims(), "what is added to images has their shape");
                y + added
            }
            None => y,
        };
        if self.relu { relu(y) } else { y }
    }
}

/// What `layer` makes of images `[batch, height, width, channels]`, and the epilogue of that. As Burn's, it takes the
/// statistics of the batch, and keeps them, on an autodiff device unless the layer is frozen, else the running ones.
///
/// Images in another precision than the layer's are normalised in the layer's, and rounded to their own again: statistics of
/// half-precision images need f32.
///
/// # Panics
/// Where `layer.forward` would: if the channels are not the layer's; if what is added has another shape.
#[must_use]
pub fn batch_norm(layer: &BatchNorm, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    let (gamma, beta) = (layer.gamma.val(), layer.beta.val());
    if x.dtype() != gamma.dtype() {
        let in_precision = |images: Tensor<4>, dtype: DType| images.cast(FloatDType::from(dtype));
        let added = epilogue.added.map(|added| in_precision(added, gamma.dtype()));
        let y = batch_norm(layer, in_precision(x.clone(), gamma.dtype()), Epilogue { added, ..epilogue });
        return in_precision(y, x.dtype());
    }
    let [.., channels] = x.dims();
    let fits = gamma.dims() == [channels]
        && beta.dims() == [channels]
        && [&layer.running_mean, &layer.running_var].iter().all(|running| running.value().dims() == [channels])
        && epilogue.added.as_ref().is_none_or(|added| added.dims() == x.dims())
        && layer.epsilon >= norm::BatchNorm::SMALLEST_EPSILON
        && layer.epsilon.is_finite();
    let all_open = opens(&x)
        && opens_beside(&x, &gamma)
        && opens_beside(&x, &beta)
        && epilogue.added.as_ref().is_none_or(|added| opens_beside(&x, added));
    match fits && all_open {
        true => fused(layer, x, [gamma, beta], epilogue),
        false => epilogue.apply(channels_last(layer.forward(channels_first(x)))),
    }
}

/// What x was normalised by.
#[derive(Debug, Clone)]
enum Statistics {
    Batch(BatchStatistics),
    Running { mean: Vec<f32>, variance: Vec<f32> },
}

#[derive(Debug, Clone)]
struct State {
    x: Values,
    shape: [usize; 4],
    parameters: [Values; 2],
    epsilon: f64,
    statistics: Statistics,
    /// What came out, of a ReLU.
    relu_output: Option<Values>,
}

fn fused(layer: &BatchNorm, x: Tensor<4>, [gamma, beta]: [Tensor<1>; 2], epilogue: Epilogue) -> Tensor<4> {
    let (shape, device) = (x.dims(), x.device());
    let is_training = device.is_autodiff() && layer.training.is_enabled();
    let (x, x_node) = open(x);
    let ((gamma, gamma_node), (beta, beta_node)) = (open(gamma), open(beta));
    let (added, added_node) = epilogue.added.map(open).unzip();
    let mut then = norm::Epilogue::default();
    if let Some(added) = &added {
        then = then.with_added(added.as_slice());
    }
    if epilogue.relu {
        then = then.with_relu();
    }
    let norm = norm::BatchNorm::new(gamma.as_slice(), beta.as_slice(), layer.epsilon).expect(CHECKED);
    let mut y = vec![0.0; x.as_slice().len()];
    let statistics = if is_training {
        let batch = norm.train(x.as_slice(), then, &mut y).expect(CHECKED);
        keep(layer, &batch, &device);
        Statistics::Batch(batch)
    } else {
        let [mean, variance] = [&layer.running_mean, &layer.running_var].map(|running| numbers(running.value()));
        let running = RunningStatistics { mean: &mean, variance: &variance };
        norm.evaluate(x.as_slice(), running, then, &mut y).expect(CHECKED);
        Statistics::Running { mean, variance }
    };
    let y = Values::new(y, shape);
    let relu_output = epilogue.relu.then(|| y.clone());
    let state = State { x, shape, parameters: [gamma, beta], epsilon: layer.epsilon, statistics, relu_output };
    let nodes = [x_node, gamma_node, beta_node];
    match added_node {
        None => record(Normalise, nodes, state, y),
        Some(added_node) => {
            let [x_node, gamma_node, beta_node] = nodes;
            record(NormaliseAndAdd, [x_node, gamma_node, beta_node, added_node], state, y)
        }
    }
}

/// running <- (1 - momentum) running + momentum batch, with the variance that is divided by n, as Burn does.
fn keep(layer: &BatchNorm, batch: &BatchStatistics, device: &Device) {
    for (running, batch) in [(&layer.running_mean, &batch.mean), (&layer.running_var, &batch.variance)] {
        let before = running.value_sync().to_device(device);
        let batch: Vec<f32> = batch.iter().map(|&number| number as f32).collect();
        let batch = Tensor::<1>::from_data(batch.as_slice(), (device, DType::F32));
        let after = before.mul_scalar(1.0 - layer.momentum).add(batch.mul_scalar(layer.momentum));
        running.update(after.detach());
    }
}

fn numbers(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Why no pass refuses its slices: [`batch_norm`] has compared all shapes and the epsilon.
const CHECKED: &str = "slices of the batch norm's own shape";

#[derive(Debug)]
struct Normalise;

#[derive(Debug)]
struct NormaliseAndAdd;

impl Backward<Flex, 3> for Normalise {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let mut dx = vec![0.0; upstream.as_slice().len()];
        let parameters = ops.state.backward(upstream.as_slice(), Downstream::new(&mut dx));
        let gradients = ops.state.gradients(dx, parameters);
        ids!(ops.parents).into_iter().zip(gradients).for_each(|(parent, gradient)| hand_on(grads, parent, || gradient));
    }
}

impl Backward<Flex, 4> for NormaliseAndAdd {
    type State = State;

    fn backward(self, ops: Ops<State, 4>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let dy = upstream.as_slice();
        let (mut dx, mut d_added) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
        let parameters = ops.state.backward(dy, Downstream::new(&mut dx).with_added(&mut d_added));
        let added = Values::new(d_added, ops.state.shape);
        let gradients = ops.state.gradients(dx, parameters).into_iter().chain([added]);
        ids!(ops.parents).into_iter().zip(gradients).for_each(|(parent, gradient)| hand_on(grads, parent, || gradient));
    }
}

impl State {
    fn backward(&self, dy: &[f32], below: Downstream<'_>) -> ParameterGradients {
        let [gamma, beta] = &self.parameters;
        let norm = norm::BatchNorm::new(gamma.as_slice(), beta.as_slice(), self.epsilon).expect(CHECKED);
        let above = Upstream::new(dy);
        let above = self.relu_output.as_ref().map_or(above, |y| above.through_relu(y.as_slice()));
        match &self.statistics {
            Statistics::Batch(batch) => norm.backward(self.x.as_slice(), batch, above, below),
            Statistics::Running { mean, variance } => {
                norm.evaluate_backward(self.x.as_slice(), RunningStatistics { mean, variance }, above, below)
            }
        }
        .expect(CHECKED)
    }

    /// Of x, gamma and beta.
    fn gradients(&self, dx: Vec<f32>, ParameterGradients { gamma, beta }: ParameterGradients) -> [Values; 3] {
        let channels = gamma.len();
        [Values::new(dx, self.shape), Values::new(gamma, [channels]), Values::new(beta, [channels])]
    }
}
