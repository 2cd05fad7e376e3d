//! Every layer beside Burn's own, values and gradients, over sizes, strides, paddings, dilations and groups.

mod linear;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Tensor};
use lookahead_layers::{
    Epilogue, batch_norm, channels_first, channels_last, conv2d, global_average, max_pool2d, thin_and_pad,
};

fn device() -> Device {
    Device::flex().autodiff()
}

fn random(shape: [usize; 4]) -> Tensor<4> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The root of the mean square of a difference is at most 2e-6 of that of what is expected.
#[track_caller]
fn agree(name: &str, found: Vec<f32>, expected: Vec<f32>) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let square = |sum: f64, value: f64| sum + value * value;
    let error = found.iter().zip(&expected).map(|(a, b)| f64::from(a - b)).fold(0.0, square);
    let size = expected.iter().map(|&b| f64::from(b)).fold(1e-30, square);
    assert!((error / size).sqrt() < 2e-6, "{name}: {}", (error / size).sqrt());
}

/// Compares values, and the gradients of a weighted sum with respect to what is given.
#[track_caller]
fn compare(
    name: &str,
    ours: Tensor<4>,
    theirs: Tensor<4>,
    inputs: &[(&str, Tensor<4>)],
    vectors: &[(&str, Tensor<1>)],
) {
    assert_eq!(ours.dims(), theirs.dims(), "{name}");
    agree(name, numbers(ours.clone()), numbers(theirs.clone()));
    let weights = Tensor::<4>::random(ours.dims(), Distribution::Normal(0.0, 1.0), &device());
    let (ours, theirs) = ((ours * weights.clone()).sum().backward(), (theirs * weights).sum().backward());
    for (of, input) in inputs {
        agree(&format!("{name}: {of}"), numbers(input.grad(&ours).unwrap()), numbers(input.grad(&theirs).unwrap()));
    }
    for (of, input) in vectors {
        agree(&format!("{name}: {of}"), numbers(input.grad(&ours).unwrap()), numbers(input.grad(&theirs).unwrap()));
    }
}

fn convolution(config: &Conv2dConfig, images: [usize; 4]) {
    let (layer, x) = (config.init(&device()), random(images));
    let name = format!("{config} of {images:?}");
    let ours = channels_first(conv2d(&layer, channels_last(x.clone())));
    let theirs = layer.forward(x.clone());
    let bias: Vec<_> = layer.bias.as_ref().map(|bias| ("bias", bias.val())).into_iter().collect();
    compare(&name, ours, theirs, &[("x", x), ("weight", layer.weight.val())], &bias);
}

#[test]
fn convolutions_are_burns() {
    let explicit = |top, left, bottom, right| PaddingConfig2d::Explicit(top, left, bottom, right);
    let base = |channels, kernel| Conv2dConfig::new(channels, kernel);
    for (config, images) in [
        (base([3, 16], [3, 3]).with_padding(explicit(1, 1, 1, 1)), [2, 3, 9, 7]),
        (base([16, 16], [3, 3]).with_padding(explicit(1, 1, 1, 1)).with_bias(false), [3, 16, 8, 8]),
        (base([32, 64], [3, 3]).with_padding(PaddingConfig2d::Same), [2, 32, 16, 16]),
        (base([8, 12], [3, 3]).with_padding(PaddingConfig2d::Same).with_stride([2, 2]), [2, 8, 11, 10]),
        (base([5, 7], [4, 2]).with_padding(PaddingConfig2d::Same), [1, 5, 6, 9]),
        (base([16, 32], [1, 1]).with_stride([2, 2]).with_bias(false), [2, 16, 8, 8]),
        (base([3, 8], [7, 7]).with_stride([2, 2]).with_padding(explicit(3, 3, 3, 3)), [1, 3, 20, 20]),
        (base([4, 6], [3, 3]).with_dilation([2, 1]).with_padding(explicit(2, 0, 1, 3)), [2, 4, 9, 8]),
        (base([6, 9], [3, 3]).with_groups(3), [2, 6, 7, 7]),
        (base([8, 8], [3, 3]).with_groups(8).with_padding(explicit(1, 1, 1, 1)), [2, 8, 6, 6]),
        (base([1, 1], [1, 1]), [1, 1, 1, 1]),
    ] {
        convolution(&config, images);
    }
}

/// A batch norm with parameters and running statistics that are no plain ones and zeros.
fn norm(channels: usize) -> BatchNorm {
    let layer = BatchNormConfig::new(channels).init(&device());
    let vector = |low, high| Tensor::<1>::random([channels], Distribution::Uniform(low, high), &device());
    let layer = BatchNorm {
        gamma: burn::module::Param::from_tensor(vector(0.5, 2.0)),
        beta: burn::module::Param::from_tensor(vector(-1.0, 1.0)),
        ..layer
    };
    layer.running_mean.update(vector(-1.0, 1.0).detach());
    layer.running_var.update(vector(0.5, 2.0).detach());
    layer
}

