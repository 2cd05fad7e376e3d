//! The family in the report of advice: tables, and what they come to.

use lookahead_runs::format::counted;
use lookahead_theory::OuterForm;
use lookahead_theory::family::{Diverging, FamilyAdvice, LeftOut, Name, Setting, Tuned, Why};
use maud::{Markup, html};

use crate::table::{NO_BREAK, in_whole_words, plain_table, right};
use crate::{as_given, significant};

/// Losses closer than this, relative to the larger, are equal.
pub(super) const TIE: f64 = 1e-9;
/// So many k of an outer step that diverges are named.
const MOST_NAMED: usize = 8;

/// Members with their settings and losses, a row each.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyTable {
    /// The heading.
    pub title: String,
    /// The names of the columns.
    pub header: [&'static str; 5],
    /// The rows, the smallest loss first.
    pub rows: Vec<[String; 5]>,
    /// Who is not in it, and why; empty if all are.
    pub note: String,
}

impl FamilyTable {
    /// The table for a terminal of 80 columns, without its heading and note.
    #[must_use]
    pub fn text(&self) -> String {
        let mut table = plain_table(self.header);
        let whole = |text: &String| text.replace(' ', &NO_BREAK.to_string());
        for [member, setting, numbers @ ..] in &self.rows {
            let numbers = numbers.iter().map(|number| right(number.clone()));
            table.add_row(
                [member, setting].map(|text| whole(text).into()).into_iter().chain(numbers).collect::<Vec<_>>(),
            );
        }
        in_whole_words(table)
    }

    pub(super) fn markup(&self) -> Markup {
        html! {
            section {
                h2 { (self.title) }
                div.wide tabindex="0" role="region" aria-label=(self.title) {
                    table {
                        thead { tr {
                            @for (place, name) in self.header.iter().enumerate() {
                                th.number[place > 1] scope="col" { (name) }
                            }
                        } }
                        tbody {
                            @for [member, setting, numbers @ ..] in &self.rows {
                                tr {
                                    th scope="row" { (member) }
                                    td { (setting) }
                                    @for number in numbers { td.number { (number) } }
                                }
                            }
                        }
                    }
                }
                @if !self.note.is_empty() { p.hint { (self.note) } }
            }
        }
    }
}

/// Each at its best, and all at the same final loss, as far as there are any.
pub(super) fn tables(family: &FamilyAdvice, lr: f64) -> Vec<FamilyTable> {
    let best = FamilyTable {
        title: "The family, each at its best of as many settings".to_owned(),
        header: ["member", "setting", "learning rate", "above the least loss", "final loss"],
        rows: rows(&family.tuned, |tuned| tuned.final_loss.map_or("none".to_owned(), |loss| significant(loss, 6))),
        note: note(&family.left_out),
    };
    let same = family.at_the_same_final_loss.as_ref().map(|same| FamilyTable {
        title: format!(
            "The family at the same final loss, {}, the inner optimizer's at learning rate {}",
            significant(same.final_loss, 6),
            as_given(lr)
        ),
        header: ["member", "setting", "learning rate", "above the least loss", "above the final loss"],
        rows: rows(&same.tuned, |tuned| significant(above_final(tuned), 3)),
        note: note(&same.left_out),
    });
    [best].into_iter().chain(same).filter(|table| !table.rows.is_empty()).collect()
}

/// What the comparison comes to, one sentence each.
pub(super) fn conclusions(family: &FamilyAdvice, steps: u64) -> Vec<String> {
    let mut sentences = Vec::new();
    if family.tuned.is_empty() {
        sentences.push("The family is left out: with so many eigenvalues it would take too long.".to_owned());
    }
    sentences.extend(first(&family.tuned).map(|found| {
        format!(
            "Of the family, each at its best of as many settings, {found} after {} on this model.",
            counted(steps, "step")
        )
    }));
    sentences.extend(family.at_the_same_final_loss.as_ref().and_then(|same| {
        let leader = in_order(&same.tuned).into_iter().next()?;
        let rises =
            if above_final(leader) < 0.0 { " Its loss is below its final one: noise is still to come." } else { "" };
        let final_loss = significant(same.final_loss, 6);
        let found = first(&same.tuned)?;
        Some(format!(
            "All at the final loss {final_loss}, the inner optimizer's at this learning rate: {found}.{rises}"
        ))
    }));
    if !family.tuned.is_empty() {
        sentences.push(
            "The model is a quadratic with plain or heavy-ball SGD inside, plain SGD under the averages: around another \
             optimizer or on a network the order may be another."
                .to_owned(),
        );
    }
    sentences.extend(family.diverging.iter().map(warning));
    sentences
}

/// Who is nearest to the least loss, and how it compares with Lookahead.
fn first(tuned: &[Tuned]) -> Option<String> {
    let lookahead = tuned.iter().find(|tuned| tuned.name == Name::Lookahead)?;
    let order = in_order(tuned);
    let (leader, next) = (order.first()?, order.iter().find(|tuned| tuned.name != Name::Lookahead)?);
    let is_equal = |one: f64, other: f64| (one - other).abs() <= TIE * one.max(other);
    let (ours, theirs) = (lookahead.above_least, next.above_least);
    let farther = 100.0 * (theirs / ours - 1.0);
    Some(match () {
        () if !leader.above_least.is_finite() => return None,
        () if !ours.is_finite() => format!("{} comes first; Lookahead diverges", named(leader.name)),
        () if is_equal(ours, theirs) => {
            format!("Lookahead and {} come first, equally near to the least loss", named(next.name))
        }
        () if ours < theirs && farther.is_finite() => {
            let (next, farther) = (named(next.name), significant(farther, 3));
            format!("Lookahead comes first; {next}, the next, is {farther} % farther from the least loss")
        }
        () if ours < theirs => "Lookahead comes first".to_owned(),
        () => {
            let nearer = significant(100.0 * (1.0 - theirs / ours), 3);
            format!("{} comes first, {nearer} % nearer to the least loss than Lookahead", named(leader.name))
        }
    })
}

