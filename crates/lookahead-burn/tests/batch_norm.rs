//! Re-estimated batch-norm statistics, against a direct computation.

mod device;

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use lookahead_burn::{Error, re_estimate_batch_norm};

#[derive(Module, Debug)]
struct Net {
    first: BatchNorm,
    linear: Linear,
    dropout: Dropout,
    // A frozen weight whose name and shape are those of a statistic.
    running_mean: Param<Tensor<1>>,
    blocks: Vec<BatchNorm>,
}

impl Net {
    fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let hidden = self.linear.forward(self.first.forward(inputs)) + self.running_mean.val().unsqueeze();
        self.blocks.iter().fold(self.dropout.forward(hidden), |hidden, block| block.forward(hidden))
    }
}

fn device() -> Device {
    device::under_test().autodiff()
}

/// A network of 3 inputs and 4 hidden units that has trained on one batch.
fn net(momentum: f64) -> Net {
    let norm = |features| BatchNormConfig::new(features).with_momentum(momentum).init(&device());
    let net = Net {
        first: norm(3),
        linear: LinearConfig::new(3, 4).init(&device()),
        dropout: DropoutConfig::new(0.5).init(),
        running_mean: Param::from_tensor(Tensor::from_floats([0.1, 0.2, 0.3, 0.4], &device())).set_require_grad(false),
        blocks: vec![norm(4), norm(4)],
    };
    net.forward(batches(1).remove(0));
    net
}

/// Inputs of quite different means and spreads, in batches of 6.
fn batches(count: usize) -> Vec<Tensor<2>> {
    let value = |i: usize| (i as f32 * 1.7).sin() * (1.0 + i as f32 % 3.0) + i as f32 / 40.0;
    let batch = |b: usize| TensorData::new((b * 18..(b + 1) * 18).map(value).collect::<Vec<_>>(), [6, 3]);
    (0..count).map(|b| Tensor::from_data(batch(b), &device())).collect()
}

