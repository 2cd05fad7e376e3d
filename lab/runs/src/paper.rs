//! What the paper says: its numbers and claims, from a training artifact's `paper.toml`.

use std::num::NonZeroU32;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{FileError, Group, Measure, Quantity};

/// The content of a training artifact's `paper.toml`.
///
/// ```
/// use lookahead_runs::Paper;
///
/// let text = r#"
/// source = "Table 6"
/// [[value]]
/// group = "Reset"
/// measure = "valid_accuracy"
/// mean = 94.91
/// std = 0.05
/// [[claim]]
/// says = "All three converge faster than SGD."
/// groups = ["Maintain", "Interpolate", "Reset"]
/// baseline = "SGD"
/// measure = "mean_train_loss"
/// expect = "lower"
/// "#;
/// let paper = Paper::parse(text, "paper.toml".as_ref())?;
/// assert_eq!(paper.claim[0].groups.len(), 3);
/// # Ok::<(), lookahead_runs::FileError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Where in the paper, such as `Table 1, Fig. 5`.
    #[serde(default)]
    pub source: String,
    /// All panels that the paper has; a smaller scale may run fewer. Empty where the artifact has a single one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub panels: Vec<String>,
    /// How many epochs the paper trains. At another scale an `epoch` below means the same share of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// How many steps the paper trains, where it counts these. A `step` below means the same share of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<NonZeroU32>,
    /// Where the paper contradicts itself or leaves something open, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Its numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value: Vec<PaperValue>,
    /// What it says of the comparison.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claim: Vec<PaperClaim>,
}

/// A number of the paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperValue {
    /// The panel of its group; empty where the artifact has a single one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub panel: String,
    /// The label of its group.
    pub group: String,
    /// What it measures.
    pub measure: Measure,
    /// After which epoch; `None` at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The mean, as printed: accuracies in percent.
    pub mean: f64,
    /// The standard deviation, as printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// The number of seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// What it was trained and evaluated on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Where it stands, such as `Table 1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

/// A claim of the paper. One without groups is told, and judged by the reader alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperClaim {
    /// The claim in our words.
    pub says: String,
    /// Where it is made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The panel of its groups; empty where the artifact has a single one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub panel: String,
    /// The groups it is about; the claim holds if it holds for each. Key `group` or `groups`.
    #[serde(default, alias = "group", deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What they are compared with: one group for all, one for each, or several for one; none where the measure is a change
    /// by itself. Key `baseline` or `baselines`.
    #[serde(default, alias = "baseline", deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<String>,
    /// What is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// After which epoch; `None` at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// After which of the paper's steps, in place of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// How it is said to come out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
    /// How far apart what is similar, or not worse, may be, above 0: in the unit of a loss or BLEU, an accuracy in points, a
    /// perplexity in percent. Without it, the margin of the measure: 0.5 points, 2 % of the baseline's loss, 1 % of a
    /// perplexity, 0.6 BLEU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}

/// How a measure of the groups compares with that of the baselines, in the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// It is higher.
    Higher,
    /// It is lower.
    Lower,
    /// It is as good or better: an accuracy not lower, a loss not higher, by the margin or more.
    NotWorse,
    /// It is less than the margin apart.
    Similar,
    /// It varies less: the largest less the smallest value over the groups is below that over the baselines.
    LessSpread,
}

impl Expectation {
    /// Where it expects the difference group - baseline of a measure: strictly between these, `margin` apart where it
    /// grants one.
    #[must_use]
    pub fn claimed(self, measure: Measure, margin: f64) -> [f64; 2] {
        match self {
            Self::Higher => [0.0, f64::INFINITY],
            Self::Lower | Self::LessSpread => [f64::NEG_INFINITY, 0.0],
            Self::Similar => [-margin, margin],
            Self::NotWorse if measure.quantity().facts().is_score => [-margin, f64::INFINITY],
            Self::NotWorse => [f64::NEG_INFINITY, margin],
        }
    }

    /// Whether it grants a margin.
    #[must_use]
    pub fn has_margin(self) -> bool {
        matches!(self, Self::NotWorse | Self::Similar)
    }
}

impl Paper {
    /// Reads the text of a `paper.toml`; `path` is for errors.
    ///
    /// # Errors
    /// The text is no TOML, a key is unknown or missing, or a value is none that is accepted.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let paper: Self = toml::from_str(text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            FileError::Malformed {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        paper.check_values(path)?;
        for (index, claim) in paper.claim.iter().enumerate() {
            claim.check(paper.steps).map_err(|wrong| wrong.at(path, claim.name(index)))?;
        }
        Ok(paper)
    }

    /// Checks that every panel and group it names is one of the artifact; `path` is for errors.
    ///
    /// A panel that is listed in `panels` may be missing as a whole: this scale does not run it.
    ///
    /// # Errors
    /// [`FileError::PaperEntry`] for a panel or a group that is not there.
    pub fn check_names(&self, path: &Path, groups: &[Group]) -> Result<(), FileError> {
        let values = self.value.iter().enumerate();
        let values = values.map(|(index, value)| (value.name(index), &value.panel, std::slice::from_ref(&value.group)));
        let claims = || self.claim.iter().enumerate().filter(|(_, claim)| claim.expect.is_some());
        let of_claims = claims().map(|(index, claim)| (claim.name(index), &claim.panel, &claim.groups[..]));
        let of_baselines = claims().map(|(index, claim)| (claim.name(index), &claim.panel, &claim.baselines[..]));
        for (entry, panel, labels) in values.chain(of_claims).chain(of_baselines) {
            let of_panel: Vec<&str> =
                groups.iter().filter(|group| group.panel == *panel).map(|group| group.label.as_str()).collect();
            if of_panel.is_empty() && !self.panels.contains(panel) {
                let mut panels: Vec<&str> = groups.iter().map(|group| group.panel.as_str()).collect();
                panels.dedup();
                return Err(Wrong::name("panel", panel, &panels).at(path, entry));
            }
            let unknown = labels.iter().find(|label| !of_panel.is_empty() && !of_panel.contains(&label.as_str()));
            if let Some(label) = unknown {
                return Err(Wrong::name("group", label, &of_panel).at(path, entry));
            }
        }
        Ok(())
    }

    fn check_values(&self, path: &Path) -> Result<(), FileError> {
        for (index, value) in self.value.iter().enumerate() {
            let (highest, accepted) = match value.measure.quantity() {
                Quantity::Accuracy => (100.0, "percent, 0 to 100"),
                Quantity::Bleu => (100.0, "0 to 100"),
                Quantity::Loss | Quantity::Perplexity => (f64::MAX, "a number, 0 or more"),
            };
            for (key, number) in [("mean", Some(value.mean)), ("std", value.std)] {
                if number.is_some_and(|number| !(0.0..=highest).contains(&number)) {
                    let found = number.unwrap_or_default().to_string();
                    return Err(Wrong { key, found, accepted: accepted.to_owned() }.at(path, value.name(index)));
                }
            }
        }
        Ok(())
    }
}

