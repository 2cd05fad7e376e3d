//! Where a plane is looked at: an even grid around the points of a path.

use super::PlaneError;

/// A grid over the rectangle around all points of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    columns: u32,
    rows: u32,
    margin: f64,
}

/// No side of the rectangle is shorter than this part of the other one: a strip would show nothing.
const NARROWEST: f64 = 0.6;

impl Default for Grid {
    /// 21 columns, 21 rows, a margin of 0.2.
    fn default() -> Self {
        Self { columns: 21, rows: 21, margin: 0.2 }
    }
}

impl Grid {
    /// `columns` x `rows` points, both 2 to 1001. On each side the rectangle reaches beyond the points by `margin` times
    /// the longer side of their bounding box, 0 to 10.
    ///
    /// # Errors
    /// [`PlaneError::OutOfRange`].
    pub fn new(columns: u32, rows: u32, margin: f64) -> Result<Self, PlaneError> {
        for (name, count) in [("grid.columns", columns), ("grid.rows", rows)] {
            if !(2..=1001).contains(&count) {
                return Err(PlaneError::OutOfRange { name, value: count.into(), accepted: "2 to 1001" });
            }
        }
        if !(0.0..=10.0).contains(&margin) {
            return Err(PlaneError::OutOfRange { name: "grid.margin", value: margin, accepted: "0 to 10" });
        }
        Ok(Self { columns, rows, margin })
    }

    /// The x of the columns and the y of the rows around points `[x, y, ...]`, ascending.
    pub(super) fn around(&self, points: &[[f64; 3]]) -> [Vec<f64>; 2] {
        let ends = [0, 1].map(|side| {
            let values = || points.iter().map(|point| point[side]);
            [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
        });
        let longer = ends.iter().map(|[low, high]| high - low).fold(0.0, f64::max);
        let shortest = NARROWEST * (1.0 + 2.0 * self.margin) * longer;
        let [x, y] = ends.map(|[low, high]| {
            let length = (high - low + 2.0 * self.margin * longer).max(shortest);
            let middle = 0.5 * (low + high);
            [middle - 0.5 * length, middle + 0.5 * length]
        });
        [even(x, self.columns), even(y, self.rows)]
    }
}

fn even([low, high]: [f64; 2], count: u32) -> Vec<f64> {
    let last = f64::from(count - 1);
    (0..count).map(|index| low + (high - low) * f64::from(index) / last).collect()
}
