//! The training loop through its interface: batches ahead of need, what it refuses to save, and half precision.

mod ahead;
mod altered;
mod environment;
#[path = "../networks/mod.rs"]
mod networks;
mod non_finite;
mod precision;
mod run;
