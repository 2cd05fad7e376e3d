//! The claims of the paper on the page: a card each with verdict and numbers, and what a smaller scale is not.

use maud::{Markup, html};

use super::super::{
    ClaimComparison, ClaimSummary, Expectation, Measure, Outcome, Outlook, Paper, Study, Subject, Summary, Verdict,
};
use super::{notes, print, results::verdict_class};

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
                @if !artifact.notes.is_empty() { (notes(&artifact.notes)) }
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
                "The claims are in our words. "
                (RULES) " " (summary.about_choosing().unwrap_or_default())
                @if summary.subject == Subject::Language {
                    " Perplexities are compared by their logarithms, the losses, and their difference is given as a ratio: "
                    "\u{2212}5 % is a perplexity that is 5 % lower."
                }
            }
        }
    }
}

/// How comparisons are judged.
pub(super) const RULES: &str = "Each comparison is a paired t-test over seeds, two-sided, against the end of the range that \
    the claim names: zero, or, of what is alike or not worse, a margin. The comparisons of one claim are a family, corrected \
    by Holm, so that any of them is decided wrongly with a probability of 5 % at most; p is the corrected value, and the \
    interval is that of the level at which it was tried. A claim holds if each of its intervals lies where it says, and does \
    not hold if one lies wholly elsewhere; else these seeds leave it undecided. Nothing is judged by fewer than three seeds, \
    without a deviation between seeds, or at scale smoke. The claims among themselves are not corrected.";

fn card(summary: &ClaimSummary) -> Markup {
    let claim = &summary.claim;
    let places = [&claim.place, &claim.panel].map(String::as_str);
    let places: Vec<&str> = places.into_iter().filter(|text| !text.is_empty()).collect();
    html! {
        article.card {
            p.claim { (claim.says) }
            p.evidence { (places.join(" · ")) }
            (badge(summary.outcome, summary.pairs()))
            @if let (Some(measure), Some(expect)) = (claim.measure, claim.expect) {
                @if !summary.comparisons.is_empty() {
                    p.evidence { (compared(summary, measure, expect)) @if summary.comparisons.len() == 1 { ":" } }
                    @if let several @ 2.. = summary.comparisons.len() {
                        p.evidence { "A family of " (several) " comparisons, corrected by Holm:" }
                    }
                    ul.comparisons {
                        @for comparison in &summary.comparisons {
                            li { (self::comparison(comparison, measure, summary.comparisons.len())) }
                        }
                    }
                }
            }
            (outlook(summary.outlook.as_ref()))
        }
    }
}

/// A verdict, or why there is none.
pub(super) fn badge(outcome: Outcome, n: u32) -> Markup {
    html! { p class={ "badge " (verdict_class(outcome)) } { (outcome.in_words(n)) } }
}

/// What it would take to decide what is undecided.
pub(super) fn outlook(outlook: Option<&Outlook>) -> Markup {
    html! {
        @if let Some(outlook) = outlook {
            p.evidence {
                (outlook.in_words())
                @if let Some(command) = &outlook.command { " To add just the missing ones: " code { (command) } }
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
    let unit = measure.quantity().facts().unit_of_difference;
    text.push_str(unit);
    text += &match (summary.epoch, summary.claim.step) {
        (Some(epoch), Some(step)) => format!(", after epoch {epoch} (for the paper\u{2019}s step {step})"),
        (epoch, _) => when(epoch, summary.claim.epoch),
    };
    let own = summary.claim.margin.map(|margin| format!("{margin}{}", unit.trim_start_matches(',')));
    let margin = own.unwrap_or_else(|| measure.quantity().facts().margin_in_words.to_owned());
    text += &match expect {
        Expectation::Similar => format!(", less than {margin} apart"),
        Expectation::NotWorse => format!(", not worse by {margin}"),
        Expectation::Higher | Expectation::Lower | Expectation::LessSpread => String::new(),
    };
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
    let ClaimComparison { missing_pairs, difference, judgement, .. } = comparison;
    let n = difference.map_or(0, |paired| paired.n);
    html! {
        (print(&comparison.name().replace(" - ", " \u{2212} "))) ": "
        @if of > 1 { span class={ "word " (verdict_class(judgement.outcome)) } { (word(judgement.outcome)) } ", " }
        span.numbers { (print(&judgement.in_words(measure.quantity(), *difference))) ", n = " (n) }
        @if *missing_pairs > 0 { "; seeds without a finite value of both: " (missing_pairs) }
        @else if n == 1 { "; one seed gives no interval" }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome.verdict {
        Some(Verdict::Holds) => "holds",
        Some(Verdict::DoesNotHold) => "does not",
        Some(Verdict::Undecided) => "undecided",
        None => "not judged",
    }
}
