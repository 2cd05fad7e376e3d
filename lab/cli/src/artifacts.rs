//! What `lookahead run` can run: the table of all artifacts. Those that train are described by files; those that are
//! computed have a file of code each.

mod analysis;
pub mod fig01_trajectory_plane;
mod fig03_noisy_quadratic;
mod fig04_convergence_rate;
mod fig11_noisy_quadratic_more;
mod name;
mod noisy_progress;
mod outer_noisy_quadratic;
mod outer_stability;

use std::path::Path;

use lookahead_runs::printable::printable_path;
use serde::Serialize;
use sha2::{Digest, Sha256};

use lookahead_report::analysis::Analysis;
use lookahead_runs::{FileError, Paper, Source};
use lookahead_settings::{ConfigError, Section};
use lookahead_training::Error;
use lookahead_training::config::{SweepConfig, read_file};
use lookahead_training::sweep::{Request, Sweep};

/// One entry of `lookahead list`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Entry {
    /// The name, as `lookahead run` takes it.
    pub name: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// What it needs.
    pub needs: &'static str,
    /// Where its result is recorded.
    pub recorded: &'static str,
    /// How it is run.
    #[serde(skip)]
    pub kind: Kind,
}

/// How an artifact is run.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Training runs, described by files.
    Training {
        /// The text of `config.toml`.
        config: &'static str,
        /// The text of `paper.toml`; empty for what is not in the paper.
        paper: &'static str,
    },
    /// A computation, and the reference of its parameters.
    Analysis(fn(&Request) -> Result<Analysis, Error>, fn() -> Vec<Section>),
}

/// The text of a file of an experiment.
macro_rules! file {
    ($name:literal, $file:literal) => {
        include_str!(concat!("../experiments/", $name, "/", $file, ".toml"))
    };
}

/// An entry by its name, what it shows and what it needs; its files lie in `experiments/NAME`, its record in `records/NAME`.
macro_rules! entry {
    ($name:literal, $shows:literal, $needs:literal, $kind:expr) => {
        Entry { name: $name, shows: $shows, needs: $needs, recorded: concat!("records/", $name), kind: $kind }
    };
    ($name:literal, $shows:literal, $needs:literal) => {
        entry!($name, $shows, $needs, Kind::Training { config: file!($name, "config"), paper: file!($name, "paper") })
    };
}

