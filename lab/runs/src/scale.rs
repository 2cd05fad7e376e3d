//! How large an artifact is run.

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
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Small, Self::Paper];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}
