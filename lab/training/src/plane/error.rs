//! Why there is no plane through a path of weights, or no surface over it.

use std::path::PathBuf;

use lookahead_runs::printable::printable_path;

/// What is wrong with a path of weights, or with the grid laid over its plane.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaneError {
    /// The file could not be read.
    #[error("cannot read {}", printable_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not in the format.
    #[error("{}: not a safetensors file: {reason}", printable_path(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        reason: String,
    },
    /// A tensor's name says neither which weights nor which update it belongs to.
    #[error(
        "{}: tensor {name:?} has no place on a path, accepted: fast.N/PATH and slow.N/PATH, N being the update",
        printable_path(path)
    )]
    UnknownName {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor that some weights of the path hold, and others do not, or in another shape or type.
    #[error(
        "{}: {point} does not hold tensor {name:?} as {expected}, as the first fast weights do",
        printable_path(path)
    )]
    Uneven {
        /// The file.
        path: PathBuf,
        /// The weights: `fast.3`.
        point: String,
        /// The tensor.
        name: String,
        /// Its type and shape: `F32 [10, 64]`.
        expected: String,
    },
    /// A tensor of another type than 32-bit floats.
    #[error("{}: tensor {name:?} is of type {found}, accepted: F32", printable_path(path))]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor, with its update.
        name: String,
        /// Its type.
        found: String,
    },
    /// A weight that is not finite.
    #[error(
        "{}: tensor {name:?} holds a weight that is not finite: such weights have no place on a plane",
        printable_path(path)
    )]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// The tensor, with its update.
        name: String,
    },
    /// Too few fast weights: three are needed.
    #[error("a plane needs the fast weights at three updates, the path has {found}")]
    TooFewPoints {
        /// How many there are.
        found: usize,
    },
    /// The three fast weights lie on a line, or two of them at one point.
    #[error(
        "the fast weights of updates {}, {} and {} lie on a line: no plane is defined by them", updates[0], updates[1], updates[2]
    )]
    Collinear {
        /// Their updates.
        updates: [u32; 3],
    },
    /// A path beside another one that does not begin at the same weights.
    #[error(
        "the weights of {label:?} do not begin where the path begins that defines the plane: they are no path beside it"
    )]
    OtherStart {
        /// Whose path.
        label: String,
    },
    /// A number outside its range.
    #[error("{name} = {value} is out of range, accepted: {accepted}")]
    OutOfRange {
        /// What it is.
        name: &'static str,
        /// The number found.
        value: f64,
        /// The accepted range.
        accepted: &'static str,
    },
}