impl PaperValue {
    fn name(&self, index: usize) -> String {
        format!("value {}", index + 1)
    }
}

impl PaperClaim {
    fn name(&self, index: usize) -> String {
        format!("claim {} \"{}\"", index + 1, self.says)
    }

    /// The claim's own margin as differences are computed: an accuracy as a share of 1, a perplexity as a logarithm.
    pub fn margin_of_difference(&self) -> Option<f64> {
        let margin = self.margin?;
        Some(match self.measure.map(Measure::quantity) {
            Some(Quantity::Accuracy) => margin / 100.0,
            Some(Quantity::Perplexity) => (margin / 100.0).ln_1p(),
            Some(Quantity::Loss | Quantity::Bleu) | None => margin,
        })
    }

    /// Whether the keys fit together, in a paper that trains so many steps.
    fn check(&self, steps: Option<NonZeroU32>) -> Result<(), Wrong> {
        let wrong = |key, found: String, accepted: &str| Err(Wrong { key, found, accepted: accepted.to_owned() });
        let (groups, baselines) = (self.groups.len(), self.baselines.len());
        let Some(expect) = self.expect else {
            return match (groups + baselines, self.measure, self.epoch.or(self.step)) {
                (0, None, None) => Ok(()),
                _ => wrong("expect", "missing".to_owned(), "higher, lower, not_worse, similar, less_spread"),
            };
        };
        match (self.step, self.epoch, steps) {
            (None, _, _) => {}
            (Some(step), None, Some(steps)) if (1..=steps.get()).contains(&step) => {}
            (Some(step), None, Some(steps)) => return wrong("step", step.to_string(), &format!("1 to {steps}")),
            (Some(_), Some(_), _) => return wrong("step", "given beside `epoch`".to_owned(), "one of the two"),
            (Some(_), None, None) => return wrong("steps", "missing".to_owned(), "how many steps the paper trains"),
        }
        match self.margin {
            Some(margin) if !expect.has_margin() => {
                return wrong("margin", margin.to_string(), "left out: only of what is similar or not worse");
            }
            Some(margin) if !(margin > 0.0 && margin.is_finite()) => {
                return wrong("margin", margin.to_string(), "a number above 0");
            }
            _ => {}
        }
        if self.measure.is_none() {
            return wrong("measure", "missing".to_owned(), &Measure::KEYS.join(", "));
        }
        if groups == 0 {
            return wrong("groups", "missing".to_owned(), "at least one label");
        }
        if self.measure.is_some_and(Measure::is_change) {
            return match (expect, baselines, self.epoch.or(self.step)) {
                (Expectation::Higher | Expectation::Lower, 0, None) => Ok(()),
                (Expectation::Higher | Expectation::Lower, 0, Some(_)) => {
                    wrong("measure", "traced".to_owned(), "one that is measured after an epoch")
                }
                (Expectation::Higher | Expectation::Lower, ..) => {
                    wrong("baselines", self.baselines.join(", "), "none: the measure is a change by itself")
                }
                _ => wrong("expect", format!("{expect:?}"), "higher or lower"),
            };
        }
        match expect {
            Expectation::LessSpread if groups < 2 || baselines < 2 => {
                let found = format!("{groups} groups and {baselines} baselines");
                wrong("expect", format!("less_spread over {found}"), "at least two of each")
            }
            Expectation::LessSpread => Ok(()),
            _ if baselines == groups || baselines == 1 || (groups == 1 && baselines > 0) => Ok(()),
            _ => wrong("baselines", format!("{baselines} for {groups} groups"), "one for all, or one for each"),
        }
    }
}

/// What is wrong with a value or a claim.
struct Wrong {
    key: &'static str,
    found: String,
    accepted: String,
}

impl Wrong {
    fn name(key: &'static str, found: &str, accepted: &[&str]) -> Self {
        let accepted: Vec<String> = accepted.iter().map(|name| format!("{name:?}")).collect();
        Self { key, found: format!("{found:?}"), accepted: accepted.join(", ") }
    }

    fn at(self, path: &Path, entry: String) -> FileError {
        let Self { key, found, accepted } = self;
        FileError::PaperEntry { path: path.to_owned(), entry, key, found, accepted }
    }
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a label or a list of labels")]
    enum Labels {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Labels::deserialize(deserializer)? {
        Labels::One(label) => vec![label],
        Labels::Several(labels) => labels,
    })
}
