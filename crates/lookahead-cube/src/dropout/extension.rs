//! Drawing factors as an operation of Burn's backends.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::cubecl::CubeDim;
use burn::cubecl::{calculate_cube_count_elemwise, prelude::CubeCount};
use burn::tensor::{DType, Device, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::ChaCha8;
use super::kernel::{self, PlaceLaunch, WORDS};
use crate::opens::{MOST_ELEMENTS, has_kernels};

/// What is drawn, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// Where the draws begin.
    pub draws: ChaCha8,
    /// Draws below it drop their element.
    pub dropped: u16,
    /// The factor of the others.
    pub kept: f32,
}

/// Drawing as an operation of a backend.
#[backend_extension(Cube, Fusion: cfg(feature = "fusion"))]
pub trait DropoutKernels: Backend {
    /// Writes over all that `factors` holds.
    #[fusion(dtype = factors, shape = factors)]
    fn draw_factors(factors: FloatTensor<Self>, draws: Draws) -> FloatTensor<Self>;
}

impl DropoutKernels for CubeBackend {
    fn draw_factors(factors: CubeTensor, Draws { draws, dropped, kept }: Draws) -> CubeTensor {
        let elements = factors.meta.shape().num_elements();
        let (block, used) = ((draws.word / WORDS as u128) as u64, (draws.word % WORDS as u128) as usize);
        let blocks = (used + elements.div_ceil(2)).div_ceil(WORDS);
        let client = factors.client.clone();
        let dim = CubeDim::new(&client, blocks);
        let count: CubeCount = calculate_cube_count_elemwise(&client, blocks, dim);
        let (low, high) = (|number: u64| number as u32, |number: u64| (number >> 32) as u32);
        let place = PlaceLaunch::new(low(block), high(block), low(draws.stream), high(draws.stream), used as u32);
        let out = factors.clone().into_linear_view();
        kernel::factors::launch(&client, count, dim, out, draws.key.into(), place, dropped.into(), kept);
        factors
    }
}

pub(super) fn factors<const D: usize>(draws: Draws, shape: [usize; D], device: &Device) -> Option<Tensor<D>> {
    let (device, elements) = (device.clone().without_autodiff(), shape.iter().product());
    if !has_kernels(&device) || !(1..=MOST_ELEMENTS).contains(&elements) {
        return None;
    }
    let factors = Tensor::<D>::empty(shape, (&device, DType::F32));
    Some(Tensor::from_dispatch(Dispatch::draw_factors(factors.into_dispatch(), draws)))
}
