//! The Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019) over plain slices: no framework, no I/O.
//!
//! Lookahead keeps two sets of weights. An inner optimizer moves the *fast* weights theta for k steps; then the *slow*
//! weights move part of the way, `phi <- phi + alpha (theta - phi)`, and theta restarts from phi (Algorithm 1).
//!
//! ```
//! use lookahead::{Grads, Lookahead, Optimizer, ParamSet, rules::Sgd};
//!
//! # fn main() -> Result<(), lookahead::Error> {
//! let mut params = ParamSet::new();
//! params.push("weight", [2], vec![1.0_f32, -1.0])?;
//!
//! let optimizer = Lookahead::new(Sgd::new().with_momentum(0.9)?);     // k = 5, alpha = 0.5
//! let mut state = optimizer.init(&params);
//! for _ in 0..10 {
//!     let gradient = params.slice(0).to_vec();                       // of the loss |w|^2 / 2
//!     let grads = Grads::new(&params, [Some(gradient)])?;
//!     optimizer.step(0.1, &mut params, &grads, &mut state);
//! }
//! let slow = &state.slow()[0];                                       // evaluate on these
//! assert!(slow[0].abs() < 1.0);
//! # Ok(())
//! # }
//! ```
//!
//! Where to find what: Algorithm 1 is [`lookahead`](crate::Lookahead)'s `step`; Eq. 1 is [`kernels::pull_back`]; Prop. 1
//! is [`Adaptive`]; App. C.5's policies are [`InnerStatePolicy`].

#![deny(missing_docs)]

mod average;
mod buffer;
mod clock;
mod config;
mod describe;
mod error;
mod float;
mod hyperparameters;
mod inner_state;
pub mod kernels;
mod lookahead;
mod nesting;
mod optimizer;
mod params;
pub mod rules;
mod schedule;
mod slow_weights;
mod snapshot;
mod step_size;

pub use average::{Averaged, AveragedState, Averaging, NonMonotonicTrigger};
pub use buffer::Buffer;
pub use clock::{SyncClock, Tick};
pub use config::LookaheadConfig;
pub use describe::{Describe, Description, Layer, Value};
pub use error::Error;
pub use float::Float;
pub use hyperparameters::{Alpha, SyncPeriod};
pub use inner_state::{InnerState, InnerStatePolicy};
pub use lookahead::{Lookahead, LookaheadState, SyncReport};
pub use optimizer::{Cadence, Optimizer, SecondMoment};
pub use params::{Grads, Param, ParamSet, Storage};
pub use schedule::Schedule;
pub use slow_weights::{PullBack, SlowStorage};
pub use snapshot::Snapshot;
pub use step_size::{Adaptive, ChosenAlpha, CurvaturePower, SquaredGradients, StepSize};
