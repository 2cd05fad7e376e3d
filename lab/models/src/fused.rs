//! What the operations written by hand for the CPU share: tensors opened as slices, and their place in the autodiff graph.

mod pointwise;
mod product;

use std::ops::Range;

use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Device, Tensor, TensorData};

pub(super) use self::pointwise::{add, dot, exp, maximum, sigmoid, sum, tanh};
pub(super) use self::product::product;

/// Whether the operations written by hand take this tensor: f32 on the CPU. Others go through tensor operations.
pub(super) fn opens<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && tensor.device() == Device::flex()
}

/// The contiguous values of an f32 tensor on the CPU. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Values(FlexTensor);

impl Values {
    pub(super) fn new(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> Self {
        Self(FlexTensor::from_data(TensorData::new(values, shape.into())))
    }

    pub(super) fn from_primitive(primitive: FlexTensor) -> Self {
        Self(if primitive.is_contiguous() { primitive } else { primitive.to_contiguous() })
    }

    pub(super) fn into_primitive(self) -> FlexTensor {
        self.0
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        let range = self.range();
        &self.0.storage::<f32>()[range]
    }

    /// To write; copied first if something else holds them.
    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        let range = self.range();
        &mut self.0.storage_mut::<f32>()[range]
    }

    /// The part of the first dimension in `range`, sharing the values.
    pub(super) fn narrow(&self, range: Range<usize>) -> Self {
        Self(self.0.narrow(0, range.start, range.len()))
    }

    /// A tensor without autodiff.
    pub(super) fn into_tensor<const D: usize>(self) -> Tensor<D> {
        Tensor::from_primitive::<Flex>(self.0)
    }

    fn range(&self) -> Range<usize> {
        let (start, end) = self.0.layout().contiguous_offsets().unwrap_or((0, 0));
        start..end
    }
}

/// Takes apart a tensor that [`opens`]: its values, and its node in the autodiff graph if it is on an autodiff device.
pub(super) fn open<const D: usize>(tensor: Tensor<D>) -> (Values, Option<NodeGuard>) {
    // `opens` has seen the CPU backend's device, which is all that these conversions check: nothing here asks for
    // gradient checkpointing.
    let (primitive, node) = if tensor.is_autodiff() {
        let tracked = tensor.try_into_primitive::<Autodiff<Flex>>().expect("a tensor that `opens`");
        let (primitive, node) = tracked.into_parts();
        (primitive, Some(node))
    } else {
        (tensor.try_into_primitive::<Flex>().expect("a tensor that `opens`"), None)
    };
    (Values::from_primitive(primitive), node)
}

/// Puts `output` into the autodiff graph as what `operation` made of `inputs`; where those are on a device without
/// autodiff, the output is so too.
pub(super) fn record<B: Backward<Flex, N>, const N: usize, const D: usize>(
    operation: B,
    inputs: [Option<NodeGuard>; N],
    state: B::State,
    output: Values,
) -> Tensor<D> {
    let inputs: Option<Vec<NodeGuard>> = inputs.into_iter().collect();
    let Some(inputs) = inputs.and_then(|inputs| <[NodeGuard; N]>::try_from(inputs).ok()) else {
        return output.into_tensor();
    };
    let tracked = match operation.prepare::<NoCheckpointing>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(state, output.into_primitive()),
        OpsKind::UnTracked(prepared) => prepared.finish(output.into_primitive()),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(tracked)
}
