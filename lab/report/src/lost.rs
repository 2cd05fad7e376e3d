//! Finished runs of an earlier report whose folders are gone: a report without them would take the place of their numbers.

use std::collections::BTreeSet;
use std::path::Path;

use super::{ReportError, Run, Study, Summary};
use lookahead_runs::files::read_if_there;

/// Sees that every run that the present `summary.json` counts as finished is still there; a malformed one counts none.
///
/// # Errors
/// [`ReportError::LostRuns`]; [`ReportError::File`] for a file that cannot be opened.
pub(super) fn check(study: &Study) -> Result<(), ReportError> {
    let path = study.folder.join("summary.json");
    let Some(before) = read_if_there(&path)?.and_then(|bytes| lookahead_runs::parse::<Summary>(&path, &bytes).ok())
    else {
        return Ok(());
    };
    let counted = counted(&before);
    let is_lost = |run: &&Run| {
        run.files.is_empty() && counted.contains(run.id.as_str()) && !study.unreadable.contains_key(&run.id)
    };
    let all = study.folder.parent().unwrap_or(Path::new(".")).join("runs");
    let lost: BTreeSet<_> = study.all_runs().filter(is_lost).map(|run| all.join(&run.id)).collect();
    match lost.is_empty() {
        true => Ok(()),
        false => Err(ReportError::LostRuns { folder: study.folder.clone(), runs: lost.into_iter().collect() }),
    }
}

/// The runs that a summary counts as finished; of the points of a grid that do not stand for their group, the complete ones.
fn counted(summary: &Summary) -> BTreeSet<&str> {
    let groups = summary.groups.iter();
    let own = groups.clone().flat_map(|group| group.runs.iter().filter(|run| !group.unfinished.contains(run)));
    let points = groups.flat_map(|group| &group.points).filter(|point| point.n as usize == point.runs.len());
    own.chain(points.flat_map(|point| &point.runs)).map(String::as_str).collect()
}
