//! The analyses of the Lookahead paper (Zhang, Lucas, Hinton, Ba 2019; Sec. 2.1, 3, App. A, B), exact and in doubles.
//!
//! ```
//! use lookahead_theory::{Cycle, Momentum, Noise, NoisyQuadratic, Spectrum, Moments, expected_losses, fixed_point};
//!
//! # fn main() -> Result<(), lookahead_theory::Error> {
//! // Prop. 2 in one direction: curvature 1, noise variance 1, learning rate 0.5; k = 5, alpha = 0.5.
//! let cycle = Cycle::new(5, 0.5)?;
//! let variances = fixed_point(1.0, 1.0, 0.5, &cycle)?;
//! assert_eq!((variances.sgd, variances.lookahead), (0.3333333333333333, 0.1134020618556701));
//!
//! // The expected loss of a whole spectrum, with momentum, after 1000 inner steps.
//! let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim: 50 }.eigenvalues()?, &Noise::InverseCurvature)?;
//! let losses = expected_losses(&problem, 0.1, Momentum::new(0.9)?, &cycle, Moments::at(1.0), 1000)?;
//! assert!(losses.lookahead < losses.sgd);
//! # Ok(())
//! # }
//! ```
//!
//! | in the paper | here |
//! |---|---|
//! | Eq. 4, 5 | [`NoisyQuadratic`], over a [`Spectrum`] and a [`Noise`] |
//! | Eq. 6, 7 (Prop. 2) | [`fixed_point`], [`Dynamics::final_variances`] |
//! | Eq. 8 to 11 | solved: [`Dynamics`]; step by step, with schedules: [`Recursion`]; sampled: [`sample_moments`] |
//! | Sec. 3.2, Fig. 4 | [`convergence_rate`], [`optimal_rate`], [`Regime`] |
//! | App. B.1 | as printed: [`BlockMatrices`]; reduced to two rows: [`CycleSystem`] |
//! | Prop. 1 | [`optimal_alpha`], [`estimated_alpha`] |
//! | Fig. 3, 4, 11 | [`figures`] |
//!
//! Lookahead's descendants ([`lookahead::family`]) on the same quadratic:
//!
//! | of an outer step with momentum | here |
//! |---|---|
//! | mean, variance and loss, at any step and at rest | [`OuterDynamics`], for an [`OuterCycle`] |
//! | the linear system, its spectral radius | [`OuterSystem`] |
//! | which eta converge | [`OuterCycle::limit`], [`largest_stable_rate`] |
//! | Fig. 4 | [`outer_convergence_rate`], [`optimal_outer_rate`] |
//!
//! Averages of SGD's weights, with Schedule-Free and GPA, are [`AverageDynamics`]; any optimizer is sampled by
//! [`sample_optimizer`]. [`mod@family`] compares all of them, each at its best and at the same final loss.
//!
//! [`advise`] turns the model into advice on k and alpha: at a given learning rate, with the best one for each, and
//! beside the inner optimizer alone at its own best one. All arithmetic is in doubles, and arranged to keep relative
//! accuracy for condition numbers of 1e8, k of 1000, alpha near 0 and 1, and learning rates near their limit.
//!
//! Eigenvalues, condition numbers and means are accepted up to a size of 1e100, a million eigenvalues at most; what
//! would not be finite, or would take minutes, is refused with an [`Error`].

#![deny(missing_docs)]

mod advise;
mod average;
mod average_dynamics;
mod block_matrices;
mod convergence_rate;
mod dynamics;
mod error;
mod factor;
pub mod family;
pub mod figures;
mod fixed_point;
mod hyperparameters;
mod limits;
mod linear_map;
mod matched_rate;
mod matrix;
mod modes;
mod momentum_system;
mod monte_carlo;
mod noise;
mod noisy_quadratic;
mod number_file;
mod optimal_rate;
mod outer_cycle;
mod outer_dynamics;
mod outer_rate;
mod outer_system;
mod polynomial;
mod recursion;
mod regimes;
mod second_moments;
mod spectrum;
mod stable_rates;
mod step_size;
mod tune;

pub use advise::{
    Advice, AdviceGrid, AdvicePoint, Choice, Edge, MODEL_LIMITS, Parameter, SameFinalLoss, TunedPoint, WORTH_IT, advise,
};
pub use average::Average;
pub use average_dynamics::AverageDynamics;
pub use block_matrices::BlockMatrices;
pub use convergence_rate::{Rate, Rates, convergence_rate, optimal_rates, rates_at};
pub use dynamics::{Dynamics, ExpectedLosses, Progress, expected_losses};
pub use error::Error;
pub use fixed_point::{FixedPoint, fixed_point};
pub use hyperparameters::{Cycle, Momentum};
pub use limits::MOST_EIGENVALUES;
pub use lookahead::OuterForm;
pub use matrix::Matrix;
pub use momentum_system::CycleSystem;
pub use monte_carlo::{Estimates, Sample, sample_moments, sample_optimizer};
pub use noise::Noise;
pub use noisy_quadratic::{Direction, Moments, NoisyQuadratic};
pub use optimal_rate::{check_search, optimal_rate};
pub use outer_cycle::OuterCycle;
pub use outer_dynamics::OuterDynamics;
pub use outer_rate::{check_outer_search, optimal_outer_rate, outer_convergence_rate};
pub use outer_system::OuterSystem;
pub use recursion::Recursion;
pub use regimes::{Regime, critical_condition_number};
pub use spectrum::{ConditionNumber, Eigenvalues, Spectrum};
pub use stable_rates::largest_stable_rate;
pub use step_size::{estimated_alpha, optimal_alpha, optimal_alpha_after};
pub use tune::End;

/// The README's code, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
