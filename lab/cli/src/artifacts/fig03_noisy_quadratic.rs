//! Fig. 3: expected progress of SGD and of Lookahead on the noisy quadratic after 1000 steps (Sec. 3.1, App. A.1).

use lookahead_theory::figures::NoisyProgress;
use serde_json::Map;

use super::analysis::{Files, finding, notes};
use super::noisy_progress::{compute, data_files, heading, in_words, progress_plot, read, shrink, slice_plot};
use lookahead_report::analysis::{Analysis, Outcome, Picture};
use lookahead_settings::Section;
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::environment;
use lookahead_training::sweep::Request;

const NAME: &str = "fig03_noisy_quadratic";

const FILES: Files = Files {
    artifact: NAME,
    config: include_str!("../../experiments/fig03_noisy_quadratic/config.toml"),
    paper: include_str!("../../experiments/fig03_noisy_quadratic/paper.toml"),
};

/// The reference of its parameters.
pub(super) fn reference() -> Vec<Section> {
    FILES.reference(read)
}

/// Computes the figure.
///
/// # Errors
/// [`Error::Config`] or [`Error::Theory`] for a wrong override.
pub fn analyse(request: &Request) -> Result<Analysis, Error> {
    let start = std::time::Instant::now();
    let paper = FILES.paper()?;
    let config: NoisyProgress = FILES.config(request, read, shrink)?;
    let (data, least_loss) = compute(&config, "")?;

    let mut ahead = finding(&paper, "ahead_for_every_alpha", data.claims.clone(), in_words(&data.claims));
    // The claim is about every alpha: one that is behind in most slices refutes it, however far ahead the others are.
    ahead.holds = data.better_for_every_alpha();
    if !ahead.holds {
        let some = data.better_for_some_alpha();
        ahead.verdict = if some { Outcome::HoldsInPart } else { Outcome::DoesNotHold };
    }
    let title = heading(&config);
    let plots = vec![
        progress_plot(&title, &paper.axes, least_loss, &data),
        slice_plot(&format!("{title}, slice by slice"), &paper.axes, least_loss, &data),
    ];
    Ok(Analysis {
        artifact: NAME.to_owned(),
        scale: request.scale.name().to_owned(),
        command: request.command.clone(),
        config: serde_json::to_value(&config).unwrap_or_default(),
        findings: vec![ahead],
        numbers: Map::new(),
        pictures: vec![Picture {
            file: "figure.svg",
            title: format!("{}: {}", paper.figure, paper.title),
            caption: paper.caption.clone(),
            plots,
        }],
        maps: vec![],
        data: data_files(&[(None, &data)]),
        notes: notes(request, "50 eigenvalues and 60 learning rates"),
        seconds: start.elapsed().as_secs_f64(),
        environment: environment(DeviceConfig::CPU),
        paper,
    })
}
