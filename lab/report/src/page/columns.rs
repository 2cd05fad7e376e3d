//! The columns of the table of results: which measures stand there, by what the runs learn.

use super::super::subject::tells_top5;
use super::super::{GroupSummary, Measure, Subject};
use super::print;
use lookahead_runs::statistics::Spread;

/// A column of the table of results.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// At the end, of the weights that count.
    Final(Measure),
    /// Of the fast weights, at the last evaluation.
    Fast(Measure),
}

impl Column {
    fn all(subject: Subject) -> &'static [Self] {
        use Column::{Fast, Final};
        match subject {
            Subject::Classification => &[
                Final(Measure::ValidAccuracy),
                Final(Measure::ValidTop5),
                Fast(Measure::ValidAccuracy),
                Final(Measure::ValidLoss),
                Fast(Measure::ValidLoss),
                Final(Measure::TrainLoss),
            ],
            Subject::Language => &[
                Final(Measure::TrainPerplexity),
                Final(Measure::ValidPerplexity),
                Final(Measure::TestPerplexity),
                Final(Measure::ValidLoss),
                Fast(Measure::ValidLoss),
            ],
            Subject::Translation => &[
                Final(Measure::TrainLoss),
                Final(Measure::ValidLoss),
                Fast(Measure::ValidLoss),
                Final(Measure::TestLoss),
                Final(Measure::ValidBleu),
                Final(Measure::TestBleu),
            ],
        }
    }

    /// Those that are shown of some groups, in order.
    pub(super) fn shown(subject: Subject, groups: &[&GroupSummary]) -> Vec<Self> {
        let tells_top5 = tells_top5(groups.iter().filter_map(|group| group.classes).max());
        let has = |column: &Self| match column {
            Self::Final(Measure::ValidTop5) if !tells_top5 => false,
            column => groups.iter().any(|group| column.value(group).is_some()),
        };
        Self::all(subject).iter().copied().filter(|column| column.is_always_shown() || has(column)).collect()
    }

    /// Whether it is shown even where no group has a value.
    fn is_always_shown(self) -> bool {
        use Measure::{TestBleu, TestLoss, TestPerplexity, ValidTop5};
        matches!(self, Self::Final(measure) if ![ValidTop5, TestLoss, TestPerplexity, TestBleu].contains(&measure))
    }

    /// What stands over it.
    pub(super) fn heading(self) -> String {
        match self {
            Self::Final(measure) => measure.with_unit(),
            Self::Fast(measure) => {
                let name = measure.name().trim_start_matches("Validation ");
                format!("{}{} of fast weights{}", name[..1].to_uppercase(), &name[1..], measure.unit())
            }
        }
    }

    fn value(self, group: &GroupSummary) -> Option<Spread> {
        match self {
            Self::Final(measure) => group.scores.get(measure),
            Self::Fast(measure) => group.fast.get(measure),
        }
    }

    /// Its cell in the row of a group.
    pub(super) fn text(self, group: &GroupSummary) -> String {
        let (Self::Final(measure) | Self::Fast(measure)) = self;
        print(&measure.quantity().spread(self.value(group)))
    }
}
