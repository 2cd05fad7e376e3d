//! Inner rules, with PyTorch's definitions and defaults: SGD, Adam, AdamW, AdaFactor.

mod adafactor;
mod adam;
mod sgd;

pub use adafactor::{AdaFactor, AdaFactorState};
pub use adam::{Adam, AdamHyperparameters, AdamState, AdamW, BiasCorrection};
pub use sgd::{Sgd, SgdState};