/// Every artifact, in the paper's order after the quickstart; then those of ours.
#[rustfmt::skip]
pub const ARTIFACTS: [Entry; 20] = [
    entry!("quickstart", "SGD, AdamW, Lookahead around each, Polyak(SGD) on real digits",
        "nothing: the data is embedded; seconds on 2 cores",
        Kind::Training { config: file!("quickstart", "config"), paper: "" }),
    entry!("fig01_trajectory_plane", "Fig. 1: fast and slow weights in a plane, over the test accuracy",
        "small: CIFAR-10; paper: CIFAR-100, a GPU"),
    entry!("fig02_adaptive_alpha", "Fig. 2: fixed and adaptive alpha around Adam",
        "small: CIFAR-10; paper: CIFAR-10, a GPU"),
    entry!("fig03_noisy_quadratic", "Fig. 3: expected progress of SGD and Lookahead on the noisy quadratic",
        "nothing; a second on 2 cores", Kind::Analysis(fig03_noisy_quadratic::analyse, fig03_noisy_quadratic::reference)),
    entry!("fig04_convergence_rate", "Fig. 4: convergence rates of classical momentum and Lookahead",
        "nothing; some seconds on 2 cores", Kind::Analysis(fig04_convergence_rate::analyse, fig04_convergence_rate::reference)),
    entry!("fig05_tab1_cifar", "Fig. 5, Table 1: SGD, Polyak, AdamW, Lookahead on CIFAR",
        "small: CIFAR-10; paper: CIFAR-10 and CIFAR-100, a GPU"),
    entry!("fig06_tab2_imagenet", "Fig. 6, Table 2: SGD and Lookahead on ImageNet, two schedules",
        "small: Imagenette; paper: ImageNet, GPUs"),
    entry!("fig07a_tab3_penn_treebank", "Fig. 7a, Table 3: SGD, Adam, Polyak, Lookahead on the Penn Treebank",
        "the Penn Treebank; paper: a GPU"),
    entry!("fig07b_tab4_translation", "Fig. 7b, Table 4: Adam, AdaFactor, Lookahead on translation",
        "small: Multi30k; paper: WMT14 En-De, a GPU"),
    entry!("fig08_inner_optimizer", "Fig. 8: robustness to the inner learning rate and momentum",
        "small: CIFAR-10; paper: CIFAR-10, a GPU"),
    entry!("fig09_tab5_k_and_alpha", "Fig. 9, Table 5: robustness to k and alpha",
        "small: CIFAR-10; paper: CIFAR-100, a GPU"),
    entry!("fig10_inner_and_outer_loop", "Fig. 10: accuracy after each fast and slow update",
        "small: CIFAR-10; paper: CIFAR-10, a GPU"),
    entry!("fig11_noisy_quadratic_more", "Fig. 11: the same for one alpha (a) and after a few steps (b)",
        "nothing; a second on 2 cores", Kind::Analysis(fig11_noisy_quadratic_more::analyse, fig11_noisy_quadratic_more::reference)),
    entry!("fig12_tab6_inner_state", "Fig. 12, Table 6: what becomes of the inner state",
        "small: CIFAR-10; paper: CIFAR-10, a GPU"),
    entry!("outer_noisy_quadratic", "Ours: Fig. 3 with Lookahead's descendants and averages",
        "nothing; some seconds on 2 cores", Kind::Analysis(outer_noisy_quadratic::analyse, outer_noisy_quadratic::reference)),
    entry!("outer_stability", "Ours: which outer steps converge around momentum",
        "nothing; some seconds on 2 cores", Kind::Analysis(outer_stability::analyse, outer_stability::reference)),
    entry!("outer_optimizers", "Ours: Lookahead, EMA, SNOO, Schedule-Free, GPA on images",
        "CIFAR-10; hours", Kind::Training { config: file!("outer_optimizers", "config"), paper: "" }),
    entry!("outer_optimizers_penn_treebank", "Ours: the same on a language model",
        "the Penn Treebank; hours", Kind::Training { config: file!("outer_optimizers_penn_treebank", "config"), paper: "" }),
    entry!("outer_optimizers_multi30k", "Ours: the same on translation",
        "Multi30k; hours", Kind::Training { config: file!("outer_optimizers_multi30k", "config"), paper: "" }),
    entry!("workers", "Ours: 1, 2, 4 workers: Lookahead, Local SGD, DiLoCo, gradients",
        "nothing: the data is embedded; minutes on 2 cores", Kind::Training { config: file!("workers", "config"), paper: "" }),
];

/// The sweep of a training artifact.
///
/// # Errors
/// [`Error::Config`] or [`Error::File`] naming the file and line.
pub fn sweep(name: &str, config: &str, paper: &str) -> Result<Sweep, Error> {
    let file = |file: &str| format!("experiments/{name}/{file}");
    let config = SweepConfig::parse(config, &file("config.toml"))?;
    let paper = match paper {
        "" => Paper::default(),
        text => Paper::parse(text, Path::new(&file("paper.toml")))?,
    };
    Ok(Sweep { name: name.to_owned(), source: None, config, paper })
}

/// The sweep of a file of the user's own; the file's name without its end is the artifact's.
///
/// # Errors
/// [`Error::File`]; [`Error::Config`] naming the line, or for a name that is no folder's or another's.
pub fn sweep_of_file(path: &Path) -> Result<Sweep, Error> {
    let text = read_file(path)?;
    let file = printable_path(path);
    let refuse = |reason: String| {
        let reason = format!("{reason}; a report goes into a folder of the sweep's name: give the file another one");
        ConfigError::Folder { file: file.clone(), reason }
    };
    let name = path.file_stem().unwrap_or_default().to_str();
    let name = name.ok_or_else(|| refuse("its name is not UTF-8".to_owned()))?;
    name::check(name).map_err(refuse)?;
    let config = SweepConfig::parse(&text, &file)?;
    let from_root = path.canonicalize().map_err(FileError::read(path))?;
    let sha256 = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let source = Some(Source { file: from_root.display().to_string(), sha256 });
    Ok(Sweep { name: name.to_owned(), source, config, paper: Paper::default() })
}
