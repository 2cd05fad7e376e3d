//! Fig. 11: Fig. 3 with a single alpha (a), and after only a few steps (b) (App. A.1).

use lookahead_theory::figures::{Claim, NoisyProgress, NoisyProgressData};
use serde::Serialize;
use serde_json::Map;

use super::analysis::{Files, finding, notes};
use super::noisy_progress::{compute, data_files, heading, in_words, list, progress_plot, read, shrink, slice_plot};
use lookahead_report::analysis::{Analysis, Finding, Outcome, PaperFigure, Picture};
use lookahead_settings::{Read, Section, Table};
use lookahead_training::Error;
use lookahead_training::config::DeviceConfig;
use lookahead_training::environment;
use lookahead_training::sweep::Request;

const NAME: &str = "fig11_noisy_quadratic_more";

const FILES: Files = Files {
    artifact: NAME,
    config: include_str!("../../experiments/fig11_noisy_quadratic_more/config.toml"),
    paper: include_str!("../../experiments/fig11_noisy_quadratic_more/paper.toml"),
};

/// The parameters of both panels.
#[derive(Debug, Serialize)]
struct Panels {
    a: NoisyProgress,
    b: NoisyProgress,
}

impl Panels {
    fn read(table: &Table<'_>) -> Read<Self> {
        table.accept(&["a", "b"])?;
        Ok(Self { a: read(&table.table("a")?)?, b: read(&table.table("b")?)? })
    }
}

/// The reference of its parameters.
pub(super) fn reference() -> Vec<Section> {
    FILES.reference(Panels::read)
}

/// Computes the figure.
///
/// # Errors
/// [`Error::Config`] or [`Error::Theory`] for a wrong override.
pub fn analyse(request: &Request) -> Result<Analysis, Error> {
    let start = std::time::Instant::now();
    let paper = FILES.paper()?;
    let config: Panels = FILES.config(request, Panels::read, |config: &mut Panels| {
        shrink(&mut config.a);
        shrink(&mut config.b);
    })?;
    let ((a, least_a), (b, least_b)) = (compute(&config.a, "a.")?, compute(&config.b, "b.")?);

    let titles = [format!("(a) {}", heading(&config.a)), format!("(b) {}", heading(&config.b))];
    let panels = [(&titles[0], least_a, &a), (&titles[1], least_b, &b)];
    let progress = Vec::from(panels.map(|(title, least, data)| progress_plot(title, &paper.axes, least, data)));
    let slices = Vec::from(panels.map(|(title, least, data)| slice_plot(title, &paper.axes, least, data)));
    let slices_caption = "Each point is a setting of Lookahead over the SGD with the same final loss: below 1 Lookahead \
                          is nearer to it. Not in the paper.";
    let mut ahead = finding(&paper, "ahead_for_one_alpha", a.claims.clone(), in_words(&a.claims));
    ahead.holds = a.better_for_every_alpha();
    Ok(Analysis {
        artifact: NAME.to_owned(),
        scale: request.scale.name().to_owned(),
        command: request.command.clone(),
        config: serde_json::to_value(&config).unwrap_or_default(),
        findings: vec![ahead, behind_for_small_alphas(&paper, &b), ahead_for_some_alpha(&paper, &b)],
        numbers: Map::new(),
        pictures: vec![
            Picture {
                file: "figure.svg",
                title: format!("{}: {}", paper.figure, paper.title),
                caption: paper.caption.clone(),
                plots: progress,
            },
            Picture {
                file: "slices.svg",
                title: "Lookahead's progress over SGD's, slice by slice".to_owned(),
                caption: slices_caption.to_owned(),
                plots: slices,
            },
        ],
        maps: vec![],
        data: data_files(&[(Some("a"), &a), (Some("b"), &b)]),
        notes: notes(request, "50 eigenvalues and 60 learning rates in each panel"),
        seconds: start.elapsed().as_secs_f64(),
        environment: environment(DeviceConfig::CPU),
        paper,
    })
}

/// "SGD outperforms for some smaller choices": the smallest alpha is behind in most slices. It counts alphas.
fn behind_for_small_alphas(paper: &PaperFigure, data: &NoisyProgressData) -> Finding {
    let behind = list(data, Claim::is_behind);
    let evidence = match behind.as_slice() {
        [] => "No alpha is behind in most slices.".to_owned(),
        behind => format!("Behind SGD in most slices: alpha = {}.", behind.join(", ")),
    };
    let n = data.claims.len();
    let everywhere = data.claims.iter().any(|claim| claim.behind == claim.of);
    some_alpha(
        finding(paper, "behind_for_small_alphas", vec![], evidence),
        data.worse_for_smallest_alpha(),
        everywhere,
        [behind.len(), n],
    )
}

/// "There are choices which outperform SGD": some alpha is ahead in most slices. It counts alphas.
fn ahead_for_some_alpha(paper: &PaperFigure, data: &NoisyProgressData) -> Finding {
    let ahead = list(data, |claim| claim.holds);
    let evidence = match ahead.as_slice() {
        [] => "No alpha is ahead in most slices.".to_owned(),
        ahead => {
            let best = data.claims.iter().max_by_key(|claim| claim.count);
            let best = best.map(|claim| format!(" (at best in {} of {})", claim.count, claim.of));
            format!("Ahead of SGD in most slices{}: alpha = {}.", best.unwrap_or_default(), ahead.join(", "))
        }
    };
    let everywhere = data.claims.iter().any(|claim| claim.holds_everywhere);
    let counts = [ahead.len(), data.claims.len()];
    some_alpha(
        finding(paper, "ahead_for_some_alpha", data.claims.clone(), evidence),
        data.better_for_some_alpha(),
        everywhere,
        counts,
    )
}

/// The verdict on "there is an alpha": it holds if there is one.
fn some_alpha(mut finding: Finding, holds: bool, everywhere: bool, [count, n]: [usize; 2]) -> Finding {
    finding.verdict = if holds { Outcome::Holds } else { Outcome::DoesNotHold };
    (finding.holds, finding.holds_everywhere, finding.count, finding.n) = (holds, holds && everywhere, count, n);
    finding
}
