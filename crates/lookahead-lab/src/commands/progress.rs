//! A progress bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use lookahead_lab::report::MetricsRow;
use lookahead_lab::train::Observer;

/// The progress over all runs of a command.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// Steps of the runs before this one.
    before: u64,
    label: String,
}

impl Progress {
    /// For so many gradient steps in all runs together.
    pub fn new(total_steps: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(total_steps) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} steps, {eta} left  {msg}";
        // The template is a constant that indicatif accepts; its own default would do too.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, is_terminal, before: 0, label: String::new() }
    }

    /// Begins the run `label`.
    pub fn begin(&mut self, label: String) {
        self.bar.set_message(label.clone());
        self.label = label;
    }

    /// The run is at its end, with `steps` steps and the given result.
    pub fn end(&mut self, steps: u64, result: &str) {
        self.before += steps;
        self.bar.set_position(self.before);
        if !self.is_terminal {
            eprintln!("{}: {result}", self.label);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn stepped(&mut self, step: u64, _total: u64) {
        self.bar.set_position(self.before + step);
    }

    fn evaluated(&mut self, row: &MetricsRow) {
        self.bar.set_message(format!("{}  epoch {}  {:.1} %", self.label, row.epoch, 100.0 * row.valid_accuracy));
    }
}
