//! The Lookahead optimizer (Zhang, Lucas, Hinton, Ba 2019) for Burn, in one line.
//!
//! ```
//! # use burn::{nn::LinearConfig, optim::GradientsParams, tensor::{Device, Tensor}};
//! use lookahead_burn::{Lookahead, Sgd};
//! # let device = Device::flex().autodiff();
//! # let mut model = LinearConfig::new(4, 2).init(&device);
//! # let grads = GradientsParams::from_grads(model.forward(Tensor::<2>::ones([1, 4], &device)).sum().backward(), &model);
//!
//! let mut optimizer = Lookahead::new(Sgd::new());     // k = 5, alpha = 0.5, around any rule: ours or Burn's
//! model = optimizer.step(0.1, model, grads);
//! let slow = optimizer.slow_model(&model);            // evaluate this one
//! # let _ = slow;
//! ```
//!
//! Its descendants (SNOO, MuLoCo, DiLoCo, SlowMo, Schedule-Free, GPA, EMA-Nesterov) are in [`family`], as one line each.
//!
//! Two forms: [`Lookahead`] drives a whole module and is the paper's algorithm to the letter; [`LookaheadRule`] works
//! parameter by parameter and goes wherever Burn takes a rule, within the limits it names. Clock, schedules, policies
//! and step size are those of the core crate, here as [`lookahead`]; only the arithmetic exists twice.
//!
//! # What it is, by what it equals
//! - Table 1's Lookahead is `Lookahead::with_config(Sgd, Reset)` (App. C.1); the identities of [the core](lookahead) hold here.
//! - [`LookaheadRule`] moves the same bits as [`Lookahead`] where every parameter has a gradient in every step.
//! - Around Burn's own rule it is the same as around the `ModuleOptimizer` of that rule ([`BlackBox`]), under maintain and reset.
//!
//! # Hyperparameters
//! [`LookaheadConfig`](lookahead::LookaheadConfig) is built as Burn's configs are, and is a field of them (feature `serde`):
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use burn::config::Config;
//! use lookahead_burn::lookahead::{LookaheadConfig, SyncPeriod};
//! use lookahead_burn::{AdamW, Lookahead};
//!
//! #[derive(Config, Debug)]
//! struct Training {
//!     lookahead: LookaheadConfig,
//!     #[config(default = 1e-3)]
//!     learning_rate: f64,
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let training = Training::new(LookaheadConfig::new().with_sync_period(SyncPeriod::new(10)?));
//! assert!(training.to_string().contains("\"sync_period\": 10"));
//! let read = Training::load_binary(training.to_string().as_bytes())?;
//! let optimizer = Lookahead::with_config(AdamW::new(), read.lookahead)?;
//! # let _ = optimizer;
//! # Ok(())
//! # }
//! # main().unwrap();
//! # }
//! ```
//!
//! It does not derive `Config` itself: the derive makes public fields beside setters that take any number, so that k = 0 or
//! alpha = NaN would come to light in the middle of a training, or never. Here they are refused when they are made or read.
//!
//! # Features
//! `flex` (Burn's CPU backend, stepped in place on its buffers), `rayon` (on all cores) and `serde` (records as bytes), all on by
//! default. `cuda`, `vulkan` and `wgpu` are Burn's features of these names with kernels for GPUs: SGD, Adam and AdamW in f32 are one
//! launch for a parameter there, with the sync. Beside Burn's `fusion` ask for `fusion` here too. Without any of these this crate
//! asks for no backend, and everything is tensor operations.

#![deny(missing_docs)]

mod any_tensor;
mod average;
mod batch_norm;
mod black_box;
mod clip;
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
mod cube;
#[cfg(not(any(feature = "cuda", feature = "vulkan", feature = "wgpu")))]
#[path = "no_cube.rs"]
mod cube;
mod curvature;
mod ema_nesterov;
mod error;
/// Each as one line:
///
/// ```
/// use lookahead_burn::{AdamW, Lookahead, family};
/// let snoo = Lookahead::with_config(AdamW::new(), family::snoo())?;        // eta = 0.68, mu = 0.37, k = 28
/// let schedule_free = family::schedule_free_adam_w(0.1)?;                   // no schedule; evaluate `average_model`
/// # let _ = (snoo, schedule_free);
/// # Ok::<(), lookahead_burn::Error>(())
/// ```
pub mod family;
#[cfg(feature = "flex")]
mod flex;
#[cfg(not(feature = "flex"))]
#[path = "no_flex.rs"]
mod flex;
mod foreign_state;
mod fused_step;
mod inner;
mod learning_rate;
mod loss_scale;
mod magnitude;
mod momentum;
mod nested_rules;
mod observed;
mod optimizer;
mod ordered_sum;
mod parameters;
mod places;
mod plateau;
mod primal_averaged;
mod pull_back;
mod read_back;
mod record;
mod refused;
mod rounded;
mod rule;
mod rule_set;
mod rule_state;
mod rules;
mod slow_weights;
mod sync;
mod traversal;
mod weights;

pub use lookahead;

pub use average::Averaged;
pub use batch_norm::re_estimate_batch_norm;
pub use black_box::BlackBox;
pub use clip::{ClippedGradients, clip_by_global_norm};
pub use ema_nesterov::EmaNesterov;
pub use error::Error;
pub use inner::InnerOptimizer;
pub use loss_scale::LossScale;
pub use observed::Observed;
pub use optimizer::Lookahead;
pub use parameters::Parameter;
pub use places::tie_parameters;
pub use plateau::{PlateauMode, PlateauThreshold, ReduceOnPlateau};
pub use primal_averaged::PrimalAveraged;
pub use read_back::values_now;
pub use record::{Record, RecordReader, RecordWriter};
pub use refused::Refused;
pub use rule::{LookaheadRule, LookaheadRuleState, slow_model_from_record};
pub use rule_set::RuleSet;
pub use rule_state::RuleState;
pub use rules::{AdaFactor, AdaFactorState, Adam, AdamW, Sgd};
pub use sync::PullBack;
pub use weights::Weights;

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
