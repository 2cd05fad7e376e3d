//! The plane through three points of a path of weights, and the accuracy over it (Fig. 1).
//!
//! Read a [`WeightPath`], lay a [`Plane`] through it, measure its [`Surface`](lookahead_runs::Surface).

mod basis;
mod error;
mod grid;
mod path;
mod surface;

pub use basis::Plane;
pub use error::PlaneError;
pub use grid::Grid;
pub use path::WeightPath;
pub use surface::Survey;
