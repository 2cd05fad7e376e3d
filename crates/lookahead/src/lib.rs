//! The Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019) over plain slices: no framework, no I/O.
//!
//! Lookahead keeps two sets of weights. An inner optimizer moves the *fast* weights theta for k steps; then the *slow*
//! weights move part of the way, `phi <- phi + alpha (theta - phi)`, and theta restarts from phi (Algorithm 1).
//!
//! # What it is, by what it equals
//! - Table 1's Lookahead is [`Lookahead::with_config`]`(Sgd, Reset)`: SGD with momentum inside, and
//!   [`InnerStatePolicy::Reset`] (App. C.1).
//! - With alpha = 1 and a state that is maintained it is its inner optimizer, bit for bit, whatever k is.
//! - With k = 1 around plain SGD it is SGD with the learning rate alpha gamma; for any rule k = 1 interpolates each step.
//! - Through a sync a weight that has not moved keeps its bits, -0.0 too.
//! - Two of the same k, one around the other, are one with the product of their alphas.
//! - [`LookaheadConfig::with_outer_step`] gives it the momentum of its descendants ([`family`]); without momentum that is
//!   Lookahead, bit for bit.
//! - [`Averaged`] around it leaves its run as it is: averages are looked at, never stepped from.
//!
//! ```
//! use lookahead::rules::{AdamW, Sgd};
//! use lookahead::{Alpha, Error, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, SyncPeriod};
//!
//! /// The weights after 12 steps down the slope of |w|^2 / 2.
//! fn run(optimizer: &impl Optimizer<f64>, lr: f64) -> Result<Vec<f64>, Error> {
//!     let mut params = ParamSet::new();
//!     params.push("w", [2], vec![1.0, -3.0])?;
//!     let mut state = optimizer.init(&params);
//!     for _ in 0..12 {
//!         let grads = Grads::new(&params, [Some(params.slice(0).to_vec())])?;
//!         optimizer.step(lr, &mut params, &grads, &mut state);
//!     }
//!     Ok(params.slice(0).to_vec())
//! }
//! let config = |k, alpha| {
//!     Ok::<_, Error>(LookaheadConfig::new().with_sync_period(SyncPeriod::new(k)?).with_alpha(Alpha::new(alpha)?))
//! };
//! let near = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
//!
//! let momentum = Sgd::new().with_momentum(0.9)?;
//! let table_1 = Lookahead::with_config(momentum, LookaheadConfig::new().with_inner_state(InnerStatePolicy::Reset))?;
//! assert_ne!(run(&table_1, 0.1)?, run(&Lookahead::new(momentum), 0.1)?);
//!
//! assert_eq!(run(&Lookahead::with_config(AdamW::new(), config(4, 1.0)?)?, 0.1)?, run(&AdamW::new(), 0.1)?);
//! assert!(near(run(&Lookahead::with_config(Sgd::new(), config(1, 0.5)?)?, 0.2)?, run(&Sgd::new(), 0.1)?));
//!
//! let inner = Lookahead::with_config(momentum, config(3, 0.5)?)?;
//! let both = Lookahead::with_config(inner, config(3, 0.8)?)?;
//! assert!(near(run(&both, 0.1)?, run(&Lookahead::with_config(momentum, config(3, 0.4)?)?, 0.1)?));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Why it is made so
//! - **State outside the rule.** An [`Optimizer`] has no memory; what it remembers is a value that the caller holds. So a
//!   state can be kept, pulled back ("interpolate"), saved at any step of a cycle and compared.
//! - **A wrapper of an optimizer is an optimizer.** So Lookahead nests, and one battery of laws tests every nesting.
//! - **Slow weights from theta_0**, before the first inner step, also for tensors that join later: the first cycle is
//!   pulled back like any other.
//! - **The difference form of Eq. 1**, `phi - alpha (phi - theta)`, and theta as a copy of phi: after a sync both are the
//!   same bits, and one infinite value cannot poison phi for ever.
//! - **Checked when it is made.** [`Alpha`], [`SyncPeriod`] and the rules refuse what makes no sense; a step never fails.
//! - **The sync in the k-th step's own pass** over memory ([`kernels`]), because a step is memory traffic.
//!
//! Where to find what: Algorithm 1 is the first function of `lookahead.rs`; Eq. 1 is [`kernels::pull_back`]; Prop. 1 is
//! [`Adaptive`]; App. C.5's policies are [`InnerStatePolicy`].
//!
//! # Features
//! `rayon` (a step on all threads), `serde` (`Snapshot`, and serde's traits) and `simd` (AVX2 and AVX-512 on x86-64), all
//! on by default. Without them there is `std`, one thread, the vectors that every CPU of the target has, and the same bits.

