//! Linear maps of a few rows that are composed and doubled without losing how far they are from doing nothing: what
//! many cycles do (App. B.1), and how fast they shrink.

/// Doublings after which every map that shrinks at all has died away: 1 minus its radius is a double.
pub(crate) const MOST_DOUBLINGS: u32 = 1100;
/// Squarings after which what is left of the size of the power counts for less than a rounding.
const SQUARINGS: u32 = 60;
/// Powers are doubled until they are of another size than this.
const NEAR_ONE: std::ops::RangeInclusive<f64> = 0.5..=1e50;

/// M, and beside it `E = I - M`.
///
/// Small eigenvalues of E, which a rounded M would lose, stay accurate: each column of E keeps its own relative
/// accuracy when maps are composed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearMap<const N: usize> {
    pub map: Square<N>,
    pub deficit: Square<N>,
}

/// A matrix, row by row.
pub(crate) type Square<const N: usize> = [[f64; N]; N];

impl<const N: usize> LinearMap<N> {
    pub fn identity() -> Self {
        let map = std::array::from_fn(|i| std::array::from_fn(|j| if i == j { 1.0 } else { 0.0 }));
        Self { map, deficit: [[0.0; N]; N] }
    }

    /// This map, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        // I - (I - F)(I - E) = E + F - F E
        let product = multiply(&next.deficit, &self.deficit);
        let mut deficit = [[0.0; N]; N];
        for (i, row) in deficit.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = self.deficit[i][j] + next.deficit[i][j] - product[i][j];
            }
        }
        let mut map = multiply(&next.map, &self.map);
        for (i, row) in map.iter_mut().enumerate() {
            if deficit[i][i].abs() < 0.5 {
                row[i] = 1.0 - deficit[i][i];
            }
        }
        Self { map, deficit }
    }

    /// ln of the spectral radius; infinite where an entry is beyond the range of doubles.
    pub fn ln_radius(self) -> f64 {
        let (mut power, mut share) = (self, 1.0);
        for _ in 0..MOST_DOUBLINGS {
            if !NEAR_ONE.contains(&norm(&power.map)) {
                break;
            }
            (power, share) = (power.then(&power), share / 2.0);
        }
        // Gelfand's formula along n = 2^j: the n-th root of the size of the n-th power
        let (mut power, mut ln_radius) = (power.map, 0.0);
        for _ in 0..SQUARINGS {
            let norm = norm(&power);
            if norm == 0.0 {
                return f64::NEG_INFINITY;
            }
            if !norm.is_finite() {
                return f64::INFINITY;
            }
            ln_radius += share * norm.ln();
            let unit = power.map(|row| row.map(|entry| entry / norm));
            (power, share) = (multiply(&unit, &unit), share / 2.0);
        }
        ln_radius
    }
}

pub(crate) fn multiply<const N: usize>(left: &Square<N>, right: &Square<N>) -> Square<N> {
    left.map(|row| std::array::from_fn(|j| (1..N).fold(row[0] * right[0][j], |sum, i| sum + row[i] * right[i][j])))
}

fn norm<const N: usize>(matrix: &Square<N>) -> f64 {
    let entries = || matrix.iter().flatten();
    let largest = entries().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    // Parts of the largest, whose squares stay within the range of doubles.
    if largest == 0.0 { 0.0 } else { largest * entries().map(|entry| (entry / largest).powi(2)).sum::<f64>().sqrt() }
}
