//! The sum of squares that the norm of a gradient is the root of, as an operation of Burn's backends.

mod kernel;

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::cubecl::CubeDim;
use burn::cubecl::{calculate_cube_count_elemwise, prelude::CubeCount};
use burn::tensor::{DType, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

use self::kernel::{BLOCK, UNITS};
use crate::opens_up_to_single;

/// The sum as an operation of a backend.
#[backend_extension(Cube, Fusion: cfg(feature = "fusion"))]
pub trait SquareKernels: Backend {
    /// Pairs of numbers of f32.
    #[fusion(dtype = DType::F32, shape = parts_of(values))]
    fn scaled_squares(values: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl SquareKernels for CubeBackend {
    fn scaled_squares(values: CubeTensor) -> CubeTensor {
        let shape = parts_of(values.meta.shape());
        let client = values.client.clone();
        let parts = empty_device_contiguous_dtype(client.clone(), values.device.clone(), shape.clone(), DType::F32);
        let pairs = shape.num_elements() / 2;
        if pairs > 0 {
            let dim = CubeDim::new(&client, pairs);
            let count: CubeCount = calculate_cube_count_elemwise(&client, pairs, dim);
            let (dtype, out) = (dtype_to_elem_type(values.dtype), parts.clone().into_linear_view());
            kernel::scaled_squares::launch(&client, count, dim, values.into_linear_view(), out, dtype);
        }
        parts
    }
}

/// As many pairs as units, and those a multiple of [`UNITS`], so that they are summed in long rows.
fn parts_of(values: &Shape) -> Shape {
    Shape::new([2 * UNITS * values.num_elements().div_ceil(BLOCK)])
}

/// Pairs of numbers, each of some of the elements: the largest magnitude `a`, and the sum of `(g / a)^2`, which does not overflow. In
/// one kernel, in f32 whatever the precision of the elements, in an order that the shape alone decides. `a` is normal and at
/// most 2^126, so that a division by it is exact enough in WGSL too; where an element is not finite, neither is the sum. No
/// elements have no pairs.
///
/// # Panics
/// Unless the tensor [`opens_up_to_single`].
#[must_use]
pub fn scaled_squares<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    assert!(opens_up_to_single(&values), "a tensor that the kernels do not take");
    Tensor::from_dispatch(Dispatch::scaled_squares(values.into_dispatch()))
}
