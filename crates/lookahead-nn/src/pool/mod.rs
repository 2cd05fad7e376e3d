//! Max and average pooling of NHWC images, and the average of whole images, forward and backward. A [`Window`] is what
//! a layer is configured with. Over images of a known [`ImageShape`] it becomes a [`Pooling`], which checks everything
//! but lengths. Backward passes gather: for each pixel they add up what its windows send, so no two threads write the
//! same place and the bits do not depend on their number.

mod average;
mod axis;
mod error;
mod global;
mod max;
mod pooling;
mod shape;
mod window;

pub use average::Denominator;
pub use error::PoolError;
pub use global::{global_average, global_average_backward};
pub use pooling::Pooling;
pub use shape::ImageShape;
pub use window::Window;
