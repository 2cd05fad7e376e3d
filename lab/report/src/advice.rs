//! The report of `lookahead theory advise`: the loss of the noisy quadratic against k and alpha, as heat maps.

mod family;

pub use family::FamilyTable;

use std::path::Path;

use lookahead_runs::format::counted;
use lookahead_theory::family::{AtTheSameFinalLoss, Diverging, FamilyAdvice, LeftOut, Tuned};
use lookahead_theory::{Advice, AdvicePoint, Choice, Edge, End, MODEL_LIMITS, Parameter};
use maud::html;
use serde::{Serialize, Serializer};

use super::analysis::{Cell, Csv};
use super::heat_map::HeatMap;
use super::page::{Head, document, to_file};
use super::{ReportError, as_given, significant, write_file};

/// Advice with the question it answers.
#[derive(Debug, Clone, Serialize)]
pub struct AdviceReport {
    /// The question: learning rate, momentum, spectrum and so on, by name.
    #[serde(serialize_with = "as_object")]
    pub question: Vec<(&'static str, String)>,
    /// The given learning rate.
    pub lr: f64,
    /// The inner steps after which the losses are compared.
    pub steps: u64,
    /// What the numbers come to, one sentence each.
    pub conclusions: Vec<String>,
    /// The answer.
    #[serde(flatten)]
    pub advice: Advice,
    /// Lookahead beside its descendants and beside averages.
    #[serde(flatten, serialize_with = "as_keys")]
    pub family: FamilyAdvice,
    /// What the model leaves out.
    pub limits: [&'static str; 5],
    /// The exact command.
    pub command: String,
}

impl AdviceReport {
    /// The advice, beside its question and the limits of the model.
    #[must_use]
    pub fn new(
        question: Vec<(&'static str, String)>,
        lr: f64,
        steps: u64,
        advice: Advice,
        family: FamilyAdvice,
        command: String,
    ) -> Self {
        let conclusions = [conclusions(&advice, lr, steps), family::conclusions(&family, steps)].concat();
        Self { question, lr, steps, conclusions, advice, family, limits: MODEL_LIMITS, command }
    }

    /// The family, each at its best and at the same final loss; none where that would take too long.
    #[must_use]
    pub fn family_tables(&self) -> Vec<FamilyTable> {
        family::tables(&self.family, self.lr)
    }

    /// Writes `advice.json`, `advice.csv`, `loss.svg`, `tuned_loss.svg`, `final_loss.svg` and `report.html` into a folder
    /// that exists.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ReportError> {
        let maps = self.maps();
        let caption = self.caption();
        write_file(&folder.join("advice.csv"), &self.csv())?;
        for (map, name) in maps.iter().zip(["loss.svg", "tuned_loss.svg", "final_loss.svg"]) {
            write_file(&folder.join(name), &map.standalone(&caption))?;
        }
        write_file(&folder.join("report.html"), &self.page(&maps))?;
        write_file(&folder.join("advice.json"), &(self.json() + "\n"))
    }

    /// The text of `advice.json`.
    #[must_use]
    pub fn json(&self) -> String {
        // Strings and numbers: nothing that JSON cannot say.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Losses against k (rows) and alpha (columns): after the steps at the given learning rate, after the steps with the
    /// best learning rate for each, and at the fixed points at the given learning rate.
    #[must_use]
    pub fn maps(&self) -> [HeatMap; 3] {
        let Advice { points, tuned, least_loss, .. } = &self.advice;
        let of_first = |point: &&AdvicePoint| point.sync_period == points[0].sync_period;
        let alphas: Vec<String> = points.iter().take_while(of_first).map(|point| as_given(point.alpha.get())).collect();
        // Every k comes with every alpha.
        let many = alphas.len().max(1);
        let periods: Vec<String> =
            points.iter().step_by(many).map(|point| point.sync_period.get().to_string()).collect();
        let map = |title: String, numbers: Vec<Option<f64>>| HeatMap {
            title,
            rows: ("k".to_owned(), periods.clone()),
            columns: ("alpha".to_owned(), alphas.clone()),
            cells: numbers.chunks(many).map(<[_]>::to_vec).collect(),
            floor: *least_loss,
        };
        let (lr, steps) = (as_given(self.lr), counted(self.steps, "step"));
        let finite = |loss: f64| Some(loss).filter(|loss| loss.is_finite());
        [
            map(
                format!("Expected loss after {steps} at learning rate {lr}"),
                points.iter().map(|point| finite(point.loss)).collect(),
            ),
            map(
                format!("Expected loss after {steps}, each pair at its best learning rate"),
                tuned.iter().map(|tuned| finite(tuned.point.loss)).collect(),
            ),
            map(
                format!("Expected loss at the fixed point at learning rate {lr}"),
                points.iter().map(|point| point.final_loss).collect(),
            ),
        ]
    }

    fn caption(&self) -> String {
        let question: Vec<String> = self.question.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("Noisy quadratic model: {}. Bright is low, the frame marks the lowest.", question.join(", "))
    }

    fn csv(&self) -> String {
        let columns = ["sync_period", "alpha", "loss", "final_loss", "rate", "best_lr", "loss_at_best_lr"];
        let mut csv = Csv::new(&columns);
        let finite = |number: f64| if number.is_finite() { Cell::Number(number) } else { Cell::Empty };
        for (point, tuned) in self.advice.points.iter().zip(&self.advice.tuned) {
            csv.row(&[
                Cell::Whole(point.sync_period.get().into()),
                Cell::Number(point.alpha.get()),
                finite(point.loss),
                point.final_loss.map_or(Cell::Empty, Cell::Number),
                Cell::Number(point.rate),
                Cell::Number(tuned.lr),
                finite(tuned.point.loss),
            ]);
        }
        csv.into_text()
    }

    fn page(&self, maps: &[HeatMap; 3]) -> String {
        let head = Head {
            kicker: "lookahead · theory advise".to_owned(),
            title: "Which k and alpha?".to_owned(),
            lead: "The expected loss of the noisy quadratic model for a given inner optimizer, against the two \
                   hyperparameters of Lookahead, and beside the inner optimizer alone at its own best learning rate, its descendants and averages."
                .to_owned(),
            css: String::new(),
            links: ["advice.json", "advice.csv", "loss.svg", "tuned_loss.svg", "final_loss.svg"].map(to_file).into(),
        };
        let body = html! {
            section {
                h2 { "In short" }
                ul { @for sentence in &self.conclusions { li { (sentence) } } }
            }
            @for map in maps {
                section { h2 { (map.title) } (map.table()) }
            }
            p.hint { "Bright is low, the frame marks the lowest. Colours show the distance from the loss at the optimum, on a log scale." }
            @for table in self.family_tables() { (table.markup()) }
            section {
                h2 { "What the model leaves out" }
                ul { @for limit in self.limits { li { (limit) } } }
            }
            section {
                h2 { "The question" }
                pre { code { (self.command) } }
                dl { @for (name, value) in &self.question { dt { (name) } dd { (value) } } }
            }
        };
        document(&head, &body)
    }
}

/// What the numbers come to, one sentence each.
fn conclusions(advice: &Advice, lr: f64, steps: u64) -> Vec<String> {
    let Advice { best, best_final, best_tuned, inner_alone, inner_tuned, least_loss, .. } = advice;
    let mut sentences = vec![
        format!(
            "After {} at learning rate {}: {} with {}; the inner optimizer alone has {}. This is no fair \
             comparison: each has a best learning rate of its own.",
            counted(steps, "step"),
            as_given(lr),
            loss(best.loss),
            pair(best),
            loss(inner_alone.loss)
        ),
        format!(
            "Each at its best learning rate: Lookahead {} (learning rate {}, {}), the inner optimizer alone {} (learning \
             rate {}).",
            loss(best_tuned.point.loss),
            significant(best_tuned.lr, 3),
            pair(&best_tuned.point),
            loss(inner_tuned.point.loss),
            significant(inner_tuned.lr, 3)
        ),
        verdict(advice),
    ];
    if inner_tuned.point.loss < best.loss * (1.0 - family::TIE) {
        sentences.push(format!(
            "At learning rate {} no pair does as well as the inner optimizer alone at {}.",
            as_given(lr),
            significant(inner_tuned.lr, 3)
        ));
    }
    sentences.extend(advice.same_final_loss.as_ref().map(|same| {
        format!(
            "At the same final loss, {} with {} at learning rate {}, the inner optimizer's learning rate is {}; after the \
             steps it is {} away from that loss, and Lookahead {}.",
            loss(same.final_loss),
            pair(best),
            as_given(lr),
            significant(same.inner_lr, 3),
            significant(same.inner_excess.abs(), 3),
            significant(same.lookahead_excess.abs(), 3)
        )
    }));
    if let Some((point, final_loss)) = best_final.as_ref().and_then(|point| Some((point, point.final_loss?))) {
        let with_less = if inner_alone.final_loss > Some(*least_loss) { ", and less at a smaller one" } else { "" };
        sentences.push(format!(
            "Least loss in the long run at learning rate {}: {} with {}; the inner optimizer alone has {}{with_less}.",
            as_given(lr),
            loss(final_loss),
            pair(point),
            inner_alone.final_loss.map_or("none".to_owned(), loss)
        ));
    }
    sentences.push(format!("Nothing falls below {}, the loss at the optimum.", loss(*least_loss)));
    sentences.extend(advice.edges.iter().map(|edge| warning(edge, advice.searched)));
    sentences
}

/// Whether Lookahead pays.
fn verdict(advice: &Advice) -> String {
    let percent = significant(100.0 * advice.gain, 2);
    match advice.gain {
        _ if advice.pays => format!(
            "Lookahead pays here: tuned, it is {percent} % nearer to the loss at the optimum than the inner optimizer \
             alone, for two more hyperparameters."
        ),
        gain if gain > 0.0 => format!(
            "Lookahead does not pay here: tuned, it is only {percent} % nearer to the loss at the optimum than the inner \
             optimizer alone."
        ),
        _ => "Lookahead does not pay here: tuned, it is no nearer to the loss at the optimum than the inner optimizer \
              alone."
            .to_owned(),
    }
}

/// That a best value lies at the end of what was compared.
fn warning(edge: &Edge, [first, last]: [f64; 2]) -> String {
    let of = match edge.of {
        Choice::Best => "at this learning rate",
        Choice::BestFinal => "in the long run",
        Choice::BestTuned => "at the best learning rate",
        Choice::InnerTuned => "of the inner optimizer alone",
    };
    let (parameter, value, among) = match edge.parameter {
        Parameter::SyncPeriod => ("k", as_given(edge.value), "of the list".to_owned()),
        Parameter::Alpha => ("alpha", as_given(edge.value), "of the list".to_owned()),
        Parameter::LearningRate => {
            let among = format!("of those searched, {} to {}", significant(first, 3), significant(last, 3));
            ("learning rate", significant(edge.value, 3), among)
        }
    };
    let (end, beyond) = match edge.end {
        End::Smallest => ("smallest", "smaller"),
        End::Largest => ("largest", "larger"),
    };
    format!("Warning: the best {parameter} {of}, {value}, is the {end} {among}: a {beyond} one may be better.")
}

fn pair(point: &AdvicePoint) -> String {
    format!("k = {}, alpha = {}", point.sync_period.get(), as_given(point.alpha.get()))
}

/// A loss in a sentence.
fn loss(loss: f64) -> String {
    if loss.is_finite() { significant(loss, 6) } else { "no finite loss".to_owned() }
}

fn as_object<S: Serializer>(pairs: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// The family under the keys of `advice.json`.
fn as_keys<S: Serializer>(family: &FamilyAdvice, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Keys<'a> {
        family: &'a [Tuned],
        family_left_out: &'a [LeftOut],
        family_at_the_same_final_loss: Option<&'a AtTheSameFinalLoss>,
        diverging_outer_steps: &'a [Diverging],
    }
    let FamilyAdvice { tuned, left_out, at_the_same_final_loss, diverging } = family;
    let keys = Keys {
        family: tuned,
        family_left_out: left_out,
        family_at_the_same_final_loss: at_the_same_final_loss.as_ref(),
        diverging_outer_steps: diverging,
    };
    keys.serialize(serializer)
}
