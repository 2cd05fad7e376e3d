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
}

pub fn report(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    if folder.join("config.toml").is_file() {
        let page = report::write_for_run(folder)?;
        return Ok(say(format!("report: {}", page.display()))?);
    }
    let artifacts = artifact_folders(folder)?;
    if artifacts.is_empty() && folder.join("result.json").is_file() {
        bail!(
            "{}: an analysis has no runs to report on; `lookahead run` computes it again in seconds",
            folder.display()
        );
    }
    if artifacts.is_empty() {
        bail!(
            "{}: neither a run folder (with config.toml) nor an artifact's (with artifact.json), and no artifact in it",
            folder.display()
        );
    }
    for artifact in artifacts {
        // `..` would follow a link; the parent of the path as given is what the user sees.
        let out = artifact.parent().filter(|out| !out.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = artifact.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let summary = report::write(out, &name)?;
        say(format!("{}\nreport: {}", summary.table(), artifact.join("report.html").display()))?;
    }
    Ok(())
}

/// The folder itself if it is an artifact's, else those in it, by name.
fn artifact_folders(folder: &Path) -> Result<Vec<PathBuf>, lookahead_lab::Error> {
    let io = |source| lookahead_lab::Error::Io { path: folder.to_owned(), source };
    let is_artifact = |folder: &Path| folder.join("artifact.json").is_file();
    if is_artifact(folder) {
        return Ok(vec![folder.canonicalize().map_err(io)?]);
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if is_artifact(&path) {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
