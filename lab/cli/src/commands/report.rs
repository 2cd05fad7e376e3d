//! `lookahead report`

use std::path::{Path, PathBuf};

use anyhow::bail;
use lookahead_report as report;
use lookahead_report::ReportError;
use lookahead_runs::files::read_sealed;
use lookahead_runs::printable::printable_path;
use serde_json::{Value, json};

use super::{Output, complain, say};

mod records;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// An output folder, an artifact's folder in one, a run folder, or a record: a folder of summaries without their runs,
    /// which are judged again by the rules of now and rewritten.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this artifact of the output folder.
    artifact: Option<String>,
    /// Print the summaries as JSON instead of tables; of several artifacts a list.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead report results                     everything that is there
  lookahead report results quickstart --json   one artifact, its summary as JSON
  lookahead report results/runs/ID             the page of one run
  lookahead report records                     recorded verdicts, judged anew";

pub fn report(arguments: &Arguments) -> anyhow::Result<()> {
    let mut output = Output::new(arguments.json);
    let done = report_on(arguments, &mut output);
    // What could be reported is said, also if something else could not.
    if done.is_ok() || !output.is_empty() {
        output.finish()?;
    }
    done
}

fn report_on(arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    if let Some(name) = &arguments.artifact {
        if !is_artifact(&folder.join(name)) {
            let accepted = match artifact_folders(folder)?.join(", ") {
                none if none.is_empty() => "none is in this folder".to_owned(),
                names => format!("accepted: {names}"),
            };
            bail!("{}: no artifact {name:?} with runs in it, {accepted}", printable_path(folder));
        }
        return report_artifacts(folder, std::slice::from_ref(name), true, output);
    }
    if folder.join("config.toml").is_file() {
        let page = report::write_for_run(folder)?;
        let document = json!({ "report": page.display().to_string() });
        return Ok(output.add(format!("report: {}", printable_path(&page)), document)?);
    }
    // `..` would follow a link; the parent of the path as given is what the user sees.
    if let Some(path) = folder.canonicalize().ok().filter(|path| is_artifact(path)) {
        return report_artifacts(path.parent().unwrap_or(Path::new(".")), &[name_of(&path)], false, output);
    }
    if ["environment.json", "metrics.jsonl"].iter().any(|name| folder.join(name).is_file()) {
        bail!("{}: a run folder without its config.toml", folder.display());
    }
    if folder.join("result.json").is_file() {
        bail!(
            "{}: an analysis has no runs to report on; `lookahead run` computes it again in seconds",
            printable_path(folder)
        );
    }
    let artifacts = artifact_folders(folder)?;
    // A folder with runs is no record: what is missing there is missing.
    let is_record = artifacts.is_empty() && !folder.join("runs").is_dir();
    let records = if is_record { records::files(folder)? } else { Vec::new() };
    if !records.is_empty() {
        return records::judge(&records, output);
    }
    if artifacts.is_empty() && analyses(folder).is_empty() {
        bail!(
            "{}: neither a run folder (with config.toml) nor an artifact's (with artifact.json), and no artifact in it",
            printable_path(folder)
        );
    }
    report_artifacts(folder, &artifacts, true, output)
}

/// Reports each artifact that can be reported, then writes the index over all. What is wrong with the others is told at
/// once, and again by the exit code.
fn report_artifacts(out: &Path, names: &[String], has_index: bool, output: &mut Output) -> anyhow::Result<()> {
    let mut incomplete = 0;
    for name in names {
        let summary = match report::write(out, name) {
            Ok(summary) => summary,
            Err(ReportError::UnreadableRuns { summary }) => {
                summary.unreadable.iter().for_each(|run| complain(&format!("error: {run}")));
                incomplete += 1;
                *summary
            }
            Err(error) => {
                complain(&format!("error: {:#}", anyhow::Error::from(error)));
                incomplete += 1;
                continue;
            }
        };
        let text = format!("{}\nreport: {}", summary.table(), printable_path(&out.join(name).join("report.html")));
        output.add(text, serde_json::to_value(&summary)?)?;
    }
    let mut all = names.len();
    if has_index {
        let index = report::write_index(out)?;
        if output.documents.is_none() {
            say(format!("index: {}", printable_path(&index)))?;
        }
        for analysis in analyses(out) {
            all += 1;
            if let Err(error) = read_sealed::<Value>(&analysis) {
                complain(&format!("error: {:#}", anyhow::Error::from(error)));
                incomplete += 1;
            }
        }
    }
    match incomplete {
        0 => Ok(()),
        _ => bail!("{incomplete} of {all} artifacts cannot be reported in full; the reasons are above"),
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The results of the analyses in an output folder, also where they are lost: an analysis leaves its curves and no summary.
fn analyses(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_analysis = |path: &PathBuf| {
        let has = |name: &str| path.join(name).is_file();
        let is_run = has("config.toml") || has("environment.json");
        has("report.html") && has("curves.csv") && !has("artifact.json") && !has("summary.json") && !is_run
    };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_analysis).collect();
    folders.sort();
    folders.iter().map(|folder| folder.join("result.json")).collect()
}

/// Whether a folder is that of an artifact with runs. A report that lost its artifact.json is one, to be told of; without
/// runs beside it, it is a record.
fn is_artifact(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has("artifact.json") || (has("summary.json") && folder.parent().is_some_and(|out| out.join("runs").is_dir()))
}

/// The folders of artifacts with runs in an output folder, sorted.
fn artifact_folders(folder: &Path) -> Result<Vec<String>, lookahead_training::Error> {
    let io = |source| lookahead_training::Error::Io { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if is_artifact(&path) {
            names.push(name_of(&path));
        }
    }
    names.sort();
    Ok(names)
}
