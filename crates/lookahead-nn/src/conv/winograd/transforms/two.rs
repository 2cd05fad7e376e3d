//! F(2x2, 3x3): a 2x2 tile of outputs, a 4x4 tile of inputs, 16 products.

use pulp::Simd;

use super::{Filter, FilterGradient, Input, Output, OutputGradient, Transform};

impl Transform<4, 4> for Input {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, d: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(d[0], d[2]), simd.add_f32s(d[1], d[2]), simd.sub_f32s(d[2], d[1]), simd.sub_f32s(d[1], d[3])]
    }
}

impl Transform<3, 4> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; 4] {
        let half = simd.splat_f32s(0.5);
        let outer = simd.add_f32s(g[0], g[2]);
        let middle = [simd.add_f32s(outer, g[1]), simd.sub_f32s(outer, g[1])];
        [g[0], simd.mul_f32s(half, middle[0]), simd.mul_f32s(half, middle[1]), g[2]]
    }
}

impl Transform<4, 2> for Output {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
        let [sum, difference] = [simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2])];
        [simd.add_f32s(m[0], sum), simd.sub_f32s(difference, m[3])]
    }
}

impl Transform<2, 4> for OutputGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, dy: [S::f32s; 2]) -> [S::f32s; 4] {
        [dy[0], simd.add_f32s(dy[0], dy[1]), simd.sub_f32s(dy[0], dy[1]), simd.neg_f32s(dy[1])]
    }
}

impl Transform<4, 3> for FilterGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, u: [S::f32s; 4]) -> [S::f32s; 3] {
        let half = simd.splat_f32s(0.5);
        let sum = simd.mul_f32s(half, simd.add_f32s(u[1], u[2]));
        let difference = simd.mul_f32s(half, simd.sub_f32s(u[1], u[2]));
        [simd.add_f32s(u[0], sum), difference, simd.add_f32s(sum, u[3])]
    }
}
