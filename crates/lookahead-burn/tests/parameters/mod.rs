//! A module without a network, for tests that bring gradients of their own: vectors, matrices and rank 3 in any precision.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::device;

/// A trainable tensor.
#[derive(Module, Debug)]
pub enum Parameter {
    Vector(Param<Tensor<1>>),
    Matrix(Param<Tensor<2>>),
    Cube(Param<Tensor<3>>),
}

/// Trainable tensors in a list, at the paths `list.0.Vector`, `list.1.Matrix` and so on.
#[derive(Module, Debug)]
pub struct Parameters {
    pub list: Vec<Parameter>,
    /// Where tensors join.
    #[module(skip)]
    pub device: Device,
}

impl Parameters {
    pub fn new() -> Self {
        Self { list: Vec::new(), device: device::under_test() }
    }

    /// Lets another tensor join.
    pub fn push(&mut self, shape: &[usize], values: &[f64], dtype: DType) {
        let device = self.device.clone().autodiff();
        self.list.push(match shape.len() {
            1 => Parameter::Vector(Param::from_tensor(tensor(shape, values, dtype, &device))),
            2 => Parameter::Matrix(Param::from_tensor(tensor(shape, values, dtype, &device))),
            3 => Parameter::Cube(Param::from_tensor(tensor(shape, values, dtype, &device))),
            rank => panic!("{rank} dimensions: the tests use one to three"),
        });
    }

    /// The values, tensor by tensor.
    pub fn values(&self) -> Vec<Vec<f64>> {
        let values = |parameter: &Parameter| match parameter {
            Parameter::Vector(param) => param.val().into_data().iter().collect(),
            Parameter::Matrix(param) => param.val().into_data().iter().collect(),
            Parameter::Cube(param) => param.val().into_data().iter().collect(),
        };
        self.list.iter().map(values).collect()
    }

    /// One gradient for each tensor, beside it, or none.
    pub fn gradients(&self, gradients: &[Option<Vec<f64>>]) -> GradientsParams {
        assert_eq!(gradients.len(), self.list.len(), "a gradient, or none, for each tensor");
        let mut grads = GradientsParams::new();
        for (parameter, gradient) in self.list.iter().zip(gradients) {
            match (parameter, gradient) {
                (_, None) => {}
                (Parameter::Vector(param), Some(values)) => {
                    let device = param.val().device().without_autodiff();
                    grads.register(param.id, tensor::<1>(&param.dims(), values, param.dtype(), &device));
                }
                (Parameter::Matrix(param), Some(values)) => {
                    let device = param.val().device().without_autodiff();
                    grads.register(param.id, tensor::<2>(&param.dims(), values, param.dtype(), &device));
                }
                (Parameter::Cube(param), Some(values)) => {
                    let device = param.val().device().without_autodiff();
                    grads.register(param.id, tensor::<3>(&param.dims(), values, param.dtype(), &device));
                }
            }
        }
        grads
    }
}

fn tensor<const D: usize>(shape: &[usize], values: &[f64], dtype: DType, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape.to_vec()).convert_dtype(dtype), (device, dtype))
}
