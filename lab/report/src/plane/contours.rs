//! Where values on a grid exceed a level: areas and their edges, as SVG paths.
//!
//! Each cell falls into four triangles about its middle; over a triangle the value is linear, so areas and edges agree.

use std::fmt::Write as _;

/// A corner: where it is drawn, and the value there.
type Corner = [f64; 3];

/// Values on a grid, and where its columns and rows are drawn.
pub(super) struct Field<'a> {
    pub(super) columns: &'a [f64],
    pub(super) rows: &'a [f64],
    pub(super) values: &'a [Vec<f64>],
}

impl Field<'_> {
    /// The area where values are at or above a level.
    pub(super) fn area(&self, level: f64) -> String {
        let mut path = String::new();
        for row in 0..self.rows.len() - 1 {
            let is_full = |column: usize| self.corners(row, column).iter().all(|corner| corner[2] >= level);
            let mut column = 0;
            while column < self.columns.len() - 1 {
                let run = (column..self.columns.len() - 1).take_while(|&column| is_full(column)).count();
                if run > 0 {
                    let [left, right] = [self.columns[column], self.columns[column + run]];
                    polygon(
                        &mut path,
                        &[
                            [left, self.rows[row]],
                            [right, self.rows[row]],
                            [right, self.rows[row + 1]],
                            [left, self.rows[row + 1]],
                        ],
                    );
                    column += run;
                    continue;
                }
                for triangle in self.triangles(row, column) {
                    polygon(&mut path, &clipped(&triangle, level));
                }
                column += 1;
            }
        }
        path
    }

    /// The line where values are at a level.
    pub(super) fn line(&self, level: f64) -> String {
        let mut path = String::new();
        let cells =
            (0..self.rows.len() - 1).flat_map(|row| (0..self.columns.len() - 1).map(move |column| (row, column)));
        for triangle in cells.flat_map(|(row, column)| self.triangles(row, column)) {
            let ends: Vec<[f64; 2]> = sides(&triangle).filter_map(|(from, to)| crossing(from, to, level)).collect();
            if let [from, to] = ends.as_slice() {
                let _ = write!(path, "M{} {}L{} {}", tenth(from[0]), tenth(from[1]), tenth(to[0]), tenth(to[1]));
            }
        }
        path
    }

    fn corners(&self, row: usize, column: usize) -> [Corner; 4] {
        [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
            .map(|(row, column)| [self.columns[column], self.rows[row], self.values[row][column]])
    }

    fn triangles(&self, row: usize, column: usize) -> [[Corner; 3]; 4] {
        let corners = self.corners(row, column);
        let middle = std::array::from_fn(|part| corners.iter().map(|corner| corner[part]).sum::<f64>() / 4.0);
        std::array::from_fn(|side| [corners[side], corners[(side + 1) % 4], middle])
    }
}

fn sides(triangle: &[Corner; 3]) -> impl Iterator<Item = (Corner, Corner)> + '_ {
    (0..3).map(|side| (triangle[side], triangle[(side + 1) % 3]))
}

/// Where the level lies between two corners, if one of them is at or above it and the other below.
fn crossing(from: Corner, to: Corner, level: f64) -> Option<[f64; 2]> {
    if (from[2] >= level) == (to[2] >= level) {
        return None;
    }
    let part = (level - from[2]) / (to[2] - from[2]);
    Some([from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])])
}

/// The part of a triangle at or above the level (Sutherland and Hodgman 1974).
fn clipped(triangle: &[Corner; 3], level: f64) -> Vec<[f64; 2]> {
    let mut points = Vec::new();
    for (from, to) in sides(triangle) {
        if from[2] >= level {
            points.push([from[0], from[1]]);
        }
        points.extend(crossing(from, to, level));
    }
    points
}

fn polygon(path: &mut String, points: &[[f64; 2]]) {
    for (index, point) in points.iter().enumerate() {
        let _ = write!(path, "{}{} {}", if index == 0 { 'M' } else { 'L' }, tenth(point[0]), tenth(point[1]));
    }
    if !points.is_empty() {
        path.push('Z');
    }
}

fn tenth(pixel: f64) -> f64 {
    (pixel * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The area of the polygons of a path, by the shoelace formula.
    fn size(path: &str) -> f64 {
        let area = |polygon: &str| {
            let points: Vec<[f64; 2]> = polygon
                .trim_start_matches('M')
                .split('L')
                .map(|point| {
                    let (x, y) = point.split_once(' ').unwrap();
                    [x.parse().unwrap(), y.parse().unwrap()]
                })
                .collect();
            let next = points.iter().cycle().skip(1);
            points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>().abs() / 2.0
        };
        path.split_terminator('Z').map(area).sum()
    }

    #[test]
    fn area_and_line_of_a_slope_are_exact() {
        let (columns, rows) = ([0.0, 100.0, 200.0, 400.0], [300.0, 150.0, 0.0]);
        // The value is the share of the width: 0, 1/4, 1/2, 1.
        let values = vec![vec![0.0, 0.25, 0.5, 1.0]; 3];
        let field = Field { columns: &columns, rows: &rows, values: &values };
        for (level, expected) in [(0.75, 100.0 * 300.0), (0.1, 360.0 * 300.0), (0.0, 400.0 * 300.0), (1.1, 0.0)] {
            assert!((size(&field.area(level)) - expected).abs() < 1e-6 * expected.max(1.0), "{level}");
        }
        // Upright at x = 300, through both rows.
        let line = field.line(0.75);
        assert!(!line.is_empty());
        for point in line.split(['M', 'L']).filter(|point| !point.is_empty()) {
            assert!(point.starts_with("300 "), "{point}");
        }
        assert_eq!(field.line(1.1), "");
    }

    #[test]
    fn a_peak_is_surrounded() {
        let (columns, rows) = ([0.0, 30.0, 60.0], [60.0, 30.0, 0.0]);
        let values = vec![vec![0.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 0.0]];
        let field = Field { columns: &columns, rows: &rows, values: &values };
        // In each cell the level lies half way along both edges from the peak and, the cell's middle being at 1/4, two
        // thirds of the way there, at (10, 10) from the peak: a kite with the diagonals 15 sqrt(2) and 10 sqrt(2).
        assert!((size(&field.area(0.5)) - 4.0 * 150.0).abs() < 1e-9);
    }
}
