//! `lookahead report`

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookahead_lab::report;

use super::say;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// An output folder, an artifact's folder in one, or a run folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this artifact of the output folder.
    artifact: Option<String>,
}

pub fn report(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    if let Some(name) = &arguments.artifact {
        if !folder.join(name).join("artifact.json").is_file() {
            let accepted = artifact_folders(folder)?.iter().map(|path| name_of(path)).collect::<Vec<_>>().join(", ");
            bail!("{}: no artifact {name:?} with runs in it, accepted: {accepted}", folder.display());
        }
        report_artifact(folder, name)?;
        return report_index(folder);
    }
    if folder.join("config.toml").is_file() {
        let page = report::write_for_run(folder)?;
        return Ok(say(format!("report: {}", page.display()))?);
    }
    if folder.join("artifact.json").is_file() {
        // `..` would follow a link; the parent of the path as given is what the user sees.
        let path = folder.canonicalize().map_err(|source| lookahead_lab::Error::Io { path: folder.clone(), source })?;
        return report_artifact(path.parent().unwrap_or(Path::new(".")), &name_of(&path));
    }
    if folder.join("result.json").is_file() {
        bail!(
            "{}: an analysis has no runs to report on; `lookahead run` computes it again in seconds",
            folder.display()
        );
    }
    let artifacts = artifact_folders(folder)?;
    if artifacts.is_empty() && !has_analysis(folder) {
        bail!(
            "{}: neither a run folder (with config.toml) nor an artifact's (with artifact.json), and no artifact in it",
            folder.display()
        );
    }
    for artifact in artifacts {
        report_artifact(folder, &name_of(&artifact))?;
    }
    report_index(folder)
}

fn report_artifact(out: &Path, name: &str) -> anyhow::Result<()> {
    let summary = report::write(out, name)?;
    Ok(say(format!("{}\nreport: {}", summary.table(), out.join(name).join("report.html").display()))?)
}

fn report_index(out: &Path) -> anyhow::Result<()> {
    Ok(say(format!("index: {}", report::write_index(out)?.display()))?)
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether some folder in it holds an analysis: it is listed in the index.
fn has_analysis(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.join("result.json").is_file() && path.join("report.html").is_file())
}

/// The artifacts with runs in a folder, by name.
fn artifact_folders(folder: &Path) -> Result<Vec<PathBuf>, lookahead_lab::Error> {
    let io = |source| lookahead_lab::Error::Io { path: folder.to_owned(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.join("artifact.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
