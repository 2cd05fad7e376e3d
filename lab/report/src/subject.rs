//! What the runs of a study learn, and so which measures its report shows.

use serde::{Deserialize, Serialize};

use super::{Measure, MetricsRow, Run};

/// What the runs of a study learn. It decides which measures are shown and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Classes: the report shows accuracies and losses.
    #[default]
    Classification,
    /// A language: the report shows perplexities.
    Language,
    /// Translations: the report shows losses and BLEU.
    Translation,
}

impl Subject {
    /// By what the runs have measured: classes if an accuracy, else translations if BLEU, else a language. BLEU comes at
    /// the end only: until then the model that a run trains tells. Before any evaluation it is classes.
    pub(super) fn of<'a>(runs: impl Iterator<Item = &'a Run>) -> Self {
        let (mut has_rows, mut translates) = (false, false);
        for run in runs.filter(|run| !run.rows.is_empty() || run.result.is_some()) {
            let end = run.result.as_ref().map(|end| &end.scores);
            let has = |measure: Measure| end.is_some_and(|end| end.get(measure).is_some());
            let has_accuracy = |row: &MetricsRow| row.scores.get(Measure::ValidAccuracy).is_some();
            if run.rows.iter().any(has_accuracy) || has(Measure::ValidAccuracy) {
                return Self::Classification;
            }
            has_rows = true;
            translates |=
                has(Measure::ValidBleu) || has(Measure::TestBleu) || run.model().as_deref() == Some("transformer");
        }
        match (has_rows, translates) {
            (_, true) => Self::Translation,
            (true, false) => Self::Language,
            (false, false) => Self::Classification,
        }
    }

    /// Whether it is the usual one, which a summary need not name.
    pub(super) fn is_classification(&self) -> bool {
        *self == Self::Classification
    }

    /// Those that are drawn against epochs or steps, in the order of the plots: first what the paper's figure shows.
    pub(super) fn plotted(self) -> &'static [Measure] {
        match self {
            Self::Classification => {
                &[Measure::TrainLoss, Measure::ValidAccuracy, Measure::ValidLoss, Measure::ValidTop5]
            }
            Self::Language => &[Measure::TrainPerplexity, Measure::ValidPerplexity],
            Self::Translation => &[Measure::TrainLoss, Measure::ValidLoss],
        }
    }

    /// Those that a group is compared with its baseline by; it is at least as good if it is for each.
    pub(super) fn compared(self) -> &'static [Measure] {
        match self {
            Self::Classification => &[Measure::ValidAccuracy, Measure::ValidLoss],
            Self::Language => &[Measure::ValidPerplexity],
            Self::Translation => &[Measure::ValidBleu, Measure::ValidLoss],
        }
    }

    /// What tells how good a single run is.
    pub(super) fn score(self) -> Measure {
        match self {
            Self::Classification => Measure::ValidAccuracy,
            Self::Language => Measure::ValidPerplexity,
            Self::Translation => Measure::ValidBleu,
        }
    }

    /// The points of a grid are shown with these.
    pub(super) fn of_points(self) -> [Measure; 3] {
        [self.score(), Measure::ValidLoss, Measure::TrainLoss]
    }
}

/// Whether the top-5 accuracy is shown, by the number of classes as far as it is known: of few classes a guess already
/// has a good part of it.
pub(super) fn tells_top5(classes: Option<u64>) -> bool {
    const FEW: u64 = 20;
    classes.is_none_or(|classes| classes >= FEW)
}
