//! What the numbers of a run are without: examples that could not be read, or not be held in memory.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// Examples that the end of a run was measured without, and steps that had none; in `result.json` beside its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Steps that changed nothing, because no file of their batch could be decoded.
    #[serde(skip_serializing_if = "is_zero")]
    pub empty_batches: u64,
    /// Validation examples that its loss and scores are without, because they cannot be read or are too long.
    #[serde(skip_serializing_if = "is_zero")]
    pub valid_skipped: u64,
    /// Validation sentences too long to be translated but by their beginnings.
    #[serde(skip_serializing_if = "is_zero")]
    pub valid_cut: u64,
    /// As `valid_skipped`, of the test set.
    #[serde(skip_serializing_if = "is_zero")]
    pub test_skipped: u64,
    /// As `valid_cut`, of the test set.
    #[serde(skip_serializing_if = "is_zero")]
    pub test_cut: u64,
}

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Sentences of which only the beginning was translated, one and several.
const CUT: [[&str; 2]; 2] = [
    [
        "validation sentence translated from its beginning only",
        "validation sentences translated from their beginning only",
    ],
    ["test sentence translated from its beginning only", "test sentences translated from their beginning only"],
];

impl LeftOut {
    /// What there is of it, in words, with its number; before it the training examples that were `skipped`.
    pub fn in_words(&self, skipped: u64) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            (["training example skipped", "training examples skipped"], skipped),
            (["step without a readable example", "steps without a readable example"], self.empty_batches),
            (["validation example left out", "validation examples left out"], self.valid_skipped),
            (CUT[0], self.valid_cut),
            (["test example left out", "test examples left out"], self.test_skipped),
            (CUT[1], self.test_cut),
        ];
        let there = all.into_iter().filter(|(_, count)| *count > 0);
        there.map(|([one, many], count)| (if count == 1 { one } else { many }, count))
    }
}

impl Sum for LeftOut {
    fn sum<I: Iterator<Item = Self>>(runs: I) -> Self {
        runs.fold(Self::default(), |sum, run| Self {
            empty_batches: sum.empty_batches + run.empty_batches,
            valid_skipped: sum.valid_skipped + run.valid_skipped,
            valid_cut: sum.valid_cut + run.valid_cut,
            test_skipped: sum.test_skipped + run.test_skipped,
            test_cut: sum.test_cut + run.test_cut,
        })
    }
}
