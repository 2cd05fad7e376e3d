//! A progress bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use lookahead_runs::printable::{printable, printable_name};
use lookahead_runs::{Measure, MetricsRow, RunResult, Scores};
use lookahead_training::sweep::{Follow, Job};
use lookahead_training::task::Part;
use lookahead_training::train::Observer;
use lookahead_training::workers::Shared;

/// What is worth a line where there is no bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// The end of each run.
    Runs,
    /// Each evaluation.
    Evaluations,
    /// Nothing, not even a bar: another rank shows it.
    None,
}

/// The progress over all runs of a command.
pub struct Progress {
    bar: ProgressBar,
    /// What is printed instead of the bar; nothing on a terminal.
    lines: Option<Lines>,
    /// Whether the runs are those of a sweep: others may need them too.
    is_sweep: bool,
    /// What the runs are of, for people.
    name: String,
    /// Runs in all, and those at their end.
    runs: usize,
    done: AtomicUsize,
    /// Gradient steps: those to be done in all, those that need not be done again, those done here.
    steps: u64,
    before: AtomicU64,
    here: AtomicU64,
    started: Instant,
}

/// The progress of one run.
struct One<'a> {
    progress: &'a Progress,
    label: String,
    /// The step it stands at; `None` before it is known where it continues.
    step: Option<u64>,
    /// Which of several workers was slowest, in words.
    slowest: String,
}

impl Progress {
    /// For these runs of something with this name.
    pub fn new(jobs: &[Job], lines: Lines, name: &str) -> Self {
        let steps = jobs.iter().map(|job| job.steps).sum();
        let is_terminal = std::io::stderr().is_terminal() && lines != Lines::None;
        let bar = if is_terminal { ProgressBar::new(steps) } else { ProgressBar::hidden() };
        let template = "{bar:32} {pos}/{len} steps, {eta} left  {msg}";
        // The template is a constant that indicatif accepts; its own default would do too.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            lines: (!is_terminal).then_some(lines),
            is_sweep: lines == Lines::Runs,
            name: name.to_owned(),
            runs: jobs.len(),
            done: AtomicUsize::new(0),
            steps,
            before: AtomicU64::new(0),
            here: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Which run of how many of what.
    fn place(&self) -> String {
        let run = 1 + self.done.load(Ordering::Relaxed);
        format!("run {} of {} of {}", run.min(self.runs), self.runs, printable_name(&self.name))
    }

    fn advance(&self, counter: &AtomicU64, steps: u64) {
        counter.fetch_add(steps, Ordering::Relaxed);
        self.bar.inc(steps);
    }

    /// The time left at the pace so far; `None` before the first step.
    fn left(&self) -> Option<Duration> {
        let [before, here] = [&self.before, &self.here].map(|counter| counter.load(Ordering::Relaxed));
        let left = self.steps.saturating_sub(before + here);
        (here > 0).then(|| self.started.elapsed().mul_f64(left as f64 / here as f64))
    }
}

/// A bar over the points of a surface; hidden where there is no terminal.
pub fn points_bar() -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    // As above.
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} points of the plane, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// How good a model is, in a word or two: the accuracy where there is one, else the perplexity.
fn in_short(scores: &Scores) -> String {
    match (scores.get(Measure::ValidAccuracy), scores.get(Measure::ValidLoss)) {
        (Some(accuracy), _) => format!("accuracy {:.1} %", 100.0 * accuracy),
        (None, Some(loss)) => format!("perplexity {:.1}", loss.exp()),
        (None, None) => "not finite".to_owned(),
    }
}

fn print(text: &str) {
    // If nobody reads the progress, the run goes on all the same.
    let _ = writeln!(std::io::stderr(), "{}", printable(text));
}

impl Follow for Progress {
    fn begin(&self, job: &Job) -> Box<dyn Observer + '_> {
        self.bar.set_message(format!("{}: {}", self.place(), printable_name(&job.label)));
        Box::new(One {
            progress: self,
            label: printable_name(&job.label).into_owned(),
            step: None,
            slowest: String::new(),
        })
    }

    fn end(&self, job: &Job, result: &RunResult) {
        let done = 1 + self.done.fetch_add(1, Ordering::Relaxed);
        if self.lines != Some(Lines::Runs) {
            return;
        }
        let bleu = result.scores.get(Measure::ValidBleu);
        let bleu = bleu.map_or_else(String::new, |bleu| format!("BLEU {bleu:.1}, "));
        let quality = bleu + &in_short(&result.scores);
        let left = match self.left() {
            Some(left) if done < self.runs => format!("; about {} left", HumanDuration(left)),
            _ => String::new(),
        };
        print(&format!(
            "{} {done}/{}: {}: {quality}, epochs {}, {:.1} s{left}",
            self.name, self.runs, job.label, result.epochs, result.seconds
        ));
    }

    fn waits(&self, job: &Job) -> bool {
        if self.is_sweep {
            let text = format!("{}: another process is doing this run; waiting for it", job.label);
            self.bar.suspend(|| print(&text));
        }
        self.is_sweep
    }

    fn skip(&self, job: &Job) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.advance(&self.before, job.steps);
    }
}

/// What is shown while something is computed whose end cannot be told; nothing where there is no terminal.
pub fn computing(what: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    // As above.
    let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(format!("computing {}", printable_name(what)));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

impl Observer for One<'_> {
    fn stepped(&mut self, step: u64) {
        match self.step.replace(step) {
            // A run that continues begins in the middle of the bar.
            None => {
                self.progress.advance(&self.progress.before, step);
                self.progress.bar.reset_eta();
            }
            Some(before) => self.progress.advance(&self.progress.here, step - before),
        }
    }

    fn measured(&mut self, part: Part, done: usize, all: usize) {
        let (place, part) = (self.progress.place(), part.name());
        self.progress.bar.set_message(format!("{place}: {}, {part} set, {done} of {all} translated", self.label));
    }

    fn met(&mut self, shared: &Shared) {
        let Shared { slowest, slowest_seconds, fastest_seconds, .. } = shared;
        self.slowest =
            format!(", slowest worker {slowest} ({slowest_seconds:.3} s, the fastest {fastest_seconds:.3} s)");
    }

    fn evaluated(&mut self, row: &MetricsRow) {
        let quality = in_short(&row.scores);
        let place = self.progress.place();
        self.progress
            .bar
            .set_message(format!("{place}: {}, epoch {}, {quality}{}", self.label, row.epoch, self.slowest));
        if self.progress.lines == Some(Lines::Evaluations) {
            let loss = |of: Measure| row.scores.get(of).map_or("not finite".to_owned(), |loss| format!("{loss:.4}"));
            let (train, valid) = (loss(Measure::TrainLoss), loss(Measure::ValidLoss));
            print(&format!(
                "{}: epoch {}, training loss {train}, validation loss {valid}, {quality}{}",
                self.label, row.epoch, self.slowest
            ));
        }
    }
}
