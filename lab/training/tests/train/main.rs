//! The training loop through its interface: what it refuses to save, and half precision.

mod non_finite;
mod run;
