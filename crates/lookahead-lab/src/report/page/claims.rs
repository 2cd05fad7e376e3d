//! The claims of the paper on the page: a card each with verdict and numbers, and what a smaller scale is not.

use maud::{Markup, html};

use super::super::{
    ClaimComparison, ClaimSummary, Expectation, Measure, NotJudged, Paper, Study, Subject, Summary, Verdict,
    format::MISSING,
};
use super::{print, results::verdict_class};

/// What stands over the page of an experiment of the paper that did not run as in the paper.
pub(super) fn banner(study: &Study) -> Markup {
    let artifact = &study.artifact;
    let panels = study.panels();
    let is_missing = |name: &&String| panels.iter().all(|panel| panel.name != name.as_str());
    let missing: Vec<&str> = artifact.paper.panels.iter().filter(is_missing).map(String::as_str).collect();
    html! {
        @if artifact.paper != Paper::default() && artifact.scale != "paper" {
            aside.banner {
                p { strong { "Scale " (artifact.scale) ": this is no reproduction of the paper\u{2019}s setting." }
                    " Its numbers stand beside ours for orientation only." }
                @if !missing.is_empty() { p { "Not run at this scale: " (missing.join(", ")) "." } }
                @if !artifact.notes.is_empty() { ul { @for note in &artifact.notes { li { (note) } } } }
            }
        }
    }
}

/// A card for each claim.
pub(super) fn claims(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "What the paper says, and whether it holds here" }
            div.cards { @for claim in &summary.claims { (card(claim)) } }
            p.hint {
                "The claims are in our words. A claim holds if the 95 % confidence interval (Student\u{2019}s t) of each "
                "difference, paired by seed, lies wholly where the claim says; it does not hold if one lies wholly on the "
                "other side or at zero; else this many seeds do not decide it. Each claim is judged by itself, at this scale."
                @if summary.subject == Subject::Language {
                    " Perplexities are compared by their logarithms, the losses, and their difference is given as a ratio: "
                    "\u{2212}5 % is a perplexity that is 5 % lower."
                }
                @if summary.claims.iter().any(|claim| claim.claim.expect == Some(Expectation::Similar)) {
                    " That two are alike holds if the interval lies wholly within the margin on both sides of zero, and does "
                    "not hold if it lies wholly outside."
                }
            }
        }
    }
}

fn card(summary: &ClaimSummary) -> Markup {
    let claim = &summary.claim;
    let places = [&claim.place, &claim.panel].map(String::as_str);
    let places: Vec<&str> = places.into_iter().filter(|text| !text.is_empty()).collect();
    html! {
        article.card {
            p.claim { (claim.says) }
            p.evidence { (places.join(" · ")) }
            @match (summary.verdict, summary.reason) {
                (Some(verdict), _) => {
                    p class={ "badge " (verdict_class(verdict)) } { (verdict.in_words(summary.pairs())) }
                }
                (None, Some(NotJudged::NotRun)) => p.badge.undecided { "not run at this scale" },
                (None, _) => p.badge.undecided { "not judged: see below" },
            }
            @if let (Some(measure), Some(expect)) = (claim.measure, claim.expect) {
                @if !summary.comparisons.is_empty() {
                    p.evidence { (compared(summary, measure, expect)) ":" }
                    ul.comparisons {
                        @for comparison in &summary.comparisons {
                            li { (self::comparison(comparison, measure, summary.comparisons.len())) }
                        }
                    }
                }
            }
        }
    }
}

/// What was compared, such as `Top-5 accuracy, points, after epoch 5 (for the paper's 50)`.
fn compared(summary: &ClaimSummary, measure: Measure, expect: Expectation) -> String {
    let mut text = match expect {
        Expectation::LessSpread => format!("Range over the settings of the {}", measure.in_sentence()),
        _ => measure.name().to_owned(),
    };
    let unit = measure.quantity().unit_of_difference();
    text.push_str(unit);
    text += &match (summary.epoch, summary.claim.step) {
        (Some(epoch), Some(step)) => format!(", after epoch {epoch} (for the paper\u{2019}s step {step})"),
        (epoch, _) => when(epoch, summary.claim.epoch),
    };
    if let Some(margin) = summary.claim.margin {
        text += &format!(", less than {margin}{} apart", unit.trim_start_matches(','));
    }
    text
}

/// After which epoch, and which of the paper's it stands for.
pub(super) fn when(ours: Option<u32>, papers: Option<u32>) -> String {
    match (ours, papers) {
        (Some(ours), Some(papers)) if ours != papers => {
            format!(", after epoch {ours} (for the paper\u{2019}s {papers})")
        }
        (Some(ours), _) => format!(", after epoch {ours}"),
        (None, _) => String::new(),
    }
}

fn comparison(comparison: &ClaimComparison, measure: Measure, of: usize) -> Markup {
    let ClaimComparison { group, baseline, missing_pairs, difference, verdict } = comparison;
    let n = difference.map_or(0, |paired| paired.n);
    let numbers = difference.map_or(MISSING.to_owned(), |_| print(&measure.quantity().paired(*difference)));
    html! {
        (group) " \u{2212} " (baseline) ": "
        @if of > 1 { span class={ "word " (verdict_class(*verdict)) } { (word(*verdict)) } ", " }
        span.numbers { (numbers) ", n = " (n) }
        @if *missing_pairs > 0 { "; seeds without a finite value of both: " (missing_pairs) }
        @else if n == 1 { "; one seed gives no interval" }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::DoesNotHold => "does not",
        Verdict::Undecided => "undecided",
    }
}
