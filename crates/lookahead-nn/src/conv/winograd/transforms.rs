//! The transforms of F(2x2, 3x3) (Lavin and Gray 2015): a 2x2 tile of outputs, a 4x4 tile of inputs, 16 products.
//!
//! `y = A' [(G g G') * (B' d B)] A`, where `*` multiplies number by number.

use pulp::Simd;

/// A linear map of vectors. (A type and not a closure, so that it is sure to be compiled for the instructions at hand.)
pub(super) trait Transform<S: Simd, const FROM: usize, const TO: usize> {
    fn apply(simd: S, from: [S::f32s; FROM]) -> [S::f32s; TO];
}

/// `B' d`
pub(super) struct Input;

impl<S: Simd> Transform<S, 4, 4> for Input {
    #[inline(always)]
    fn apply(simd: S, d: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(d[0], d[2]), simd.add_f32s(d[1], d[2]), simd.sub_f32s(d[2], d[1]), simd.sub_f32s(d[1], d[3])]
    }
}

/// `G g`
pub(super) struct Filter;

impl<S: Simd> Transform<S, 3, 4> for Filter {
    #[inline(always)]
    fn apply(simd: S, g: [S::f32s; 3]) -> [S::f32s; 4] {
        let half = simd.splat_f32s(0.5);
        let outer = simd.add_f32s(g[0], g[2]);
        let middle = [simd.add_f32s(outer, g[1]), simd.sub_f32s(outer, g[1])];
        [g[0], simd.mul_f32s(half, middle[0]), simd.mul_f32s(half, middle[1]), g[2]]
    }
}

/// `A' m`
pub(super) struct Output;

impl<S: Simd> Transform<S, 4, 2> for Output {
    #[inline(always)]
    fn apply(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
        let [sum, difference] = [simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2])];
        [simd.add_f32s(m[0], sum), simd.sub_f32s(difference, m[3])]
    }
}

/// `A dy`
pub(super) struct OutputGradient;

impl<S: Simd> Transform<S, 2, 4> for OutputGradient {
    #[inline(always)]
    fn apply(simd: S, dy: [S::f32s; 2]) -> [S::f32s; 4] {
        [dy[0], simd.add_f32s(dy[0], dy[1]), simd.sub_f32s(dy[0], dy[1]), simd.neg_f32s(dy[1])]
    }
}

/// `G' u`
pub(super) struct FilterGradient;

impl<S: Simd> Transform<S, 4, 3> for FilterGradient {
    #[inline(always)]
    fn apply(simd: S, u: [S::f32s; 4]) -> [S::f32s; 3] {
        let half = simd.splat_f32s(0.5);
        let sum = simd.mul_f32s(half, simd.add_f32s(u[1], u[2]));
        let difference = simd.mul_f32s(half, simd.sub_f32s(u[1], u[2]));
        [simd.add_f32s(u[0], sum), difference, simd.add_f32s(sum, u[3])]
    }
}

/// Along the rows, then along the columns.
#[inline(always)]
pub(super) fn both_ways<S: Simd, T: Transform<S, FROM, TO>, const FROM: usize, const TO: usize>(
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
