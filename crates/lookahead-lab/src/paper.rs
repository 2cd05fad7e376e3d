//! What `lookahead run` can run: one file for each artifact, in the paper's order after the quickstart.

mod analysis;
pub mod fig03_noisy_quadratic;
pub mod fig04_convergence_rate;
pub mod fig11_noisy_quadratic_more;
mod noisy_progress;
pub mod quickstart;

use std::num::NonZeroU32;

use serde::Serialize;

/// How large an artifact is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Seconds: whether everything works.
    Smoke,
    /// Minutes on a processor, on real data.
    Small,
    /// What the paper did. For an analysis it is the same as small.
    Paper,
}

impl Scale {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

/// What is asked of an artifact on the command line.
#[derive(Debug, Clone)]
pub struct Request {
    /// How large.
    pub scale: Scale,
    /// How many seeds, if not the configured number. An analysis takes none.
    pub seeds: Option<NonZeroU32>,
    /// Overrides of the configuration, `KEY=VALUE`.
    pub overrides: Vec<String>,
    /// The command, as the report shows it.
    pub command: String,
}

/// One entry of `lookahead list`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Entry {
    /// The name, as `lookahead run` takes it.
    pub name: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// What it needs.
    pub needs: &'static str,
    /// Where its result is recorded.
    pub recorded: &'static str,
}

/// Every artifact that exists.
pub const ARTIFACTS: [Entry; 4] =
    [quickstart::ENTRY, fig03_noisy_quadratic::ENTRY, fig04_convergence_rate::ENTRY, fig11_noisy_quadratic_more::ENTRY];
