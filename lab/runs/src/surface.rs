//! `plane.json`: the accuracy over a plane of weights, and the paths in it (Fig. 1).

use serde::{Deserialize, Serialize};

/// The content of `plane.json`: accuracies over a plane, and the paths in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// The x of the grid's columns, ascending: lengths in the space of all parameters.
    pub x: Vec<f64>,
    /// The y of the grid's rows, ascending.
    pub y: Vec<f64>,
    /// Test accuracies, 0 to 1: a list for each y, in it one for each x.
    pub accuracy: Vec<Vec<f64>>,
    /// x, y and distance from the plane of the fast weights.
    pub fast: Vec<[f64; 3]>,
    /// The updates they belong to.
    pub fast_updates: Vec<u32>,
    /// x, y and distance from the plane of the slow weights.
    pub slow: Vec<[f64; 3]>,
    /// The updates they belong to.
    pub slow_updates: Vec<u32>,
    /// The fast weights that define the plane: places in `fast`.
    pub anchors: [usize; 3],
    /// The way that another optimizer takes from the same weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<PathBeside>,
    /// How many test examples an accuracy is of.
    pub examples: u32,
    /// Where the batch-norm statistics come from; empty without batch norm.
    pub batch_norm: String,
    /// Tells the question from others: a SHA-256 of all that decides the accuracies.
    pub question: String,
}

/// Another optimizer's way over the same plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathBeside {
    /// The optimizer.
    pub label: String,
    /// x, y and distance from the plane of its weights.
    pub points: Vec<[f64; 3]>,
    /// The updates they belong to.
    pub updates: Vec<u32>,
}
