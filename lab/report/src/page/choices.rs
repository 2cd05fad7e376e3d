//! Which optimizer to pick, and whether it is worth it, in sentences and with the distances from the best.

use maud::{Markup, html};

use super::{
    super::{Choice, Summary},
    print,
};

/// One block for each panel, with a part for each measure; nothing where there is no choice.
pub(super) fn choices(summary: &Summary) -> Markup {
    html! {
        @if let Some(first) = summary.choices.first() {
            section {
                h2 { "Which one, and is it worth it?" }
                p.hint { "Each pair of optimizers is compared seed by seed at the end of training, without a margin. The "
                    (first.pairs.len()) " pairs of a panel by a measure are a family, corrected by Holm. What is not told apart "
                    "may be equal, or need more seeds. " (summary.about_choosing().unwrap_or_default()) }
                @for choice in &summary.choices { (answer(choice)) }
            }
        }
    }
}

fn answer(choice: &Choice) -> Markup {
    let measure = choice.measure;
    let [which, worth] = choice.in_words();
    let heading = match choice.panel.as_str() {
        "" => measure.name().to_owned(),
        panel => format!("{panel}: {}", measure.in_sentence()),
    };
    html! {
        h3 { (heading) }
        p { (which) }
        p { (worth) }
        details {
            summary { "All pairs" }
            div.wide tabindex="0" role="region" aria-label="All pairs" {
                table {
                    thead { tr {
                        th scope="col" { "Difference" }
                        th.number scope="col" { (measure.name()) (measure.quantity().facts().unit_of_difference) }
                        th scope="col" { "The first is better" }
                    } }
                    tbody {
                        @for pair in &choice.pairs {
                            tr {
                                th scope="row" { (pair.first) " \u{2212} " (pair.second) }
                                td.number { (print(&pair.judgement.in_words(measure.quantity(), pair.difference))) }
                                td { (pair.judgement.outcome.in_words(pair.difference.map_or(0, |paired| paired.n))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
