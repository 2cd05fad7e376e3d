//! What can be wrong with the slices and numbers of a normalisation.

use thiserror::Error;

/// Why a normalisation or an activation was refused. Nothing has been written then.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NormError {
    /// Epsilon keeps the square root away from zero.
    #[error("epsilon is {got}; it must be finite and at least the smallest normal f32, 1.2e-38")]
    Epsilon {
        /// The value given.
        got: f64,
    },
    /// There is nothing to normalise, or no channel to normalise it in.
    #[error("`{slice}` is empty; it needs at least one element")]
    Empty {
        /// The argument's name.
        slice: &'static str,
    },
    /// A slice does not go with another one.
    #[error("`{slice}` has {got} elements; it needs {needed}, as many as `{like}`")]
    Length {
        /// The argument's name.
        slice: &'static str,
        /// Its length.
        got: usize,
        /// The length that fits.
        needed: usize,
        /// The argument that decides it.
        like: &'static str,
    },
    /// The input ends within a pixel.
    #[error("`x` has {got} elements; it needs a multiple of the {channels} channels of `gamma`")]
    PartialPixel {
        /// The input's length.
        got: usize,
        /// Channels of a pixel.
        channels: usize,
    },
}

/// The slice `name` has as many elements as the slice `like`, whose length is `needed`.
pub(super) fn check_length(name: &'static str, got: usize, like: &'static str, needed: usize) -> Result<(), NormError> {
    if got == needed { Ok(()) } else { Err(NormError::Length { slice: name, got, needed, like }) }
}
