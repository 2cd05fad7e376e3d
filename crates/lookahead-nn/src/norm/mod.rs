//! Batch normalisation with what usually follows it, an addition and a ReLU, in the same pass over memory; and these
//! alone. [`BatchNorm`] goes forward with an [`Epilogue`], and backward from an [`Upstream`] gradient to what is
//! [`Downstream`]. Nothing here remembers a running average: that is the caller's. Tensors are NHWC, pixels by channels
//! in one slice, for any number of channels. Results are the same bits on any number of threads and with any vectors.

mod backward;
mod batch_norm;
mod epilogue;
mod error;
mod forward;
mod normalization;
mod pieces;
mod relu;
mod rows;
mod statistics;
mod sums;

pub use batch_norm::BatchNorm;
pub use epilogue::{Downstream, Epilogue, Upstream};
pub use error::NormError;
pub use normalization::ParameterGradients;
pub use relu::{add_relu, relu, relu_backward};
pub use statistics::{BatchStatistics, RunningStatistics};
