//! What can be wrong with shapes, windows and slices of a pooling.

use thiserror::Error;

use super::window::LARGEST;

/// Why a pooling was refused. Nothing has been written then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A dimension of the images is zero.
    #[error("{dimension} is 0; it must be at least 1")]
    NoElements {
        /// Which.
        dimension: &'static str,
    },
    /// The images do not fit in memory, or the pixels of one cannot be numbered by a `u32`.
    #[error("{batch} images of {height} x {width} pixels of {channels} channels are too many")]
    TooLarge {
        /// Images.
        batch: usize,
        /// Rows of an image.
        height: usize,
        /// Pixels of a row.
        width: usize,
        /// Values of a pixel.
        channels: usize,
    },
    /// A setting of the window is out of range.
    #[error("{setting} is {got:?} (height, width); each must be in {least}..={LARGEST}")]
    Setting {
        /// Which: kernel, stride, dilation or padding.
        setting: &'static str,
        /// The setting, for height and width.
        got: [usize; 2],
        /// The least that is accepted.
        least: usize,
    },
    /// The window does not fit in the padded images.
    #[error("along the {axis} a window reaches over {extent} pixels, but the padded images have {padded}")]
    WindowTooLarge {
        /// Height or width.
        axis: &'static str,
        /// From the window's first to its last pixel, both counted.
        extent: usize,
        /// Pixels of the images with their padding.
        padded: usize,
    },
    /// A window holds padding alone: it has no maximum.
    #[error("along the {axis} window {window} holds padding alone; padding must be less than the window's reach")]
    PaddingAlone {
        /// Height or width.
        axis: &'static str,
        /// The window, counted from 0.
        window: usize,
    },
    /// A slice does not go with the shape.
    #[error("`{slice}` has {got} elements; its shape has {needed}")]
    Length {
        /// The argument's name.
        slice: &'static str,
        /// Its length.
        got: usize,
        /// The length that fits.
        needed: usize,
    },
}
