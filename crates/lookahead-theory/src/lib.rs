//! The analyses of the Lookahead paper.
#![deny(missing_docs)]

mod block_matrices;
mod convergence_rate;
mod dynamics;
mod error;
mod factor;
mod fixed_point;
mod hyperparameters;
mod modes;
mod momentum_system;
mod noise;
mod noisy_quadratic;
mod number_file;
mod optimal_rate;
mod recursion;
mod regimes;
mod second_moments;
mod spectrum;

pub use block_matrices::BlockMatrices;
pub use convergence_rate::{Rate, Rates, convergence_rate, optimal_rates, rates_at};
pub use dynamics::{Dynamics, ExpectedLosses, expected_losses};
pub use error::Error;
pub use fixed_point::{FixedPoint, fixed_point};
pub use hyperparameters::{Cycle, Momentum};
pub use momentum_system::CycleSystem;
pub use noise::Noise;
pub use noisy_quadratic::{Direction, Moments, NoisyQuadratic};
pub use optimal_rate::optimal_rate;
pub use recursion::Recursion;
pub use regimes::{Regime, critical_condition_number};
pub use spectrum::{ConditionNumber, Eigenvalues, Spectrum};
