//! The transforms of a tile (Lavin and Gray 2015): `y = A' [(G g G') * (B' d B)] A`, where `*` multiplies number by number.

mod four;
mod two;

use pulp::Simd;

/// A linear map of vectors. (A type and not a closure, so that it is sure to be compiled for the instructions at hand.)
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    fn apply<S: Simd>(simd: S, from: [S::f32s; FROM]) -> [S::f32s; TO];
}

/// `B' d`
pub(super) struct Input;

/// `G g`
pub(super) struct Filter;

/// `A' m`
pub(super) struct Output;

/// `A dy`
pub(super) struct OutputGradient;

/// `G' u`
pub(super) struct FilterGradient;

/// Along the rows, then along the columns.
#[inline(always)]
pub(super) fn both_ways<S: Simd, T: Transform<FROM, TO>, const FROM: usize, const TO: usize>(
    simd: S,
    tile: [[S::f32s; FROM]; FROM],
) -> [[S::f32s; TO]; TO] {
    let zero = simd.splat_f32s(0.0);
    let mut rows = [[zero; TO]; FROM];
    for i in 0..FROM {
        rows[i] = T::apply(simd, tile[i]);
    }
    let mut both = [[zero; TO]; TO];
    for j in 0..TO {
        let mut column = [zero; FROM];
        for i in 0..FROM {
            column[i] = rows[i][j];
        }
        let column = T::apply(simd, column);
        for i in 0..TO {
            both[i][j] = column[i];
        }
    }
    both
}
