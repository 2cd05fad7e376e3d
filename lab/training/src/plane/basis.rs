//! The plane itself: an orthonormal basis, and where weights lie in it.

use std::collections::BTreeMap;

use burn::tensor::TensorData;
use lookahead_runs::PathBeside;
use sha2::{Digest, Sha256};

use super::{PlaneError, WeightPath};

/// Nearer to a line than this, as a part of the distance between two of them, three points define no plane: the
/// rounding of 32-bit weights alone moves them so far.
const COLLINEAR: f64 = 1e-4;

/// The plane through the first, the middle and the last fast weights of a path (Fig. 1).
///
/// The first ones are the origin; the last ones lie on the x axis, at a positive x; the middle ones at a positive y.
/// Coordinates are lengths in the space of all parameters.
#[derive(Debug, Clone)]
pub struct Plane<'a> {
    path: &'a WeightPath,
    origin: &'a [f32],
    axes: [Vec<f64>; 2],
    anchors: [usize; 3],
}

impl<'a> Plane<'a> {
    /// Lays the plane through a path.
    ///
    /// # Errors
    /// [`PlaneError::TooFewPoints`] for less than three fast weights, [`PlaneError::Collinear`] if three are on a line.
    pub fn through(path: &'a WeightPath) -> Result<Self, PlaneError> {
        let fast: Vec<(&u32, &Vec<f32>)> = path.fast.iter().collect();
        if fast.len() < 3 {
            return Err(PlaneError::TooFewPoints { found: fast.len() });
        }
        let anchors = [0, (fast.len() - 1) / 2, fast.len() - 1];
        let updates = anchors.map(|anchor| *fast[anchor].0);
        let [origin, middle, last] = anchors.map(|anchor| fast[anchor].1.as_slice());

        // u = (theta_n - theta_0) / |theta_n - theta_0|
        let mut u = difference(last, origin);
        let base = norm(&u);
        let mut v = difference(middle, origin);
        let side = norm(&v);
        if base <= COLLINEAR * side || side == 0.0 {
            return Err(PlaneError::Collinear { updates });
        }
        u.iter_mut().for_each(|u| *u /= base);
        // v = w - (w u) u, w = theta_m - theta_0; then of length 1
        let along = dot(&v, &u);
        v.iter_mut().zip(&u).for_each(|(v, u)| *v -= along * u);
        let height = norm(&v);
        if height <= COLLINEAR * base.max(side) {
            return Err(PlaneError::Collinear { updates });
        }
        v.iter_mut().for_each(|v| *v /= height);
        Ok(Self { path, origin, axes: [u, v], anchors })
    }

    /// Which of the fast weights define the plane: places in [`fast`](Self::fast).
    #[must_use]
    pub fn anchors(&self) -> [usize; 3] {
        self.anchors
    }

    /// x, y and the distance from the plane of all fast weights, by update.
    #[must_use]
    pub fn fast(&self) -> Vec<[f64; 3]> {
        self.path.fast.values().map(|weights| self.project(weights)).collect()
    }

    /// x, y and the distance from the plane of all slow weights, by update.
    #[must_use]
    pub fn slow(&self) -> Vec<[f64; 3]> {
        self.path.slow.values().map(|weights| self.project(weights)).collect()
    }

    /// The fast weights of another path that begins at the same weights.
    ///
    /// # Errors
    /// [`PlaneError::OtherStart`] if it begins elsewhere, or at another update, or has other parameters.
    pub fn beside(&self, label: &str, other: &WeightPath) -> Result<PathBeside, PlaneError> {
        if other.parameters != self.path.parameters || other.fast.iter().next() != self.path.fast.iter().next() {
            return Err(PlaneError::OtherStart { label: label.to_owned() });
        }
        Ok(PathBeside {
            label: label.to_owned(),
            points: other.fast.values().map(|weights| self.project(weights)).collect(),
            updates: other.fast_updates().collect(),
        })
    }

    /// The weights at a point of the plane, by module path. Batch-norm statistics are those of the first fast weights.
    #[must_use]
    pub fn weights(&self, x: f64, y: f64) -> BTreeMap<String, TensorData> {
        let [u, v] = &self.axes;
        let mut weights = self.path.buffers.clone();
        let mut start = 0;
        for (name, shape) in &self.path.parameters {
            let range = start..start + shape.iter().product::<usize>();
            start = range.end;
            // theta(x, y) = theta_0 + x u + y v
            let values: Vec<f32> =
                range.map(|index| (f64::from(self.origin[index]) + x * u[index] + y * v[index]) as f32).collect();
            weights.insert(name.clone(), TensorData::new(values, shape.clone()));
        }
        weights
    }

    pub(super) fn path(&self) -> &'a WeightPath {
        self.path
    }

    /// Tells this plane from others.
    pub(super) fn digest(&self) -> Sha256 {
        let mut digest = Sha256::new();
        self.origin.iter().for_each(|weight| digest.update(weight.to_le_bytes()));
        self.axes.iter().flatten().for_each(|part| digest.update(part.to_le_bytes()));
        digest
    }

    /// `[x, y, distance]`: x = d u, y = d v, distance = |d - x u - y v|, d being the way from the origin.
    fn project(&self, weights: &[f32]) -> [f64; 3] {
        let [u, v] = &self.axes;
        let mut way = difference(weights, self.origin);
        let [x, y] = [dot(&way, u), dot(&way, v)];
        way.iter_mut().zip(u.iter().zip(v)).for_each(|(way, (u, v))| *way -= x * u + y * v);
        [x, y, norm(&way)]
    }
}

fn difference(to: &[f32], from: &[f32]) -> Vec<f64> {
    to.iter().zip(from).map(|(&to, &from)| f64::from(to) - f64::from(from)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}