fn statistics(layer: &BatchNorm) -> [Vec<f32>; 2] {
    [&layer.running_mean, &layer.running_var].map(|running| numbers(running.value_sync()))
}

#[test]
fn batch_norm_is_burns_and_keeps_the_same_statistics() {
    for shape in [[4, 16, 5, 3], [2, 3, 4, 4], [1, 17, 6, 6]] {
        for kind in 0..3 {
            let (layer, x, added) = (norm(shape[1]), random(shape), random(shape));
            let before = statistics(&layer);
            let theirs = layer.forward(x.clone());
            let of_burn = statistics(&layer);
            let [mean, variance] = before.map(|numbers| Tensor::<1>::from_data(numbers.as_slice(), &device()));
            layer.running_mean.update(mean);
            layer.running_var.update(variance);

            let (epilogue, theirs, mut inputs) = match kind {
                0 => (Epilogue::default(), theirs, vec![]),
                1 => (Epilogue::relu(), relu(theirs), vec![]),
                _ => {
                    let epilogue = Epilogue::add_relu(channels_last(added.clone()));
                    (epilogue, relu(theirs + added.clone()), vec![("added", added)])
                }
            };
            let ours = channels_first(batch_norm(&layer, channels_last(x.clone()), epilogue));
            for (ours, theirs) in statistics(&layer).into_iter().zip(of_burn) {
                agree("running", ours, theirs);
            }
            inputs.push(("x", x));
            let vectors = [("gamma", layer.gamma.val()), ("beta", layer.beta.val())];
            compare(&format!("{shape:?}, {kind}"), ours, theirs, &inputs, &vectors);
        }
    }
}

#[test]
fn without_autodiff_batch_norm_takes_the_running_statistics() {
    let (layer, x) = (norm(6).valid(), random([2, 6, 3, 3]).inner());
    let before = statistics(&layer);
    let ours = channels_first(batch_norm(&layer, channels_last(x.clone()), Epilogue::relu()));
    agree("evaluation", numbers(ours), numbers(relu(layer.forward(x))));
    assert_eq!(statistics(&layer), before);
}

#[test]
fn max_pooling_is_burns() {
    let base = |kernel| MaxPool2dConfig::new(kernel);
    for (config, shape) in [
        (base([2, 2]), [2, 3, 8, 6]),
        (base([3, 3]).with_strides([2, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)), [2, 16, 9, 7]),
        (base([2, 3]).with_strides([1, 2]).with_dilation([2, 1]), [1, 5, 7, 9]),
    ] {
        let (layer, x) = (config.init(), random(shape));
        let ours = channels_first(max_pool2d(&layer, channels_last(x.clone())));
        compare("max pool", ours, layer.forward(x.clone()), &[("x", x)], &[]);
    }
}

