//! F(4x4, 3x3): a 4x4 tile of outputs, a 6x6 tile of inputs, 36 products.
//!
//! It multiplies polynomials by their values at 0, +-P, +-Q and infinity, and is exact for any two numbers P and Q. These
//! are meant to round less than the usual 1 and 2, and their powers are exact.

use pulp::Simd;

use super::{Filter, FilterGradient, Input, Output, OutputGradient, Transform};

const P: f32 = 0.625;
const Q: f32 = 1.5;
const P2: f32 = P * P;
const Q2: f32 = Q * Q;

/// What interpolation weighs the values at 0, +-P and +-Q with: one over the products of the distances to the other points.
const AT_0: f32 = 1.0 / (P2 * Q2);
const AT_P: f32 = 0.5 / (P2 * (P2 - Q2));
const AT_Q: f32 = 0.5 / (Q2 * (Q2 - P2));

impl Transform<6, 6> for Input {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
        let [even_p, odd_p] = [multiply_add(simd, -Q2, d[2], d[4]), multiply_add(simd, -Q2, d[1], d[3])];
        let [even_q, odd_q] = [multiply_add(simd, -P2, d[2], d[4]), multiply_add(simd, -P2, d[1], d[3])];
        [
            multiply_add(simd, P2 * Q2, d[0], multiply_add(simd, -(P2 + Q2), d[2], d[4])),
            multiply_add(simd, P, odd_p, even_p),
            multiply_add(simd, -P, odd_p, even_p),
            multiply_add(simd, Q, odd_q, even_q),
            multiply_add(simd, -Q, odd_q, even_q),
            multiply_add(simd, P2 * Q2, d[1], multiply_add(simd, -(P2 + Q2), d[3], d[5])),
        ]
    }
}

impl Transform<3, 6> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; 6] {
        let even_p = multiply_add(simd, P2 * AT_P, g[2], multiply(simd, AT_P, g[0]));
        let even_q = multiply_add(simd, Q2 * AT_Q, g[2], multiply(simd, AT_Q, g[0]));
        [
            multiply(simd, AT_0, g[0]),
            multiply_add(simd, P * AT_P, g[1], even_p),
            multiply_add(simd, -P * AT_P, g[1], even_p),
            multiply_add(simd, Q * AT_Q, g[1], even_q),
            multiply_add(simd, -Q * AT_Q, g[1], even_q),
            g[2],
        ]
    }
}

impl Transform<6, 4> for Output {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
        let [sum_p, difference_p] = [simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2])];
        let [sum_q, difference_q] = [simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4])];
        [
            simd.add_f32s(simd.add_f32s(m[0], sum_p), sum_q),
            multiply_add(simd, Q, difference_q, multiply(simd, P, difference_p)),
            multiply_add(simd, Q2, sum_q, multiply(simd, P2, sum_p)),
            multiply_add(simd, Q * Q2, difference_q, multiply_add(simd, P * P2, difference_p, m[5])),
        ]
    }
}

impl Transform<4, 6> for OutputGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, dy: [S::f32s; 4]) -> [S::f32s; 6] {
        let [even_p, odd_p] = [multiply_add(simd, P2, dy[2], dy[0]), multiply_add(simd, P2, dy[3], dy[1])];
        let [even_q, odd_q] = [multiply_add(simd, Q2, dy[2], dy[0]), multiply_add(simd, Q2, dy[3], dy[1])];
        [
            dy[0],
            multiply_add(simd, P, odd_p, even_p),
            multiply_add(simd, -P, odd_p, even_p),
            multiply_add(simd, Q, odd_q, even_q),
            multiply_add(simd, -Q, odd_q, even_q),
            dy[3],
        ]
    }
}

impl Transform<6, 3> for FilterGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
        let [sum_p, difference_p] = [simd.add_f32s(u[1], u[2]), simd.sub_f32s(u[1], u[2])];
        let [sum_q, difference_q] = [simd.add_f32s(u[3], u[4]), simd.sub_f32s(u[3], u[4])];
        let first = multiply_add(simd, AT_P, sum_p, multiply(simd, AT_0, u[0]));
        [
            multiply_add(simd, AT_Q, sum_q, first),
            multiply_add(simd, Q * AT_Q, difference_q, multiply(simd, P * AT_P, difference_p)),
            multiply_add(simd, Q2 * AT_Q, sum_q, multiply_add(simd, P2 * AT_P, sum_p, u[5])),
        ]
    }
}

/// `factor a`
#[inline(always)]
fn multiply<S: Simd>(simd: S, factor: f32, a: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.splat_f32s(factor), a)
}

/// `factor a + b`
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, factor: f32, a: S::f32s, b: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b)
}