fn forward(net: &Net, batch: Tensor<2>) -> Tensor<2> {
    net.forward(batch)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

fn statistics(norm: &BatchNorm) -> [Vec<f32>; 2] {
    [values(norm.running_mean.value()), values(norm.running_var.value())]
}

/// The mean over batches of each feature's mean and biased variance, in f64.
fn direct(batches: &[Tensor<2>]) -> [Vec<f64>; 2] {
    let features = batches[0].dims()[1];
    let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let statistics = |feature: usize| {
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for batch in batches {
            let column: Vec<f64> = batch.to_data().iter().skip(feature).step_by(features).collect();
            let mean = average(&column);
            means.push(mean);
            variances.push(average(&column.iter().map(|x| (x - mean).powi(2)).collect::<Vec<_>>()));
        }
        (average(&means), average(&variances))
    };
    let (means, variances) = (0..features).map(statistics).unzip();
    [means, variances]
}

fn assert_close(found: &[Vec<f32>; 2], expected: &[Vec<f64>; 2], tolerance: f64) {
    for (&found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((f64::from(found) - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found} is not {expected}");
    }
}

#[test]
fn the_statistics_are_the_means_over_the_batches_for_every_momentum() {
    let batches = batches(4);
    for (momentum, tolerance) in [(0.1, 2e-6), (0.9, 1e-6), (1.0, 1e-6), (0.01, 2e-5), (0.001, 2e-4)] {
        let net = net(momentum);
        let copy = re_estimate_batch_norm(&net.valid(), batches.clone(), forward).unwrap();
        assert_close(&statistics(&copy.first), &direct(&batches), tolerance);

        // What reaches the next layer is normalised by the batch, and no dropout takes part.
        let reaching = |batch: &Tensor<2>| {
            let batch = batch.clone();
            let normalised = (batch.clone() - batch.clone().mean_dim(0)) / (batch.var_bias(0) + 1e-5).sqrt();
            net.linear.forward(normalised) + net.running_mean.val().unsqueeze()
        };
        let hidden: Vec<Tensor<2>> = batches.iter().map(reaching).collect();
        assert_close(&statistics(&copy.blocks[0]), &direct(&hidden), tolerance);
    }
}

#[test]
fn nothing_else_changes_and_the_copy_evaluates() {
    let net = net(0.1);
    let copy = re_estimate_batch_norm(&net, batches(3), forward).unwrap();
    assert_eq!(values(copy.linear.weight.val()), values(net.linear.weight.val()));
    assert_eq!(values(copy.running_mean.val()), [0.1, 0.2, 0.3, 0.4]);
    assert!(copy.devices().iter().all(|device| !device.is_autodiff()));
    assert!(!copy.dropout.training.is_enabled() && !copy.first.training.is_enabled());

    let trained = copy.train();
    assert!(trained.dropout.training.is_enabled() && trained.first.training.is_enabled());
    assert!(trained.linear.weight.is_require_grad() && !trained.running_mean.is_require_grad());
}

#[test]
fn the_training_model_does_not_change_a_bit() {
    let mut net = net(0.1);
    net.dropout.prob = 0.0;
    let mut undisturbed = net.valid().train();
    undisturbed.dropout.prob = 0.0;
    for (step, batch) in batches(4).into_iter().enumerate() {
        // Between two training batches; whichever way the copy is made, an update may be pending in the model.
        let copy = match step {
            0 => net.valid(),
            1 => net.clone(),
            _ => net.valid().train(),
        };
        re_estimate_batch_norm(&copy, batches(3), forward).unwrap();
        re_estimate_batch_norm(&net, batches(2), forward).unwrap();
        assert_eq!(values(net.forward(batch.clone())), values(undisturbed.forward(batch)));
    }
    let (net, undisturbed) = (net.valid(), undisturbed.valid());
    assert_eq!(statistics(&net.first), statistics(&undisturbed.first));
    assert_eq!(
        net.blocks.iter().map(statistics).collect::<Vec<_>>(),
        undisturbed.blocks.iter().map(statistics).collect::<Vec<_>>()
    );
    let evaluated = |net: &Net| values(net.forward(batches(1).remove(0).inner()));
    assert_eq!(evaluated(&net), evaluated(&undisturbed));
}

#[test]
fn the_forward_pass_trains_batch_norm_alone() {
    let net = net(0.1);
    let mut passes = 0;
    re_estimate_batch_norm(&net, batches(3), |net, batch| {
        assert!(net.first.training.is_enabled() && net.blocks[1].training.is_enabled());
        assert!(!net.dropout.training.is_enabled() && !net.linear.weight.is_require_grad());
        passes += 1;
        net.forward(batch)
    })
    .unwrap();
    assert_eq!(passes, 4, "the first batch twice");
}

#[test]
fn a_layer_that_does_not_update_keeps_its_statistics() {
    let mut net = net(0.1);
    net.first = net.first.freeze();
    net.blocks[1] = BatchNormConfig::new(4).with_momentum(0.0).init(&device());
    net.blocks.push(BatchNormConfig::new(4).init(&device()));
    let trained = [net.valid().first, net.valid().blocks[1].clone(), net.valid().blocks[2].clone()];
    let reaching_all_but_the_last = |net: &Net, batch| {
        let hidden = net.linear.forward(net.first.forward(batch));
        net.blocks[1].forward(net.blocks[0].forward(hidden))
    };
    let copy = re_estimate_batch_norm(&net, batches(3), reaching_all_but_the_last).unwrap();
    for (kept, trained) in [&copy.first, &copy.blocks[1], &copy.blocks[2]].into_iter().zip(&trained) {
        assert_eq!(statistics(kept), statistics(trained));
    }
    assert_ne!(statistics(&copy.blocks[0]), statistics(&net.valid().blocks[0]));
}

#[test]
fn a_layer_that_runs_twice_on_a_batch_averages_both() {
    let norm = BatchNormConfig::new(3).with_momentum(0.1).init(&device());
    let batch = batches(1).remove(0);
    let other = batch.clone() * 2.0 + 1.0;
    let both = |norm: &BatchNorm, batch: Tensor<2>| {
        norm.forward(batch.clone());
        norm.forward(batch * 2.0 + 1.0)
    };
    let copy = re_estimate_batch_norm(&norm, [batch.clone()], both).unwrap();
    // (1 - m) : 1
    let (first, second) = (direct(&[batch]), direct(&[other]));
    let mix = |i: usize| first[i].iter().zip(&second[i]).map(|(a, b)| (0.9 * a + b) / 1.9).collect();
    assert_close(&statistics(&copy), &[mix(0), mix(1)], 2e-6);
}

#[test]
fn images_are_averaged_over_their_pixels() {
    let norm = BatchNormConfig::new(2).init(&device());
    let images = Tensor::<4>::random([5, 2, 3, 4], Distribution::Normal(3.0, 2.0), &device());
    let copy = re_estimate_batch_norm(&norm, [images.clone()], |norm, images| norm.forward(images)).unwrap();
    let pixels = images.permute([0, 2, 3, 1]).reshape([-1, 2]);
    assert_close(&statistics(&copy), &direct(&[pixels]), 2e-6);
}

#[test]
fn no_batches_are_an_error() {
    let refused = re_estimate_batch_norm(&net(0.1), Vec::new(), forward);
    assert!(matches!(refused, Err(Error::NoBatches)));
}
