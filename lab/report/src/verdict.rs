//! Verdicts: what the seeds say of a claim, why it is not judged, and what it would take to decide it.

use serde::{Deserialize, Serialize};

use super::judge::{FEWEST_SEEDS, Judgement};
use lookahead_runs::statistics::{MOST_SEEDS, POWER};

/// What the seeds say of a claim.
///
/// A claim says where a difference lies: above zero, below it, not worse by more than a margin, or within a margin on both
/// sides. Each comparison is a paired t-test over seeds against the nearest end of that range, always two-sided, for it may
/// come out either way. The comparisons of one claim are a family, corrected by Holm: the probability of any false decision
/// among them is at most 5 %. The interval that is shown is the one at the level at which Holm's procedure tried the
/// comparison, so it reaches over the end exactly where nothing is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval of each comparison lies where the claim says.
    Holds,
    /// The whole interval of a comparison lies elsewhere.
    DoesNotHold,
    /// An interval reaches to both sides.
    Undecided,
}

/// Why a claim, or a comparison, is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotJudged {
    /// It compares no numbers of ours.
    NotMeasured,
    /// This scale does not run its panel.
    NotRun,
    /// Its runs are of the scale that only shows that everything works.
    Smoke,
    /// An average never began, so that its runs are those of the optimizer inside.
    AverageNeverBegan,
    /// For some seed either side has no finished run with a finite value.
    MissingSeeds,
    /// There are fewer than three seeds.
    TooFewSeeds,
    /// All seeds differ by the same amount: the deviation, by which differences are judged, is zero.
    NoDeviation,
}

impl Verdict {
    /// The verdict in words, for `n` complete pairs.
    pub fn in_words(self, n: u32) -> String {
        match self {
            Self::Holds => "holds".to_owned(),
            Self::DoesNotHold => "does not hold".to_owned(),
            Self::Undecided => format!("undecided at n = {n}"),
        }
    }
}

impl NotJudged {
    /// The reason in words.
    pub fn in_words(self) -> String {
        let reason = match self {
            Self::NotMeasured => "it compares no numbers of ours",
            Self::NotRun => return "not run at this scale".to_owned(),
            Self::Smoke => "scale smoke only shows that everything works",
            Self::AverageNeverBegan => "an average never began",
            Self::MissingSeeds => "a seed lacks a finished, finite run",
            Self::TooFewSeeds => return format!("not judged: fewer than {FEWEST_SEEDS} seeds"),
            Self::NoDeviation => "all seeds differ by the same amount",
        };
        format!("not judged: {reason}")
    }
}

/// A verdict, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The verdict; `None` where nothing is judged.
    pub verdict: Option<Verdict>,
    /// Why nothing is judged.
    #[serde(default)]
    pub reason: Option<NotJudged>,
}

impl Outcome {
    /// A verdict.
    pub(super) const fn judged(verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), reason: None }
    }

    /// No verdict.
    pub(super) const fn not_judged(reason: NotJudged) -> Self {
        Self { verdict: None, reason: Some(reason) }
    }

    /// In words, for `n` complete pairs.
    pub fn in_words(self, n: u32) -> String {
        match (self.verdict, self.reason) {
            (Some(verdict), _) => verdict.in_words(n),
            (None, reason) => reason.unwrap_or(NotJudged::NotMeasured).in_words(),
        }
    }

    /// That of a family: one comparison that does not hold refutes the claim, one that is not judged or undecided leaves it
    /// so. Of nothing it is [`NotJudged::NotMeasured`].
    pub(super) fn of_family(family: &[Judgement]) -> Self {
        let outcomes = || family.iter().map(|judgement| judgement.outcome);
        let is = |verdict: Verdict| move |outcome: &Self| outcome.verdict == Some(verdict);
        outcomes()
            .find(is(Verdict::DoesNotHold))
            .or_else(|| outcomes().find(|outcome| outcome.verdict.is_none()))
            .or_else(|| outcomes().find(is(Verdict::Undecided)))
            .or_else(|| outcomes().next())
            .unwrap_or(Self::not_judged(NotJudged::NotMeasured))
    }
}

/// What it would take to decide what is undecided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// With how many seeds differences of the observed size are decided, each with a probability of 0.8; `None` if more
    /// than 1000 are needed.
    pub seeds: Option<u32>,
    /// The command that adds just those that are not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Outlook {
    /// That of a family: the most seeds that one of its undecided comparisons needs; `None` unless the family is undecided.
    pub(super) fn of_family(family: &[Judgement], command: &str) -> Option<Self> {
        let undecided = || family.iter().filter(|judgement| judgement.outcome.verdict == Some(Verdict::Undecided));
        if Outcome::of_family(family).verdict != Some(Verdict::Undecided) {
            return None;
        }
        let seeds = undecided().map(|judgement| judgement.seeds_to_decide).collect::<Option<Vec<_>>>();
        let seeds = seeds.and_then(|seeds| seeds.into_iter().max());
        let command = seeds.filter(|_| !command.is_empty()).map(|seeds| with_seeds(command, seeds));
        Some(Self { seeds, command })
    }

    /// How many seeds, in words; the command is said apart.
    pub fn in_words(&self) -> String {
        match self.seeds {
            Some(seeds) => {
                format!("A difference of the observed size would be decided with {seeds} seeds (power {POWER}).")
            }
            None => format!("A difference of the observed size would take more than {MOST_SEEDS} seeds to decide."),
        }
    }
}

/// The same command with another number of seeds.
fn with_seeds(command: &str, seeds: u32) -> String {
    let words = words(command);
    let at = words.iter().position(|word| *word == "--seeds").unwrap_or(words.len());
    let kept = words[..at].iter().chain(words.iter().skip(at + 2));
    kept.map(|word| (*word).to_owned()).chain(["--seeds".to_owned(), seeds.to_string()]).collect::<Vec<_>>().join(" ")
}

/// The words of a command, quoted ones as they are.
fn words(command: &str) -> Vec<&str> {
    let (mut quote, mut before, mut is_escaped) = (None, ' ', false);
    let ends = |letter: char| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match quote {
            _ if !is_plain => {}
            None if matches!(letter, '\'' | '"') => quote = Some((letter, before == '$')),
            Some((open, _)) if open == letter => quote = None,
            None | Some((_, true)) => is_escaped = letter == '\\',
            Some(_) => {}
        }
        before = letter;
        is_plain && quote.is_none() && letter == ' '
    };
    command.split(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_the_number_of_seeds_once() {
        assert_eq!(with_seeds("lookahead run quickstart", 7), "lookahead run quickstart --seeds 7");
        let before = "lookahead run quickstart --seeds 3 --set 'epochs=3'";
        assert_eq!(with_seeds(before, 12), "lookahead run quickstart --set 'epochs=3' --seeds 12");
        for file in
            [r"'my --seeds 3 x'", r#""it's --seeds 3 x""#, r"'it'\''s --seeds 3 x'", r"$'\'a\u0009 --seeds 3'", r"'a\'"]
        {
            let command = format!("lookahead run {file}");
            assert_eq!(with_seeds(&format!("{command} --seeds 3"), 5), format!("{command} --seeds 5"));
        }
    }
}
