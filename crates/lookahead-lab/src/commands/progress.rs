//! A progress bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use lookahead_lab::report::MetricsRow;
use lookahead_lab::train::Observer;

/// What is worth a line where there is no bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// The end of each run.
    Runs,
    /// Each evaluation.
    Evaluations,
}

/// The progress over all runs of a command.
pub struct Progress {
    bar: ProgressBar,
    /// What is printed instead of the bar; nothing on a terminal.
    lines: Option<Lines>,
    /// Whether the run under way has made a step here, so that the time left can be told.
    has_stepped: bool,
    /// Steps of the runs before this one.
    before: u64,
    label: String,
}

impl Progress {
    /// For so many gradient steps in all runs together.
    pub fn new(total_steps: u64, lines: Lines) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(total_steps) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} steps, {eta} left  {msg}";
        // The template is a constant that indicatif accepts; its own default would do too.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let lines = (!is_terminal).then_some(lines);
        Self { bar, lines, has_stepped: false, before: 0, label: String::new() }
    }

    /// Begins the run `label`.
    pub fn begin(&mut self, label: String) {
        self.bar.set_message(label.clone());
        self.label = label;
        self.has_stepped = false;
    }

    /// The run is at its end, with `steps` steps and the given result.
    pub fn end(&mut self, steps: u64, result: &str) {
        self.before += steps;
        self.bar.set_position(self.before);
        if self.lines == Some(Lines::Runs) {
            self.print(result);
        }
    }

    fn print(&self, text: &str) {
        // If nobody reads the progress, the run goes on all the same.
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.label);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn stepped(&mut self, step: u64) {
        self.bar.set_position(self.before + step);
        if !self.has_stepped {
            // A run that continues begins in the middle of the bar.
            self.bar.reset_eta();
            self.has_stepped = true;
        }
    }

    fn evaluated(&mut self, row: &MetricsRow) {
        let accuracy = 100.0 * row.valid_accuracy;
        self.bar.set_message(format!("{}  epoch {}  {accuracy:.1} %", self.label, row.epoch));
        if self.lines == Some(Lines::Evaluations) {
            let loss = |loss: Option<f64>| loss.map_or("not finite".to_owned(), |loss| format!("{loss:.4}"));
            let (train, valid) = (loss(row.train_loss), loss(row.valid_loss));
            self.print(&format!(
                "epoch {}, training loss {train}, validation loss {valid}, accuracy {accuracy:.2} %",
                row.epoch
            ));
        }
    }
}
