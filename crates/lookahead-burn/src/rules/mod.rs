//! Our own inner rules for Burn, with PyTorch's definitions and defaults.

mod adafactor;
mod adam;
mod sgd;

pub use adafactor::{AdaFactor, AdaFactorState};
pub use adam::{Adam, AdamW};
pub use sgd::Sgd;