#[test]
fn means_and_shortcuts_are_those_of_tensor_operations() {
    let x = random([2, 5, 4, 3]);
    let ours = global_average(channels_last(x.clone())).reshape([2, 5, 1, 1]);
    compare("mean", ours, x.clone().mean_dim(2).mean_dim(3), &[("x", x)], &[]);

    let x = random([2, 4, 5, 6]);
    let ours = channels_first(thin_and_pad(channels_last(x.clone()), 2, 7));
    let thin = x.clone().slice(burn::tensor::s![.., .., ..;2, ..;2]);
    let theirs = Tensor::cat(vec![thin, Tensor::zeros([2, 3, 3, 3], &device())], 1);
    compare("shortcut", ours, theirs, &[("x", x)], &[]);
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_the_others_theirs() {
    let layer: Conv2d = Conv2dConfig::new([2, 3], [3, 3]).init(&device());
    let layer = Conv2d { weight: layer.weight.set_require_grad(false), ..layer };
    let x = random([1, 2, 5, 5]);
    let gradients = conv2d(&layer, channels_last(x.clone())).sum().backward();
    assert!(layer.weight.val().grad(&gradients).is_none());
    assert!(x.grad(&gradients).is_some());
    assert!(layer.bias.unwrap().val().grad(&gradients).is_some());
}

/// The gradients of what a call gives, with respect to `of`, if they come at all.
fn gradient<const D: usize>(output: Tensor<4>, of: &Tensor<D>) -> Vec<f32> {
    assert!(output.is_autodiff(), "the graph is lost");
    numbers(of.grad(&output.powi_scalar(2).sum().backward()).expect("a gradient"))
}

#[test]
fn tensors_without_autodiff_are_constants_beside_others() {
    let plain = random([2, 3, 6, 6]).inner();
    let layer = Conv2dConfig::new([3, 4], [3, 3]).init(&device());
    let ours = conv2d(&layer, channels_last(plain.clone()));
    let weight = layer.weight.val();
    agree("weight", gradient(channels_first(ours), &weight), gradient(layer.forward(plain.clone()), &weight));

    let x = random([2, 3, 6, 6]);
    let frozen = layer.clone().valid();
    let ours = conv2d(&frozen, channels_last(x.clone()));
    agree("x", gradient(channels_first(ours), &x), gradient(frozen.forward(x.clone()), &x));

    let layer = norm(3);
    let ours = batch_norm(&layer, channels_last(x.clone()), Epilogue::add_relu(channels_last(plain.clone())));
    let theirs = relu(layer.forward(x.clone()) + plain.clone());
    agree("added", gradient(channels_first(ours), &x), gradient(theirs, &x));
}

#[test]
fn a_device_with_gradient_checkpointing_goes_through_burns_own_operations() {
    let device = Device::flex().autodiff().gradient_checkpointing();
    let (conv, norm) = (Conv2dConfig::new([3, 4], [3, 3]).init(&device), BatchNormConfig::new(4).init(&device));
    let x = Tensor::<4>::random([2, 3, 8, 8], Distribution::Default, &device).require_grad();
    let y = batch_norm(&norm, conv2d(&conv, channels_last(x.clone())), Epilogue::relu());
    let y = max_pool2d(&MaxPool2dConfig::new([2, 2]).init(), thin_and_pad(y, 1, 5));
    let gradients = global_average(y).sum().backward();
    assert!(x.grad(&gradients).is_some() && conv.weight.val().grad(&gradients).is_some());
}

#[test]
fn what_the_kernels_do_not_take_is_burns() {
    let layer = BatchNorm { epsilon: 0.0, ..norm(3) };
    let x = random([2, 3, 4, 4]).inner();
    let layer = layer.valid();
    agree(
        "epsilon 0",
        numbers(channels_first(batch_norm(&layer, channels_last(x.clone()), Epilogue::default()))),
        numbers(layer.forward(x)),
    );
    let layer = Conv2d { kernel_size: [5, 5], ..Conv2dConfig::new([3, 4], [3, 3]).init(&device()) };
    let x = random([1, 3, 7, 7]);
    agree("kernel", numbers(channels_first(conv2d(&layer, channels_last(x.clone())))), numbers(layer.forward(x)));
}

#[test]
#[should_panic = "what is added to images has their shape"]
fn what_is_added_has_the_shape_of_the_images() {
    let one = Tensor::ones([1, 1, 1, 3], &device());
    let _ = batch_norm(&norm(3), channels_last(random([2, 3, 6, 6])), Epilogue::add_relu(one));
}

#[test]
fn the_drop_in_is_displayed_as_burns() {
    let layer = Conv2dConfig::new([4, 6], [3, 3]).with_groups(2).init(&device());
    assert_eq!(lookahead_layers::Conv2d::from(layer.clone()).to_string(), layer.to_string());
}

#[test]
fn the_drop_in_has_burns_paths_and_values() {
    struct Paths(Vec<String>, Vec<String>);
    impl burn::module::ModuleVisitor for Paths {
        fn visit_float<const D: usize>(&mut self, _param: &burn::module::Param<Tensor<D>>) {
            self.1.push(self.0.join("."));
        }
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.pop();
        }
    }
    fn paths(module: &impl Module) -> Vec<String> {
        let mut paths = Paths(vec![], vec![]);
        module.visit(&mut paths);
        paths.1
    }
    let layer = Conv2dConfig::new([3, 4], [3, 3]).with_stride([2, 1]).init(&device());
    let drop_in = lookahead_layers::Conv2d::from(layer.clone());
    assert_eq!(paths(&drop_in), paths(&layer));
    assert_eq!(paths(&layer), ["weight", "bias"]);
    let x = random([2, 3, 9, 8]);
    agree("drop-in", numbers(drop_in.forward(x.clone())), numbers(layer.forward(x)));
}

#[test]
fn double_precision_goes_through_burns_own_operations() {
    let device = Device::flex();
    let layer = Conv2dConfig::new([2, 3], [3, 3]).init(&device);
    let x = Tensor::<4>::random([1, 2, 5, 5], Distribution::Default, &device);
    let double = Conv2d {
        weight: layer.weight.clone().map(|weight| weight.cast(burn::tensor::DType::F64)),
        bias: layer.bias.clone().map(|bias| bias.map(|bias| bias.cast(burn::tensor::DType::F64))),
        ..layer.clone()
    };
    let found = conv2d(&double, channels_last(x.clone().cast(burn::tensor::DType::F64)));
    agree("f64", numbers(found), numbers(conv2d(&layer, channels_last(x))));
}
