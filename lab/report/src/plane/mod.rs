//! The test accuracy over the plane through three fast weights, and the paths of fast and slow weights in it (Fig. 1).

mod contours;
mod key;
mod page;
mod panel;

use std::io::ErrorKind;
use std::path::Path;

use super::{FileError, ReportError, Study};
use lookahead_runs::Surface;
use lookahead_runs::files::read_sealed_if_there;

/// A surface that can be drawn: its lists fit each other, its numbers are finite.
pub(super) struct PlaneFigure {
    surface: Surface,
}

/// Points nearer to the plane than this part of the drawn width lie on it, as far as an eye can tell.
const ON_PLANE: f64 = 0.01;

impl PlaneFigure {
    /// Reads `plane.json` beside `artifact.json`; `None` before there is one.
    ///
    /// # Errors
    /// The file is gone though it has been drawn, cannot be read, is damaged or malformed, or holds lists that do not fit each other.
    pub(super) fn read(study: &Study) -> Result<Option<Self>, ReportError> {
        let path = study.folder.join("plane.json");
        let Some(surface) = read_sealed_if_there::<Surface>(&path)? else {
            // It has been drawn, so it was there.
            let is_lost = study.folder.join("figure.svg").exists();
            let lost = || FileError::Read { path, source: ErrorKind::NotFound.into() };
            return if is_lost { Err(lost().into()) } else { Ok(None) };
        };
        check(&surface, &path)?;
        Ok(Some(Self { surface }))
    }

    fn is_on_plane(&self, distance: f64) -> bool {
        let x = &self.surface.x;
        distance <= ON_PLANE * (x[x.len() - 1] - x[0])
    }

    /// The highest accuracy of the grid, and where it is.
    fn best(&self) -> (f64, [f64; 2]) {
        let Surface { x, y, accuracy, .. } = &self.surface;
        let points =
            accuracy.iter().zip(y).flat_map(|(row, &y)| row.iter().zip(x).map(move |(&value, &x)| (value, [x, y])));
        points.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
    }

    fn lowest(&self) -> f64 {
        self.surface.accuracy.iter().flatten().copied().fold(1.0, f64::min)
    }

    /// The accuracy at a point, between the four points of the grid around it.
    fn accuracy_at(&self, [x, y, _]: [f64; 3]) -> f64 {
        let Surface { x: columns, y: rows, accuracy, .. } = &self.surface;
        let cell = |values: &[f64], at: f64| {
            let low = values.partition_point(|&value| value <= at).clamp(1, values.len() - 1) - 1;
            (low, (at - values[low]) / (values[low + 1] - values[low]))
        };
        let ((column, across), (row, up)) = (cell(columns, x), cell(rows, y));
        let along = |row: usize| (1.0 - across) * accuracy[row][column] + across * accuracy[row][column + 1];
        (1.0 - up) * along(row) + up * along(row + 1)
    }
}

fn check(surface: &Surface, path: &Path) -> Result<(), FileError> {
    let Surface { x, y, accuracy, fast, fast_updates, slow, slow_updates, anchors, beside, .. } = surface;
    let ascends = |values: &[f64]| values.len() > 1 && values.windows(2).all(|pair| pair[0] < pair[1]);
    let others = || beside.iter().flat_map(|beside| &beside.points);
    let points = || fast.iter().chain(slow).chain(others()).flatten().chain(x).chain(y);
    let reason = if !ascends(x) || !ascends(y) {
        "x and y must be two or more ascending numbers"
    } else if points().any(|value| !value.is_finite()) {
        "all coordinates must be finite"
    } else if accuracy.len() != y.len() || accuracy.iter().any(|row| row.len() != x.len()) {
        "accuracy must be a list for each y, with a number for each x"
    } else if accuracy.iter().flatten().any(|value| !(0.0..=1.0).contains(value)) {
        "accuracy must be of numbers from 0 to 1"
    } else if fast.len() != fast_updates.len() || slow.len() != slow_updates.len() {
        "fast and slow must be as long as fast_updates and slow_updates"
    } else if beside.as_ref().is_some_and(|beside| beside.points.len() != beside.updates.len()) {
        "the points beside must be as many as their updates"
    } else if anchors.iter().any(|&anchor| anchor >= fast.len()) {
        "anchors must be places in fast"
    } else {
        return Ok(());
    };
    Err(FileError::Malformed { path: path.to_owned(), line: 1, column: 1, reason: reason.to_owned() })
}
