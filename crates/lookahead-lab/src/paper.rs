//! What `lookahead run` can run: one file for each artifact, in the paper's order after the quickstart.

pub mod quickstart;

use serde::Serialize;

/// How large an artifact is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Seconds: whether everything works.
    Smoke,
    /// Minutes on a processor, on real data.
    Small,
}

impl Scale {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
        }
    }
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
pub const ARTIFACTS: [Entry; 1] = [quickstart::ENTRY];
