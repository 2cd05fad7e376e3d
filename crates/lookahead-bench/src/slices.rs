//! The core crate's steps: one vector for each tensor.

use std::rc::Rc;
use std::time::Duration;

use lookahead::{Buffer, Grads, Optimizer, ParamSet};

use crate::memory::Memory;
use crate::protocol::{Shape, Sums, Variant, time};
use crate::text;

/// Weights in vectors, moved by an optimizer of the core crate.
pub struct Slices<O: Optimizer<f32>> {
    optimizer: O,
    lr: f64,
    params: ParamSet<'static, f32>,
    state: O::State,
    grads: Rc<Vec<Buffer<f32>>>,
}

impl<O: Optimizer<f32>> Slices<O> {
    /// Marks the memory base between the weights and the optimizer's state.
    pub fn new(
        optimizer: O,
        lr: f64,
        shapes: &[Shape],
        grads: &Rc<Vec<Buffer<f32>>>,
        memory: &mut Memory,
    ) -> Result<Self, String> {
        let mut params = ParamSet::new();
        for shape in shapes {
            params.push(&shape.name, shape.extents.as_slice(), shape.weights()).map_err(text)?;
        }
        memory.mark_base();
        Ok(Self { state: optimizer.init(&params), optimizer, lr, params, grads: Rc::clone(grads) })
    }
}

impl<O: Optimizer<f32>> Variant for Slices<O> {
    fn step(&mut self) -> Duration {
        let Self { optimizer, lr, params, state, grads } = self;
        let grads = Grads::new(params, grads.iter().map(|gradient| Some(&gradient[..])));
        let grads = grads.expect("one gradient was made for each tensor, of its length");
        time(|| optimizer.step(*lr, params, &grads, state)).1
    }

    fn add_to(&self, sums: &mut Sums) {
        self.params.iter().for_each(|param| sums.add(param.values()));
    }
}

pub fn gradients(shapes: &[Shape]) -> Vec<Buffer<f32>> {
    shapes.iter().map(|shape| shape.gradients().into()).collect()
}
