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
//! Two forms: [`Lookahead`] drives a whole module and is the paper's algorithm to the letter; [`LookaheadRule`] works
//! parameter by parameter and goes wherever Burn takes a rule, within the limits it names. Clock, schedules, policies
//! and step size are those of the core crate, here as [`lookahead`]; only the arithmetic exists twice.

#![deny(missing_docs)]

mod any_tensor;
mod average;
mod batch_norm;
mod black_box;
mod clip;
mod curvature;
mod error;
mod flex;
mod foreign_state;
mod fused_step;
mod inner;
mod nested_rules;
mod optimizer;
mod parameters;
mod places;
mod plateau;
mod pull_back;
mod record;
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
pub use error::Error;
pub use inner::InnerOptimizer;
pub use optimizer::Lookahead;
pub use parameters::Parameter;
pub use places::tie_parameters;
pub use plateau::{PlateauMode, PlateauThreshold, ReduceOnPlateau};
pub use record::{Record, RecordReader, RecordWriter};
pub use rule::{LookaheadRule, LookaheadRuleState, slow_model_from_record};
pub use rule_set::RuleSet;
pub use rule_state::RuleState;
pub use rules::{AdaFactor, AdaFactorState, Adam, AdamW, Sgd};
pub use sync::PullBack;
pub use weights::Weights;
