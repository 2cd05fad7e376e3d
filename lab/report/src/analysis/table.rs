//! The findings as text for a terminal.

use super::super::table::{in_whole_words, plain_table};
use super::{Analysis, Finding};
use lookahead_runs::wrapped;

impl Analysis {
    /// The claims with their verdicts and numbers, at most 80 columns wide.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = plain_table(["claim", "verdict", "in numbers"]);
        for finding in &self.findings {
            table.add_row([finding.claim(), finding.verdict.in_words().to_owned(), finding.evidence.clone()]);
        }
        let title = format!("{}: {} (scale {})", self.paper.figure, self.paper.title, self.scale);
        format!("{}\n\n{}", wrapped(&title, "", "  "), in_whole_words(table))
    }
}

impl Finding {
    /// The claim with its setting.
    pub(super) fn claim(&self) -> String {
        match &self.setting {
            Some(setting) => format!("{} ({setting})", self.says),
            None => self.says.clone(),
        }
    }
}
