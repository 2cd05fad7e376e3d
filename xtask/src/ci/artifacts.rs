//! All artifacts at the smallest scale: each must leave its results and its report, and a browser must show them all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::command::{check as check_command, timed};
use crate::pages;

/// What an analysis must leave, and what training runs must.
const ANALYSIS: &[&str] = &["result.json", "report.html", "figure.svg", "curves.csv"];
const TRAINING: &[&str] = &["artifact.json", "summary.json", "report.html", "curves.svg", "curves.csv"];

/// Every artifact, and what it must leave.
const ARTIFACTS: [(&str, &[&str]); 20] = [
    ("quickstart", TRAINING),
    ("fig01_trajectory_plane", &["summary.json", "report.html", "figure.svg", "plane.json"]),
    ("fig02_adaptive_alpha", TRAINING),
    ("fig03_noisy_quadratic", ANALYSIS),
    ("fig04_convergence_rate", ANALYSIS),
    ("fig05_tab1_cifar", TRAINING),
    ("fig06_tab2_imagenet", TRAINING),
    ("fig07a_tab3_penn_treebank", TRAINING),
    ("fig07b_tab4_translation", TRAINING),
    ("fig08_inner_optimizer", TRAINING),
    ("fig09_tab5_k_and_alpha", TRAINING),
    ("fig10_inner_and_outer_loop", &["summary.json", "report.html", "figure.svg", "trace.csv"]),
    ("fig11_noisy_quadratic_more", ANALYSIS),
    ("fig12_tab6_inner_state", TRAINING),
    ("outer_noisy_quadratic", ANALYSIS),
    ("outer_stability", ANALYSIS),
    ("outer_optimizers", TRAINING),
    ("outer_optimizers_penn_treebank", TRAINING),
    ("outer_optimizers_multi30k", TRAINING),
    ("workers", TRAINING),
];

pub fn check(root: &Path, browser: bool) -> Result<()> {
    let out = tempfile::tempdir()?;
    let mut program = Command::new(program()?);
    program.arg("run").args(ARTIFACTS.map(|(name, _)| name)).args(["--scale", "smoke", "--jobs", "2", "--tensorboard"]);
    check_command(program.arg("--out").arg(out.path()).current_dir(root))?;
    for (artifact, files) in ARTIFACTS {
        for name in files {
            let size = fs::metadata(out.path().join(format!("{artifact}_smoke")).join(name))
                .with_context(|| format!("{artifact} left no {name}"))?
                .len();
            ensure!(size > 0, "{artifact} left an empty {name}");
        }
    }
    if !browser {
        println!("\nnot checked: the pages in a browser (--no-browser)");
        return Ok(());
    }
    timed("the pages in a browser", || pages::check(out.path()))
}

/// The program beside this one: the tests have built it, with the dependencies optimised as in a release.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(format!("lookahead{}", std::env::consts::EXE_SUFFIX));
    ensure!(program.exists(), "there is no {}: the tests build it", program.display());
    Ok(program)
}
