//! What the paper says: its numbers and claims, from an artifact's `paper.toml`.

use serde::{Deserialize, Serialize};

/// The content of a training artifact's `paper.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Where in the paper, such as `Table 1, Fig. 5`.
    #[serde(default)]
    pub source: String,
}