/// That an outer step in use diverges.
fn warning(diverging: &Diverging) -> String {
    let Diverging { source, form, rate, momentum, largest_stable } = diverging;
    let form = match form {
        OuterForm::Nesterov => "Nesterov",
        OuterForm::HeavyBall => "heavy ball",
    };
    let named = largest_stable.iter().take(MOST_NAMED).map(|&(k, largest)| {
        let k = k.get();
        match largest {
            0.0 => format!("{k} (no eta is stable)"),
            largest if largest.is_finite() => format!("{k} (stable below eta = {})", significant(largest, 3)),
            _ => k.to_string(),
        }
    });
    let more = match largest_stable.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "Warning: {source}'s outer step ({form}, eta = {}, mu = {}) diverges at this learning rate and momentum with k = {}{more}.",
        as_given(*rate),
        as_given(*momentum),
        named.collect::<Vec<_>>().join(", ")
    )
}

fn rows(tuned: &[Tuned], last: impl Fn(&Tuned) -> String) -> Vec<[String; 5]> {
    let row = |tuned: &Tuned| {
        let above = match tuned.above_least {
            above if above.is_finite() => significant(above, 4),
            _ => "diverges".to_owned(),
        };
        [in_words(tuned.name).to_owned(), setting(tuned), significant(tuned.lr, 3), above, last(tuned)]
    };
    in_order(tuned).into_iter().map(row).collect()
}

/// The smallest loss first.
fn in_order(tuned: &[Tuned]) -> Vec<&Tuned> {
    let mut order: Vec<&Tuned> = tuned.iter().collect();
    order.sort_by(|a, b| a.above_least.total_cmp(&b.above_least));
    order
}

/// How far a loss is above its final one; 0 where that is rounding.
fn above_final(tuned: &Tuned) -> f64 {
    let above = tuned.final_loss.map_or(0.0, |final_loss| tuned.loss - final_loss);
    if above.abs() <= TIE * tuned.above_least { 0.0 } else { above }
}

fn note(left_out: &[LeftOut]) -> String {
    let of = |why: Why| {
        let names: Vec<&str> = left_out.iter().filter(|out| out.why == why).map(|out| in_words(out.name)).collect();
        let because = match why {
            Why::NeverAtRest => "at the least loss in the long run with any learning rate",
            Why::NoLearningRate => "no learning rate ends there",
            Why::TooMuchWork => "would take too long",
        };
        (!names.is_empty()).then(|| format!("Left out: {} ({because}).", names.join(", ")))
    };
    [Why::NeverAtRest, Why::NoLearningRate, Why::TooMuchWork].into_iter().filter_map(of).collect::<Vec<_>>().join(" ")
}

fn in_words(name: Name) -> &'static str {
    match name {
        Name::InnerAlone => "inner optimizer",
        Name::Momentum => "heavy-ball SGD",
        Name::Lookahead => "Lookahead",
        Name::Nesterov => "Nesterov outside",
        Name::HeavyBall => "heavy ball outside",
        Name::RunningMean => "mean of all weights",
        Name::Exponential => "exponential mean",
        Name::ScheduleFree => "Schedule-Free",
        Name::Gpa => "GPA",
    }
}

/// The same in a sentence.
fn named(name: Name) -> String {
    match name {
        Name::InnerAlone | Name::HeavyBall | Name::RunningMean | Name::Exponential => format!("the {}", in_words(name)),
        Name::Momentum | Name::Lookahead | Name::Nesterov | Name::ScheduleFree | Name::Gpa => in_words(name).to_owned(),
    }
}

/// What tells a setting from the member's others.
fn setting(tuned: &Tuned) -> String {
    let short = |number: f64| significant(number, 4);
    match (tuned.name, tuned.setting) {
        (Name::InnerAlone | Name::Momentum, Setting::Loop { momentum, .. }) => {
            format!("beta {}", short(momentum.get()))
        }
        (Name::Lookahead, Setting::Loop { cycle, .. }) => {
            format!("k {}, alpha {}", cycle.sync_period.get(), short(cycle.rate.get()))
        }
        (_, Setting::Loop { cycle, .. }) => {
            let [eta, mu] = [cycle.rate.get(), cycle.momentum.get()].map(short);
            format!("k {}, eta {eta}, mu {mu}", cycle.sync_period.get())
        }
        (Name::Exponential, Setting::Average(average)) => {
            average.memory().map_or_else(String::new, |decay| format!("decay {}", short(decay)))
        }
        (Name::ScheduleFree, Setting::Average(average)) => format!("beta {}", short(average.interpolation())),
        (_, Setting::Average(average)) => average
            .memory()
            .map_or_else(String::new, |mu_x| format!("mu_x {}, mu_y {}", short(mu_x), short(average.interpolation()))),
    }
}
