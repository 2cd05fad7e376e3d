//! The training loop through its interface: batches ahead of need, and what it refuses to save.

mod ahead;
mod altered;
mod non_finite;
mod run;
