//! The figures of their own kind: the plane through fast weights (Fig. 1), the accuracy after every update (Fig. 10),
//! and event files for TensorBoard.

mod made;
mod map;
#[path = "../support/seal.rs"]
mod seal;
mod tensorboard;
mod trace;
