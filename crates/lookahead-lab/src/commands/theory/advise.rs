//! `lookahead theory advise`: which k and alpha, by the noisy quadratic model.

use std::path::PathBuf;

use lookahead::{Alpha, InnerStatePolicy, SyncPeriod};
use lookahead_lab::report::AdviceReport;
use lookahead_lab::report::heat_map::{self, HeatMap};
use lookahead_theory::{AdviceGrid, Moments};

use super::problem::{MomentumOptions, NoiseOptions, SpectrumOptions};
use super::values;
use crate::commands::{say, shell_word};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The learning rate of the inner optimizer, above 0 and below 2 (1 + BETA) / L.
    #[arg(long, value_name = "LR")]
    lr: f64,
    #[command(flatten)]
    momentum: MomentumOptions,
    #[command(flatten)]
    spectrum: SpectrumOptions,
    #[command(flatten)]
    noise: NoiseOptions,
    /// The values of k to compare, with commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,5,10,20,50,100",
        value_parser = values::sync_period)]
    k: Vec<SyncPeriod>,
    /// The values of alpha to compare, with commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1",
        value_parser = values::alpha)]
    alpha: Vec<Alpha>,
    /// The inner steps after which the losses are compared: how long you mean to train at this learning rate.
    #[arg(long, value_name = "T", default_value_t = 1000)]
    steps: u64,
    /// The mean of the weights at the start, in every direction; their variance is 0.
    #[arg(long, value_name = "MEAN", default_value_t = 1.0, allow_negative_numbers = true)]
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
  lookahead theory advise --lr 0.1 --momentum 0.9 --spectrum harmonic --dim 1000 --steps 10000 --out results
  lookahead theory advise --lr 0.5 --k 5,6,7,8 --alpha 0.4,0.5,0.6 --json";

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
    let advice = lookahead_theory::advise(&problem, arguments.lr, arguments.momentum.momentum, &grid);
    let report = AdviceReport::new(question, arguments.steps, advice.map_err(super::refused)?, command());
    let mut text = if arguments.json { report.json() } else { in_words(&report) };
    if let Some(out) = &arguments.out {
        let folder = out.join("advise");
        std::fs::create_dir_all(&folder).map_err(|source| lookahead_lab::Error::Io { path: folder.clone(), source })?;
        report.write(&folder).map_err(lookahead_lab::Error::from)?;
        if !arguments.json {
            text += &format!("\n\nreport: {}", folder.join("report.html").display());
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
        ("learning rate", arguments.lr.to_string()),
        ("momentum", arguments.momentum.momentum.get().to_string()),
        ("inner state", inner_state.to_owned()),
        ("spectrum", spectrum),
        ("noise", arguments.noise.in_words()),
        ("initial mean", arguments.initial_mean.to_string()),
        ("steps", arguments.steps.to_string()),
    ]
}

/// Both maps as tables, the conclusions, and what the model leaves out.
fn in_words(report: &AdviceReport) -> String {
    let maps = report.maps();
    let maps = maps.iter().map(table).collect::<Vec<_>>().join("\n\n");
    let limits = report.limits.map(|limit| format!("- {limit}")).join("\n");
    let conclusions = report.conclusions().join("\n");
    format!("{maps}\n\n{conclusions}\n\nWhat the model leaves out:\n{limits}")
}

fn table(map: &HeatMap) -> String {
    let mut table = comfy_table::Table::new();
    let corner = format!("{} \\ {}", map.rows.0, map.columns.0);
    table.load_style(comfy_table::TableStyle::new());
    table.set_header([corner].into_iter().chain(map.columns.1.iter().cloned()));
    let best = map.best();
    for (row, (name, cells)) in map.rows.1.iter().zip(&map.cells).enumerate() {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let text = heat_map::text(*cell);
            if best == Some((row, column)) { format!("[{text}]") } else { text }
        });
        table.add_row([name.clone()].into_iter().chain(cells));
    }
    format!("{}, the lowest in brackets\n{table}", map.title)
}

/// The command as it was typed.
fn command() -> String {
    let words = std::env::args().skip(1).map(|word| shell_word(&word));
    std::iter::once("lookahead".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
