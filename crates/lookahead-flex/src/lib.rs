//! Tensors of Burn's CPU backend as slices, in place: for operations written by hand, forward and backward, without a copy.
//!
//! An operation [`open`]s its inputs, computes on [`Values`], and [`record`]s its output in the autodiff graph; the README has a
//! whole one. What does not [`opens`] is left to Burn's own operations.

#![deny(missing_docs)]

use std::ops::Range;

use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Device, GradientCheckpointingStrategy, Tensor, TensorData};

/// Whether operations written by hand take this tensor: f32 on the CPU, and if it is on an autodiff device, one that keeps what a
/// backward pass needs. Others, such as those of a device with gradient checkpointing, go through tensor operations.
#[must_use]
pub fn opens<const D: usize>(tensor: &Tensor<D>) -> bool {
    let keeps =
        matches!(tensor.gradient_checkpointing_strategy(), None | Some(GradientCheckpointingStrategy::Disabled));
    tensor.dtype() == DType::F32 && tensor.device() == Device::flex() && keeps
}

/// Whether `other` is opened together with `tensor`: it [`opens`], and both are on autodiff devices, or neither is. Where one is
/// and the other is not, Burn's operations take the other for a constant; [`record`] would lose the graph.
#[must_use]
pub fn opens_beside<const D: usize, const E: usize>(tensor: &Tensor<D>, other: &Tensor<E>) -> bool {
    opens(other) && tensor.is_autodiff() == other.is_autodiff()
}

/// The contiguous values of an f32 tensor on the CPU. Clones share them.
#[derive(Debug, Clone)]
pub struct Values(FlexTensor);

impl Values {
    /// The values of a tensor without autodiff.
    ///
    /// # Panics
    /// Unless [`opens`] holds for the tensor, and it is not on an autodiff device.
    #[must_use]
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        // Proved by `opens`: the conversion checks for the CPU backend and the absence of autodiff alone.
        Self::from_primitive(tensor.try_into_primitive::<Flex>().expect("a tensor that `opens`"))
    }

    /// Values of this shape.
    pub fn new(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> Self {
        Self(FlexTensor::from_data(TensorData::new(values, shape.into())))
    }

    /// Zeros of the same shape, to be streamed through beside these: if they take some pages, they begin `apart` sixteenths of a
    /// page after the place in one where these begin. At the same place, elements would share the few lines of a cache's set.
    ///
    /// ```
    /// use lookahead_flex::Values;
    /// let weights = Values::new(vec![1.0; 10_000], [100, 100]);
    /// let momentum = weights.zeros_beside(5);
    /// assert_eq!(momentum.as_slice(), [0.0; 10_000]);
    /// let place = |values: &Values| values.as_slice().as_ptr() as usize % 4096;
    /// assert_eq!((place(&weights) + 5 * 256) % 4096, place(&momentum));
    /// ```
    #[must_use]
    pub fn zeros_beside(&self, apart: usize) -> Self {
        const PAGE: usize = 4096;
        let (shape, length) = (self.0.layout().shape().clone(), self.as_slice().len());
        if length * size_of::<f32>() < 4 * PAGE {
            return Self(FlexTensor::zeros(shape, DType::F32));
        }
        let roomy = FlexTensor::zeros([length + PAGE / size_of::<f32>()].into(), DType::F32);
        let place = (self.as_slice().as_ptr() as usize).wrapping_add(apart % 16 * (PAGE / 16));
        let begin = place.wrapping_sub(roomy.bytes().as_ptr() as usize) % PAGE;
        Self(roomy.narrow(0, begin / size_of::<f32>(), length).reshape(shape))
    }

    /// The values of an f32 primitive, made contiguous.
    pub fn from_primitive(primitive: FlexTensor) -> Self {
        Self(if primitive.is_contiguous() { primitive } else { primitive.to_contiguous() })
    }

    /// The primitive.
    pub fn into_primitive(self) -> FlexTensor {
        self.0
    }

    /// To read, in the order of the dimensions.
    pub fn as_slice(&self) -> &[f32] {
        let range = self.range();
        &self.0.storage::<f32>()[range]
    }

    /// To write; copied first if something else holds them.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let range = self.range();
        &mut self.0.storage_mut::<f32>()[range]
    }

    /// The part of the first dimension in `range`, sharing the values.
    pub fn narrow(&self, range: Range<usize>) -> Self {
        Self(self.0.narrow(0, range.start, range.len()))
    }

    /// A tensor without autodiff.
    pub fn into_tensor<const D: usize>(self) -> Tensor<D> {
        Tensor::from_primitive::<Flex>(self.0)
    }

    fn range(&self) -> Range<usize> {
        let (start, end) = self.0.layout().contiguous_offsets().unwrap_or((0, 0));
        start..end
    }
}

/// Takes apart a tensor: its values, and its node in the autodiff graph if it is on an autodiff device.
///
/// # Panics
/// Unless [`opens`] holds for the tensor.
#[must_use]
pub fn open<const D: usize>(tensor: Tensor<D>) -> (Values, Option<NodeGuard>) {
    // Proved by `opens`: this conversion checks for the CPU backend, with autodiff and without gradient checkpointing.
    let (primitive, node) = if tensor.is_autodiff() {
        let tracked = tensor.try_into_primitive::<Autodiff<Flex>>().expect("a tensor that `opens`");
        let (primitive, node) = tracked.into_parts();
        (primitive, Some(node))
    } else {
        return (Values::of(tensor), None);
    };
    (Values::from_primitive(primitive), node)
}

/// Puts `output` into the autodiff graph as what `operation` made of `inputs`; where those are on a device without
/// autodiff, the output is so too.
pub fn record<B: Backward<Flex, N>, const N: usize, const D: usize>(
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

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
