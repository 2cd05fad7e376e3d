//! The report of `lookahead theory advise`: the loss of the noisy quadratic against k and alpha, as heat maps.

use std::path::Path;

use lookahead_theory::{Advice, AdvicePoint, MODEL_LIMITS};
use maud::html;
use serde::{Serialize, Serializer};

use super::analysis::{Cell, Csv};
use super::heat_map::HeatMap;
use super::page::{Head, document};
use super::{ReportError, significant, write_file};

/// Advice with the question it answers.
#[derive(Debug, Clone, Serialize)]
pub struct AdviceReport {
    /// The question: learning rate, momentum, spectrum and so on, by name.
    #[serde(serialize_with = "as_object")]
    pub question: Vec<(&'static str, String)>,
    /// The inner steps after which the losses are compared.
    pub steps: u64,
    /// The answer.
    #[serde(flatten)]
    pub advice: Advice,
    /// What the model leaves out.
    pub limits: [&'static str; 5],
    /// The exact command.
    pub command: String,
}

impl AdviceReport {
    /// The advice, beside its question and the limits of the model.
    #[must_use]
    pub fn new(question: Vec<(&'static str, String)>, steps: u64, advice: Advice, command: String) -> Self {
        Self { question, steps, advice, limits: MODEL_LIMITS, command }
    }

    /// Writes `advice.json`, `advice.csv`, `loss.svg`, `final_loss.svg` and `report.html` into a folder that exists.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ReportError> {
        let [loss, final_loss] = self.maps();
        let caption = self.caption();
        write_file(&folder.join("advice.csv"), &self.csv())?;
        write_file(&folder.join("loss.svg"), &loss.standalone(&caption))?;
        write_file(&folder.join("final_loss.svg"), &final_loss.standalone(&caption))?;
        write_file(&folder.join("report.html"), &self.page(&[loss, final_loss]))?;
        write_file(&folder.join("advice.json"), &(self.json() + "\n"))
    }

    /// The text of `advice.json`.
    #[must_use]
    pub fn json(&self) -> String {
        // Strings and numbers: nothing that JSON cannot say.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The losses after the steps, and at the fixed points, against k (rows) and alpha (columns).
    #[must_use]
    pub fn maps(&self) -> [HeatMap; 2] {
        let points = &self.advice.points;
        let alphas: Vec<String> = points
            .iter()
            .take_while(|point| point.sync_period == points[0].sync_period)
            .map(|point| point.alpha.get().to_string())
            .collect();
        // Every k comes with every alpha.
        let rows: Vec<&[AdvicePoint]> = points.chunks(alphas.len().max(1)).collect();
        let periods = rows.iter().map(|row| row[0].sync_period.get().to_string()).collect::<Vec<_>>();
        let map = |title: String, number: fn(&AdvicePoint) -> Option<f64>| HeatMap {
            title,
            rows: ("k".to_owned(), periods.clone()),
            columns: ("alpha".to_owned(), alphas.clone()),
            cells: rows.iter().map(|row| row.iter().map(number).collect()).collect(),
            floor: self.advice.least_loss,
        };
        [
            map(format!("Expected loss after {} steps", self.steps), |point| {
                Some(point.loss).filter(|loss| loss.is_finite())
            }),
            map("Expected loss at the fixed point".to_owned(), |point| point.final_loss),
        ]
    }

    /// What the numbers come to, one sentence each.
    #[must_use]
    pub fn conclusions(&self) -> Vec<String> {
        let Advice { best, best_final, inner_alone, least_loss, .. } = &self.advice;
        let pair = |point: &AdvicePoint| format!("k = {}, alpha = {}", point.sync_period.get(), point.alpha.get());
        let text = |loss: f64| significant(loss, 6);
        let mut sentences = vec![format!(
            "Least loss after {} steps: {} with {}; the inner optimizer alone has {}.",
            self.steps,
            text(best.loss),
            pair(best),
            text(inner_alone.loss)
        )];
        if let Some((point, loss)) = best_final.as_ref().and_then(|point| Some((point, point.final_loss?))) {
            let alone = inner_alone.final_loss.map_or("none".to_owned(), text);
            sentences.push(format!(
                "Least loss in the long run: {} with {}; the inner optimizer alone has {alone}.",
                text(loss),
                pair(point)
            ));
        }
        sentences.push(format!("Nothing falls below {}, the loss at the optimum.", text(*least_loss)));
        sentences
    }

    fn caption(&self) -> String {
        let question: Vec<String> = self.question.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("Noisy quadratic model: {}. Bright is low, the frame marks the lowest.", question.join(", "))
    }

    fn csv(&self) -> String {
        let mut csv = Csv::new(&["sync_period", "alpha", "loss", "final_loss", "rate"]);
        for point in &self.advice.points {
            let numbers = [f64::from(point.sync_period.get()), point.alpha.get(), point.loss].map(Cell::Number);
            let [period, alpha, loss] = numbers;
            csv.row(&[
                period,
                alpha,
                loss,
                point.final_loss.map_or(Cell::Empty, Cell::Number),
                Cell::Number(point.rate),
            ]);
        }
        csv.into_text()
    }

    fn page(&self, maps: &[HeatMap; 2]) -> String {
        let head = Head {
            kicker: "lookahead · theory advise".to_owned(),
            title: "Which k and alpha?".to_owned(),
            lead: "The expected loss of the noisy quadratic model for a given inner optimizer, against the two \
                   hyperparameters of Lookahead."
                .to_owned(),
            css: String::new(),
        };
        let body = html! {
            section {
                h2 { "In short" }
                ul { @for sentence in self.conclusions() { li { (sentence) } } }
            }
            @for map in maps {
                section { h2 { (map.title) } (map.table()) }
            }
            p.hint { "Bright is low, the frame marks the lowest. Colours show the distance from the loss at the optimum, on a log scale." }
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

fn as_object<S: Serializer>(pairs: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
