//! Lookahead and its descendants with several workers: what each of them computes, sends and saves, over any
//! [`Collective`](lookahead::collective::Collective), and with the feature `mpi` over MPI.
//!
//! # The two modes
//! - [`SlowStep`]: k inner steps alone, then one outer step along the mean of the workers' ways. With a delay it is another algorithm,
//!   the delayed slow step ([`SlowStepConfig::with_delay`]).
//! - [`average_gradients`]: one mean at each step; any optimizer around it, a Lookahead too, is the same on every rank.
//!
//! Both need weights or gradients as slices of `f32` or `f64`, and a learning rate; neither knows a framework.
//!
//! # What they equal
//! - With one worker the slow step is the local [`Lookahead`](lookahead::Lookahead) that maintains its inner state, bit for bit, with
//!   every outer step; averaged gradients are the gradients.
//! - With N it has the bits of [`lookahead::Workers`] over all of them in one process.
//! - With k = 1, eta = 1 and plain SGD it averages gradients, but for rounding.
//!
//! # In which order a sum runs
//! Rank s receives the s-th share of all ranks' values, adds them in order of rank, and sends the result to all. That is as many bytes
//! as the best all-reduce sends; MPI moves bytes and adds nothing, so no result depends on timing or on its choice of an algorithm.
//!
//! # How a job begins, goes on and ends
//! ```
//! use lookahead::collective::OneProcess;
//! use lookahead::{Grads, LookaheadConfig, Optimizer, ParamSet, rules::Sgd};
//! use lookahead_mpi::{Checkpoints, News, SlowStep, SlowStepConfig, begin_together};
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let mut workers = OneProcess::default();                    // or what `run` gives, under mpirun
//! let (rule, config) = (Sgd::new(), SlowStepConfig::new(&LookaheadConfig::new())?);      // k = 5, alpha = 0.5
//! let mut params = ParamSet::new();
//! params.push("w", [1], vec![1.0_f32])?;
//! begin_together(&mut workers, &format!("{config:?} {rule:?}"), &mut params)?;
//! let mut state = rule.init(&params);
//! let mut slow_step = SlowStep::new(config.clone(), &workers, &params);
//! for _ in 0..10 {
//!     let grads = Grads::new(&params, [Some(params.slice(0).to_vec())])?;
//!     rule.step(0.1, &mut params, &grads, &mut state);
//!     let news = News { loss: 0.5 * f64::from(params.slice(0)[0].powi(2)), ..News::default() };
//!     if let Some(synced) = slow_step.after_step(&mut workers, 0.1, &mut params, news)? {
//!         println!("sync {}: loss {}, |delta| {}", synced.outer, synced.news.loss, synced.delta);
//!     }
//! }
//! let checkpoints = Checkpoints::new(folder);
//! let saved = slow_step.save(&mut workers)?;                  // beside weights and inner state: lookahead::Snapshot
//! checkpoints.save(&mut workers, 10, &saved)?;
//! let (step, saved) = checkpoints.load(&mut workers)?.expect("it was saved");
//! let slow_step = SlowStep::restore(config, &workers, &params, &saved)?;
//! assert_eq!((step, slow_step.clock().outer()), (10, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [README](https://github.com/lookahead-rs/lookahead/tree/main/crates/lookahead-mpi) has the table of what happens when, with exit
//! codes ([`Error::exit_code`]), and recipes for launchers.
//!
//! # Features
//! `mpi` (off by default): the connection to MPI. It needs an MPI library and libclang to build.

#![deny(missing_docs)]

mod arithmetic;
mod batch_norm;
mod checkpoint;
mod config;
mod error;
mod gradients;
mod int8;
#[cfg(feature = "mpi")]
mod mpi;
mod news;
mod scaling;
mod shard;
mod slow_step;
mod start;

#[cfg(feature = "mpi")]
pub use self::mpi::{Mpi, abort, run};
pub use batch_norm::average_batch_norm;
pub use checkpoint::Checkpoints;
pub use config::{SlowStepConfig, Wire};
pub use error::Error;
pub use gradients::average_gradients;
pub use int8::{Int8Feedback, Int8InFlight};
pub use news::{News, Shared};
pub use scaling::Job;
pub use shard::{seed_of_rank, shard};
pub use slow_step::{SlowStep, Synced};
pub use start::{begin_together, check_replicas};

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
