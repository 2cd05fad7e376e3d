//! Our own inner rules for Burn, with PyTorch's definitions and defaults.

mod adam;
mod sgd;

pub use adam::{Adam, AdamW};
pub use sgd::Sgd;
