//! What `lookahead run` can run: one file for each artifact, in the paper's order after the quickstart.

mod analysis;
pub mod fig01_trajectory_plane;
pub mod fig02_adaptive_alpha;
pub mod fig03_noisy_quadratic;
pub mod fig04_convergence_rate;
pub mod fig05_tab1_cifar;
pub mod fig06_tab2_imagenet;
pub mod fig07a_tab3_penn_treebank;
pub mod fig07b_tab4_translation;
pub mod fig08_inner_optimizer;
pub mod fig09_tab5_k_and_alpha;
pub mod fig10_inner_and_outer_loop;
pub mod fig11_noisy_quadratic_more;
pub mod fig12_tab6_inner_state;
mod name;
mod noisy_progress;
pub mod quickstart;

use std::num::NonZeroU32;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::{ConfigError, DeviceConfig, SweepConfig};
use crate::reading::{MOST_OF_A_CONFIGURATION, read_text};
use crate::report::analysis::Analysis;
use crate::report::{Paper, Source};
use crate::sweep::Sweep;

/// How large an artifact is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Seconds: whether everything works.
    Smoke,
    /// Minutes on a processor, on real data.
    Small,
    /// What the paper did. For an analysis it is the same as small.
    Paper,
}

impl Scale {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Small, Self::Paper];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

/// What is asked of an artifact on the command line.
#[derive(Debug, Clone)]
pub struct Request {
    /// How large.
    pub scale: Scale,
    /// How many seeds, if not the configured number. An analysis takes none.
    pub seeds: Option<NonZeroU32>,
    /// Overrides of the configuration, `KEY=VALUE`.
    pub overrides: Vec<String>,
    /// Where to look for the data, if not at its usual place. An analysis needs none.
    pub data: Option<String>,
    /// Where to compute, if not where the configuration says. An analysis uses the processor.
    pub device: Option<DeviceConfig>,
    /// The command, as the report shows it.
    pub command: String,
}

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
    /// A computation.
    Analysis(fn(&Request) -> Result<Analysis, Error>),
}

/// Every artifact.
pub const ARTIFACTS: [Entry; 14] = [
    quickstart::ENTRY,
    fig01_trajectory_plane::ENTRY,
    fig02_adaptive_alpha::ENTRY,
    fig03_noisy_quadratic::ENTRY,
    fig04_convergence_rate::ENTRY,
    fig05_tab1_cifar::ENTRY,
    fig06_tab2_imagenet::ENTRY,
    fig07a_tab3_penn_treebank::ENTRY,
    fig07b_tab4_translation::ENTRY,
    fig08_inner_optimizer::ENTRY,
    fig09_tab5_k_and_alpha::ENTRY,
    fig10_inner_and_outer_loop::ENTRY,
    fig11_noisy_quadratic_more::ENTRY,
    fig12_tab6_inner_state::ENTRY,
];

/// The sweep of a training artifact.
///
/// # Errors
/// [`Error::Config`] or [`Error::Report`] naming the file and line.
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
/// [`Error::Io`]; [`Error::Config`] naming the line, or for a name that is no folder's or another's.
pub fn sweep_of_file(path: &Path) -> Result<Sweep, Error> {
    let text = read_text(path, MOST_OF_A_CONFIGURATION).map_err(Error::io(path))?;
    let file = path.display().to_string();
    let refuse = |reason: String| {
        let reason = format!("{reason}; a report goes into a folder of the sweep's name: give the file another one");
        ConfigError::Folder { file: file.clone(), reason }
    };
    let name = path.file_stem().unwrap_or_default().to_str();
    let name = name.ok_or_else(|| refuse("its name is not UTF-8".to_owned()))?;
    name::check(name).map_err(refuse)?;
    let config = SweepConfig::parse(&text, &file)?;
    let from_root = path.canonicalize().map_err(Error::io(path))?;
    let sha256 = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let source = Some(Source { file: from_root.display().to_string(), sha256 });
    Ok(Sweep { name: name.to_owned(), source, config, paper: Paper::default() })
}
