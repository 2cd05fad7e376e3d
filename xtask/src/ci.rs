//! `cargo xtask ci`: what a change must pass, the cheapest check first.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{pages, tidy};

/// What an analysis must leave, and what training runs must.
const ANALYSIS: &[&str] = &["result.json", "report.html", "figure.svg", "curves.csv"];
const TRAINING: &[&str] = &["artifact.json", "summary.json", "report.html", "curves.svg", "curves.csv"];

/// Every artifact, and what it must leave.
const ARTIFACTS: [(&str, &[&str]); 14] = [
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
];

pub fn run(root: &Path) -> Result<()> {
    let start = Instant::now();
    let readme = fs::read_to_string(root.join("README.md")).context("README.md, which says how to test")?;
    let test = test_command(&readme).context("README.md has no fenced line that starts with `cargo test`")?;

    check(&mut command(root, "cargo fmt --all --check"))?;
    timed("tidy", || tidy::run(root))?;
    check(&mut command(root, "cargo clippy --workspace --all-targets -- -D warnings"))?;
    check(command(root, "cargo doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    check(&mut command(root, test))?;
    check(&mut command(root, "cargo build --release"))?;
    artifacts(root)?;

    println!("\nall checks passed in {}", readable(start.elapsed()));
    Ok(())
}

/// The README's command for the tests: the first line of a fenced block that starts with `cargo test`.
fn test_command(readme: &str) -> Option<&str> {
    let mut fenced = false;
    let line = readme.lines().map(str::trim).find(|line| {
        fenced ^= line.starts_with("```");
        fenced && line.starts_with("cargo test")
    })?;
    Some(line.split_once(" #").map_or(line, |(command, _comment)| command))
}

/// All artifacts at the smallest scale: each must leave its results and its report, and a browser must show them all.
fn artifacts(root: &Path) -> Result<()> {
    let out = tempfile::tempdir()?;
    let names = ARTIFACTS.map(|(name, _)| name).join(" ");
    let line = format!("cargo run --release -- run {names} --scale smoke --jobs 2 --tensorboard --out");
    check(command(root, &line).arg(out.path()))?;
    for (artifact, files) in ARTIFACTS {
        for name in files {
            let size = fs::metadata(out.path().join(format!("{artifact}_smoke")).join(name))
                .with_context(|| format!("{artifact} left no {name}"))?
                .len();
            ensure!(size > 0, "{artifact} left an empty {name}");
        }
    }
    timed("the pages in a browser", || pages::check(out.path()))
}

/// A line of words as a command in `root`, without a shell.
fn command(root: &Path, line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root);
    command
}

fn check(command: &mut Command) -> Result<()> {
    let line = as_typed(command);
    timed(&line, || {
        let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
        ensure!(status.success(), "`{line}` failed: {status}");
        Ok(())
    })
}

fn as_typed(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={:?}", name.to_string_lossy(), value.to_string_lossy()))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    settings.chain(words.map(|word| word.to_string_lossy().into_owned())).collect::<Vec<_>>().join(" ")
}

fn timed(title: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n$ {title}");
    let start = Instant::now();
    let done = check();
    let verdict = if done.is_ok() { "ok" } else { "failed" };
    println!("{verdict} after {}: {title}", readable(start.elapsed()));
    done
}

fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_command_is_the_first_fenced_one() {
        let fence = "```";
        let readme = format!("cargo test in prose\n{fence}sh\ncargo build\n{fence}\ncargo test this not\n{fence}\n");
        assert_eq!(test_command(&readme), None);
        let readme = format!("{readme}  cargo test --workspace   # all of them\ncargo test twice\n{fence}\n");
        assert_eq!(test_command(&readme).map(str::trim_end), Some("cargo test --workspace"));
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = check(command(Path::new("."), "cargo no-such-command").env("SETTING", "1 2")).unwrap_err();
        assert!(error.to_string().starts_with("`SETTING=\"1 2\" cargo no-such-command` failed"), "{error}");
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(readable(Duration::from_millis(2340)), "2.3 s");
        assert_eq!(readable(Duration::from_secs(125)), "2 min 5 s");
    }
}
