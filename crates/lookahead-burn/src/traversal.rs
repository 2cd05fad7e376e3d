//! Walking a module: parameter paths, and a tensor's way out of autodiff and back.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, GradientCheckpointingStrategy, Tensor, TensorData};

/// The module path of the parameter being visited, such as `layers.0.weight`.
#[derive(Default)]
pub(crate) struct Paths(Vec<String>);

impl Paths {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn current(&self) -> String {
        self.0.join(".")
    }
}

/// What a parameter's tensor carries besides its values, so that it can be put back onto the updated ones.
pub(crate) struct Lifted {
    autodiff: bool,
    require_grad: bool,
    distributed: bool,
    checkpointing: Option<GradientCheckpointingStrategy>,
}

impl Lifted {
    /// Takes the tensor off autodiff.
    pub(crate) fn lower<const D: usize>(tensor: Tensor<D>) -> (Self, Tensor<D>) {
        if !tensor.is_autodiff() {
            return (Self { autodiff: false, require_grad: false, distributed: false, checkpointing: None }, tensor);
        }
        let lifted = Self {
            autodiff: true,
            require_grad: tensor.is_require_grad(),
            distributed: tensor.is_distributed(),
            checkpointing: tensor.gradient_checkpointing_strategy(),
        };
        (lifted, tensor.inner())
    }

    /// Whether the parameter is on autodiff but takes no gradient.
    pub(crate) fn is_frozen(&self) -> bool {
        self.autodiff && !self.require_grad
    }

    /// Puts the updated tensor back as it was.
    pub(crate) fn lift<const D: usize>(self, tensor: Tensor<D>, id: ParamId) -> Tensor<D> {
        if !self.autodiff {
            return tensor;
        }
        let mut tensor = Tensor::from_inner(tensor);
        if let Some(strategy) = self.checkpointing {
            tensor = tensor.with_gradient_checkpointing_strategy(strategy);
        }
        if self.require_grad {
            tensor = tensor.require_grad();
        }
        if self.distributed { tensor.set_distributed(id) } else { tensor }
    }
}

/// The tensor of saved values, in their own precision (`from_data` alone would take the device's default).
pub(crate) fn tensor_of<const D: usize>(data: TensorData, device: &Device) -> Tensor<D> {
    let dtype = data.dtype();
    Tensor::from_data(data, (device, dtype))
}

/// The same gradients once more, sharing their buffers.
pub(crate) fn shared<M: Module>(module: &M, grads: &GradientsParams) -> GradientsParams {
    let mut copy = Share { grads, copy: GradientsParams::new() };
    module.visit(&mut copy);
    copy.copy
}

struct Share<'a> {
    grads: &'a GradientsParams,
    copy: GradientsParams,
}

impl ModuleVisitor for Share<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.grads.get::<D>(param.id) {
            self.copy.register(param.id, gradient);
        }
    }
}

/// Runs a block with the rank of a tensor as a constant.
macro_rules! with_rank {
    ($rank:expr, $d:ident => $body:block) => {
        match $rank {
            0 => {
                const $d: usize = 0;
                $body
            }
            1 => {
                const $d: usize = 1;
                $body
            }
            2 => {
                const $d: usize = 2;
                $body
            }
            3 => {
                const $d: usize = 3;
                $body
            }
            4 => {
                const $d: usize = 4;
                $body
            }
            5 => {
                const $d: usize = 5;
                $body
            }
            6 => {
                const $d: usize = 6;
                $body
            }
            7 => {
                const $d: usize = 7;
                $body
            }
            // Burn dispatches optimizer states up to rank 8.
            _ => {
                const $d: usize = 8;
                $body
            }
        }
    };
}
pub(crate) use with_rank;
