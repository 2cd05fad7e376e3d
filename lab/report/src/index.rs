//! `index.html`: all artifacts of an output folder, each with its picture, its verdicts and a link to its page.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maud::{Markup, html};
use serde::Deserialize;

use super::page::{Head, document, encode};
use super::{FileError, Outcome, ReportError, Study, Summary, Verdict, curves, format, lost, write_file};
use lookahead_runs::files::{read_sealed, read_text};

/// Pictures that an artifact may have, the most telling first; without any, its first curves are drawn.
const PICTURES: [&str; 3] = ["plane.svg", "trace.svg", "figure.svg"];

/// The most bytes of a picture that is shown.
const MOST_OF_A_PICTURE: u64 = 1 << 24;

/// Files that are linked where they are there.
const FILES: [&str; 5] = ["report.html", "curves.csv", "curves.svg", "summary.json", "result.json"];

/// Writes `index.html` over the artifacts in `out_dir`, and returns its path.
///
/// An artifact whose files cannot be read is listed with the reason.
///
/// # Errors
/// The folder cannot be read, or the page cannot be written.
pub fn write_index(out_dir: &Path) -> Result<PathBuf, ReportError> {
    let read_error = |source| FileError::Read { path: out_dir.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(out_dir).map_err(read_error)? {
        entries.extend(Entry::read(out_dir, &entry.map_err(read_error)?.file_name().to_string_lossy()));
    }
    // The paper's order, after the quickstart.
    entries.sort_by_key(|entry| (!entry.name.starts_with("quickstart"), entry.name.clone()));
    let path = out_dir.join("index.html");
    write_file(&path, &page(&entries))?;
    Ok(path)
}

/// One artifact.
struct Entry {
    name: String,
    /// The files of [`FILES`] that are there.
    files: Vec<&'static str>,
    content: Result<Content, String>,
}

/// What is told of an artifact.
struct Content {
    title: String,
    scale: String,
    runs: Option<String>,
    /// Runs that cannot be read.
    unreadable: usize,
    verdicts: Counts,
    picture: Option<String>,
}

/// How many claims hold, hold in part or are undecided, and do not hold.
#[derive(Default)]
struct Counts {
    holds: usize,
    open: usize,
    fails: usize,
    not_judged: usize,
}

/// What is read of the `result.json` of an analysis.
#[derive(Deserialize)]
struct AnalysisRecord {
    figure: String,
    title: String,
    scale: String,
    claims: Vec<AnalysisClaim>,
}

#[derive(Deserialize)]
struct AnalysisClaim {
    verdict: String,
}

impl Entry {
    /// The artifact of that name, if the folder is an artifact's.
    fn read(out_dir: &Path, name: &str) -> Option<Self> {
        let folder = out_dir.join(name);
        let files: Vec<&'static str> = FILES.into_iter().filter(|file| folder.join(file).is_file()).collect();
        let content = if folder.join("artifact.json").is_file() {
            let study = Study::read(out_dir, name).and_then(|study| lost::check(&study).map(|()| study));
            study.map(|study| Content::of_study(&study)).map_err(|error| error.to_string())
        } else if files.contains(&"result.json") && files.contains(&"report.html") {
            Content::of_analysis(&folder)
        } else {
            return None;
        };
        Some(Self { name: name.to_owned(), files, content })
    }
}

impl Content {
    fn of_study(study: &Study) -> Self {
        let summary = Summary::of(study);
        let claims = summary.claims.iter().map(|claim| claim.outcome);
        let comparisons = summary.groups.iter().filter_map(|group| Some(group.comparison.as_ref()?.outcome));
        let outcomes: Vec<Outcome> = if summary.claims.is_empty() { comparisons.collect() } else { claims.collect() };
        let count = |wanted: Verdict| outcomes.iter().filter(|outcome| outcome.verdict == Some(wanted)).count();
        let planned = study.all_runs().count();
        let finished = study.all_runs().filter(|run| run.finished().is_some()).count();
        Self {
            verdicts: Counts {
                holds: count(Verdict::Holds),
                open: count(Verdict::Undecided),
                fails: count(Verdict::DoesNotHold),
                not_judged: outcomes.iter().filter(|outcome| outcome.verdict.is_none()).count(),
            },
            unreadable: study.unreadable.len(),
            runs: Some(format!("runs: {}", format::finished(finished as u32, planned))),
            picture: picture(&study.folder).or_else(|| curves::thumbnail(&curves::panels(study))),
            title: summary.title,
            scale: summary.scale,
        }
    }

    fn of_analysis(folder: &Path) -> Result<Self, String> {
        let record: AnalysisRecord = read_sealed(&folder.join("result.json")).map_err(|error| error.to_string())?;
        let count =
            |names: &[&str]| record.claims.iter().filter(|claim| names.contains(&claim.verdict.as_str())).count();
        Ok(Self {
            verdicts: Counts {
                holds: count(&["holds", "holds_almost_everywhere"]),
                open: count(&["holds_in_part"]),
                fails: count(&["does_not_hold"]),
                not_judged: 0,
            },
            runs: None,
            unreadable: 0,
            picture: picture(folder),
            title: format!("{}: {}", record.figure, record.title),
            scale: record.scale,
        })
    }
}

/// The first picture that is there, without its words: in a card nobody could read them.
fn picture(folder: &Path) -> Option<String> {
    let picture = PICTURES.iter().find_map(|file| read_text(&folder.join(file), MOST_OF_A_PICTURE).ok())?;
    Some(match picture.rsplit_once("</svg>") {
        Some((drawing, rest)) => format!("{drawing}<style>text{{display:none}}</style></svg>{rest}"),
        None => picture,
    })
}

fn page(entries: &[Entry]) -> String {
    let head = Head {
        kicker: "lookahead · index".to_owned(),
        title: "Results".to_owned(),
        lead: "Every artifact of this folder: its page, its data, and how many of its claims hold.".to_owned(),
        css: String::new(),
        links: Vec::new(),
    };
    document(&head, &html! { div.artifacts { @for entry in entries { (card(entry)) } } })
}

fn card(entry: &Entry) -> Markup {
    let page = |file: &str| format!("{}/{file}", encode(&entry.name));
    html! {
        article.card {
            @match &entry.content {
                Err(reason) => { h2 { (entry.name) } p.warning { "Cannot be read: " (reason) } }
                Ok(content) => {
                    @if let Some(picture) = &content.picture {
                        a.picture href=(page("report.html")) {
                            img alt={ "Picture of " (content.title) } src={ "data:image/svg+xml," (encode(picture)) };
                        }
                    }
                    h2 { a href=(page("report.html")) { (content.title) } }
                    p.evidence {
                        (entry.name) " · scale " (content.scale)
                        @if let Some(runs) = &content.runs { " · " (runs) }
                    }
                    (counts(&content.verdicts))
                    @if content.unreadable > 0 { p.warning { "Runs that cannot be read: " (content.unreadable) "." } }
                }
            }
            p.evidence {
                @for (index, file) in entry.files.iter().enumerate() {
                    @if index > 0 { " · " }
                    a href=(page(file)) { (file) }
                }
            }
        }
    }
}

fn counts(Counts { holds, open, fails, not_judged }: &Counts) -> Markup {
    html! {
        p.counts {
            @if *holds > 0 { span class="badge holds" { (holds) " hold" @if *holds == 1 { "s" } } }
            @if *open > 0 { span class="badge undecided" { (open) " undecided" } }
            @if *not_judged > 0 { span class="badge undecided" { (not_judged) " not judged" } }
            @if *fails > 0 { span class="badge fails" { (fails) @if *fails == 1 { " does" } @else { " do" } " not hold" } }
        }
    }
}
