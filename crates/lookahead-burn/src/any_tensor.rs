//! Tensors of any rank, side by side in one map.

use std::any::Any;

use burn::tensor::{Tensor, TensorData};
use lookahead::Alpha;

use crate::Error;
use crate::flex::{is_same_memory, zeros_beside};
use crate::pull_back::interpolate;
use crate::read_back;

/// A tensor of any rank.
pub(crate) trait AnyTensor: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn extents(&self) -> Vec<usize>;
    /// The values as they are now.
    fn values(&self) -> Result<TensorData, Error>;
    fn boxed(&self) -> Box<dyn AnyTensor>;
    /// Zeros in its place.
    fn zeros(&self) -> Box<dyn AnyTensor>;
    /// App. C.5 toward `anchor`, or toward 0 where that is none of this shape.
    fn interpolated(self: Box<Self>, anchor: Option<&dyn AnyTensor>, alpha: Alpha) -> Box<dyn AnyTensor>;
    /// How `other` differs from this tensor, if both are to be one parameter's.
    fn difference(&self, other: &dyn AnyTensor) -> Option<&'static str>;
}

impl<const D: usize> AnyTensor for Tensor<D> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn extents(&self) -> Vec<usize> {
        self.dims().to_vec()
    }

    fn values(&self) -> Result<TensorData, Error> {
        read_back::values_now(self.clone())
    }

    fn boxed(&self) -> Box<dyn AnyTensor> {
        Box::new(self.clone())
    }

    fn zeros(&self) -> Box<dyn AnyTensor> {
        Box::new(zeros_beside(self))
    }

    fn interpolated(self: Box<Self>, anchor: Option<&dyn AnyTensor>, alpha: Alpha) -> Box<dyn AnyTensor> {
        let anchor = anchor.and_then(|anchor| anchor.as_any().downcast_ref::<Self>());
        let anchor = anchor.filter(|anchor| anchor.dims() == self.dims()).cloned();
        Box::new(interpolate(*self, anchor, alpha))
    }

    fn difference(&self, other: &dyn AnyTensor) -> Option<&'static str> {
        match other.as_any().downcast_ref::<Self>() {
            Some(other) if self.dims() == other.dims() => difference(self, other),
            _ => Some("tensors of different shapes"),
        }
    }
}

fn difference<const D: usize>(one: &Tensor<D>, other: &Tensor<D>) -> Option<&'static str> {
    if one.dtype() != other.dtype() {
        return Some("tensors of different precisions");
    }
    if one.is_require_grad() && other.is_require_grad() && is_same_leaf(one, other) {
        return None;
    }
    match has_same_values(one, other) {
        Ok(true) => {}
        Ok(false) => return Some("different values"),
        Err(_) => return Some("values that cannot be read from the device"),
    }
    match (one.is_require_grad(), other.is_require_grad()) {
        (true, true) => Some("two tensors whose gradients backward() does not add up"),
        (false, false) => None,
        _ => Some("a tensor that takes gradients and one that does not"),
    }
}

/// Whether both are one leaf of the autodiff graph, so that their gradient is one sum.
fn is_same_leaf<const D: usize>(one: &Tensor<D>, other: &Tensor<D>) -> bool {
    let device = one.device();
    if device != other.device() {
        return false;
    }
    // A gradient put down for the one is found at the other if they are the same leaf.
    let mut grads = Tensor::<1>::zeros([1], &device).require_grad().sum().backward();
    one.grad_replace(&mut grads, Tensor::empty([0; D], &device.without_autodiff()));
    other.grad(&grads).is_some()
}

fn has_same_values<const D: usize>(one: &Tensor<D>, other: &Tensor<D>) -> Result<bool, Error> {
    Ok(is_same_memory(one, other) || one.values()?.as_bytes() == other.values()?.as_bytes())
}
