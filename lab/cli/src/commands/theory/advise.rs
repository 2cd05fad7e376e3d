//! `lookahead theory advise`: which k and alpha, and which of the family, by the noisy quadratic model.

use std::path::PathBuf;

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use lookahead_report::AdviceReport;
use lookahead_runs::files::create_folder;
use lookahead_runs::format::as_given;
use lookahead_runs::printable::printable_path;
use lookahead_runs::wrapped;
use lookahead_theory::{AdviceGrid, Moments};

use super::problem::{MomentumOptions, NoiseOptions, SpectrumOptions};
use super::{map_table, values};
use crate::commands::{say, shell_word};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Your learning rate of the inner optimizer, above 0 and below 2 (1 + BETA) / L; the best ones are searched besides.
    #[arg(long, value_name = "LR", value_parser = values::number, allow_hyphen_values = true)]
    lr: f64,
    #[command(flatten)]
    momentum: MomentumOptions,
    #[command(flatten)]
    spectrum: SpectrumOptions,
    #[command(flatten)]
    noise: NoiseOptions,
    /// The values of k to compare, with commas; with those of alpha at most 1000 pairs.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,5,10,20,50,100",
        value_parser = values::sync_period, allow_hyphen_values = true)]
    k: Vec<SyncPeriod>,
    /// The values of alpha to compare, with commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1",
        value_parser = values::alpha, allow_hyphen_values = true)]
    alpha: Vec<Alpha>,
    /// The inner steps after which the losses are compared: how long you mean to train at this learning rate.
    #[arg(long, value_name = "T", default_value_t = 1000, value_parser = values::whole::<0, { u64::MAX }>,
        allow_negative_numbers = true)]
    steps: u64,
    /// The mean of the weights at the start, in every direction; their variance is 0.
    #[arg(long, value_name = "MEAN", default_value_t = 1.0, value_parser = values::number, allow_hyphen_values = true)]
    initial_mean: f64,
    /// Also write heat maps (SVG), a page, CSV and JSON into DIR/advise.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead theory advise --lr 0.5
  lookahead theory advise --lr 0.1 --spectrum harmonic --steps 10000 --out r
  lookahead theory advise --lr 0.5 --k 5,6,7,8 --alpha 0.4,0.5,0.6 --json

It compares each pair of k and alpha with the inner optimizer alone at your learning rate, each at its own best learning \
rate, and at the same final loss (Sec. 3.1), and says whether Lookahead pays and which best values lie at the end of what \
was compared. JSON keys: points, best, inner_alone, best_final (at your rate), tuned, best_tuned, inner_tuned (at the best \
rates), same_final_loss, gain and pays (tuned, relative to the distance from the loss at the optimum), edges, family, \
family_left_out, family_at_the_same_final_loss, diverging_outer_steps, conclusions.

The family are Lookahead, its descendants and averages, each at the best of as many settings (up to 250 eigenvalues). What \
it computes is seconds of work; what would be more is left out.";

pub fn advise(arguments: &Arguments) -> anyhow::Result<()> {
    let eigenvalues = arguments.spectrum.eigenvalues()?;
    let question = question(arguments, arguments.spectrum.in_words(&eigenvalues));
    let problem = arguments.noise.problem(eigenvalues)?;
    let grid = AdviceGrid {
        sync_periods: once_each(&arguments.k),
        alphas: once_each(&arguments.alpha),
        inner_state: arguments.momentum.inner_state,
        steps: arguments.steps,
        start: Moments::at(arguments.initial_mean),
    };
    // Seconds of work lie before the report: a folder that cannot be made is said first.
    let folder = arguments.out.as_ref().map(|out| out.join("advise"));
    if let Some(folder) = &folder {
        create_folder(folder)?;
    }
    let (lr, momentum) = (arguments.lr, arguments.momentum.momentum);
    let advice = lookahead_theory::advise(&problem, lr, momentum, &grid);
    let both = advice.and_then(|advice| Ok((advice, lookahead_theory::family::advise(&problem, lr, momentum, &grid)?)));
    let (advice, family) = both.map_err(|error| {
        // Only an empty one goes.
        folder.iter().for_each(|folder| _ = std::fs::remove_dir(folder));
        super::refused(error)
    })?;
    let report = AdviceReport::new(question, lr, arguments.steps, advice, family, command());
    let mut text = if arguments.json { report.json() } else { in_words(&report) };
    if let Some(folder) = &folder {
        report.write(folder)?;
        if !arguments.json {
            text += &format!("\n\nreport: {}", printable_path(&folder.join("report.html")));
        }
    }
    Ok(say(text)?)
}

/// A list without its repetitions.
fn once_each<T: Copy + PartialEq>(list: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for &item in list {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// The question by name, as the report shows it.
fn question(arguments: &Arguments, spectrum: String) -> Vec<(&'static str, String)> {
    let inner_state = match arguments.momentum.inner_state {
        InnerStatePolicy::Maintain => "maintain",
        InnerStatePolicy::Interpolate => "interpolate",
        InnerStatePolicy::Reset => "reset",
    };
    vec![
        ("learning rate", as_given(arguments.lr)),
        ("momentum", as_given(arguments.momentum.momentum.get())),
        ("inner state", inner_state.to_owned()),
        ("spectrum", spectrum),
        ("noise", arguments.noise.in_words()),
        ("initial mean", as_given(arguments.initial_mean)),
        ("steps", arguments.steps.to_string()),
    ]
}

/// The maps as tables, the family, the conclusions, and what the model leaves out; no line is wider than a terminal.
fn in_words(report: &AdviceReport) -> String {
    let maps = report.maps();
    let family = report.family_tables();
    let family = family.iter().map(|table| {
        let parts = [wrapped(&table.title, "", ""), table.text(), wrapped(&table.note, "", "")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    });
    let tables = maps.iter().map(map_table::table).chain(family).collect::<Vec<_>>().join("\n\n");
    let conclusions = report.conclusions.iter().map(|sentence| wrapped(sentence, "", "")).collect::<Vec<_>>();
    let limits = report.limits.map(|limit| wrapped(limit, "- ", "  ")).join("\n");
    format!("{tables}\n\n{}\n\nWhat the model leaves out:\n{limits}", conclusions.join("\n"))
}

/// The command as it was typed.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| shell_word(&word.to_string_lossy()));
    std::iter::once("lookahead".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