#![deny(missing_docs)]

mod average;
mod averaging;
mod beside;
mod buffer;
mod clock;
pub mod collective;
mod config;
mod describe;
mod ema_nesterov;
mod error;
/// SNOO, MuLoCo, DiLoCo, SlowMo and Local SGD. All of them take k steps of an inner optimizer and then an
/// [`OuterStep`], with `delta = phi - theta` (phi slow, theta fast; the sources' x and y). Each function gives a whole
/// configuration, to use or to change:
///
/// ```
/// use lookahead::{Lookahead, SyncPeriod, family, rules::AdamW};
/// let snoo = Lookahead::with_config(AdamW::new(), family::snoo())?;
/// let every_100 = Lookahead::with_config(AdamW::new(), family::snoo().with_sync_period(SyncPeriod::new(100)?))?;
/// # Ok::<(), lookahead::Error>(())
/// ```
///
/// None of them has been compared here on a real task; the defaults are those of the sources. All are evaluated on the
/// slow weights, where the sources' runs may not be. Those made for many workers do the same with the mean of their
/// weights: [`Workers`].
///
/// Averages that train where they evaluate are of another kind: [`PrimalAveraged`] around any optimizer, with
/// [`ScheduleFree`] or [`Gpa`]. Two forms of Schedule-Free AdamW are here. One that looks ahead along the average of its
/// steps is [`EmaNesterov`].
pub mod family;
mod float;
mod hyperparameters;
mod inner_state;
pub mod kernels;
mod lookahead;
mod lookahead_state;
mod nesting;
mod optimizer;
mod outer_step;
mod params;
mod primal;
mod primal_averaged;
pub mod rules;
mod schedule;
mod slow_weights;
#[cfg(feature = "serde")]
mod snapshot;
mod step_size;
mod workers;

pub use average::{Averaged, AveragedState};
pub use averaging::{Averaging, NonMonotonicTrigger, PowerWarmUp};
pub use buffer::Buffer;
pub use clock::{SyncClock, Tick};
pub use config::LookaheadConfig;
pub use describe::{Describe, Description, Layer, Value};
pub use ema_nesterov::{EmaNesterov, EmaNesterovConfig, EmaNesterovState};
pub use error::Error;
pub use float::Float;
pub use hyperparameters::{Alpha, OuterMomentum, OuterRate, SyncPeriod};
pub use inner_state::{InnerState, InnerStatePolicy};
pub use lookahead::Lookahead;
pub use lookahead_state::{LookaheadState, SyncReport};
pub use optimizer::{Cadence, Optimizer, SecondMoment};
pub use outer_step::{BufferScale, BufferUnit, OuterForm, OuterStep};
pub use params::{Grads, Param, ParamSet, Storage};
pub use primal::{Gpa, PrimalAveraging, PrimalRates, PublishedDecay, ScheduleFree};
pub use primal_averaged::{PrimalAveraged, PrimalAveragedState};
pub use schedule::Schedule;
pub use slow_weights::{PullBack, SlowStorage};
#[cfg(feature = "serde")]
pub use snapshot::Snapshot;
pub use step_size::{Adaptive, ChosenAlpha, CurvaturePower, SquaredGradients, StepSize};
pub use workers::Workers;

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
