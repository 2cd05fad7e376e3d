//! Transformed weights, `U = G g G'`, in panels for the tiles; and back, from the gradient of U to that of the weights.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{products_at, set_tile_at, split, split_mut};
use super::transforms::{Filter, FilterGradient, both_ways};
use crate::InstructionSet;
use crate::aligned::Aligned;
use crate::kernel::transpose::transpose;

/// The weights `[3][3][channels][filters]` of the way back: turned round, filters and channels exchanged.
pub(super) fn turned(w: &[f32], channels: usize, filters: usize) -> Aligned {
    let mut turned = Aligned::uncleared(w.len());
    let (from, to) = (w.par_chunks(channels * filters), turned.par_chunks_mut(channels * filters).rev());
    from.zip(to).for_each(|(from, to)| {
        transpose(
            [channels, filters],
            |channel, filter| &from[channel * filters + filter..],
            |filter, channel, numbers| {
                to[filter * channels + channel..][..numbers.len()].copy_from_slice(numbers);
            },
        );
    });
    turned
}

/// `[filters / width][16][channels][width]`
pub(super) fn transformed(set: InstructionSet, w: &[f32], channels: usize, filters: usize, width: usize) -> Aligned {
    let mut panels = Aligned::uncleared(16 * channels * filters);
    panels.par_chunks_mut(16 * channels * width).enumerate().for_each(|(block, panel)| {
        set.dispatch(Transform { w, channels, filters, first: block * width, width, panel });
    });
    panels
}

struct Transform<'a> {
    w: &'a [f32],
    channels: usize,
    filters: usize,
    /// The first filter of the panel.
    first: usize,
    width: usize,
    panel: &'a mut [f32],
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { w, channels, filters, first, width, panel } = self;
        let taps = split::<S, 9>(&w[first..], channels * filters, (channels - 1) * filters + width);
        let mut products = split_mut::<S, 16>(panel, channels * width, channels * width);
        let [row, row_of_panel] = [filters, width].map(|len| len / S::F32_LANES);
        for channel in 0..channels {
            for v in 0..row_of_panel {
                let taps = products_at::<S, 3, 9>(simd, &taps, channel * row + v);
                let transformed = both_ways::<S, Filter, 3, 4>(simd, taps);
                set_tile_at::<S, 4, 16>(&mut products, channel * row_of_panel + v, transformed);
            }
        }
    }
}

/// Rows of channels that a task turns back.
const ROWS: usize = 8;

/// `dw = G' dU G`, from `[16][channels][filters]` to `[3][3][channels][filters]`.
pub(super) fn gradient(set: InstructionSet, du: &[f32], channels: usize, filters: usize, dw: &mut [f32]) {
    let mut taps: Vec<_> = dw.chunks_exact_mut(channels * filters).map(|tap| tap.chunks_mut(ROWS * filters)).collect();
    let tasks: Vec<Vec<&mut [f32]>> =
        (0..channels.div_ceil(ROWS)).map(|_| taps.iter_mut().filter_map(Iterator::next).collect()).collect();
    tasks.into_par_iter().enumerate().for_each(|(task, taps)| {
        let du = &du[task * ROWS * filters..];
        set.dispatch(TransformBack { du, plane: channels * filters, taps });
    });
}

struct TransformBack<'a> {
    du: &'a [f32],
    /// From one of the 16 products to the next.
    plane: usize,
    taps: Vec<&'a mut [f32]>,
}

impl WithSimd for TransformBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let len = self.taps[0].len();
        let products = split::<S, 16>(self.du, self.plane, len);
        for v in 0..len / S::F32_LANES {
            let gradient = both_ways::<S, FilterGradient, 4, 3>(simd, products_at::<S, 4, 16>(simd, &products, v));
            for (tap, to) in self.taps.iter_mut().enumerate() {
                S::as_mut_simd_f32s(to).0[v] = gradient[tap / 3][tap % 3];
            }
        }
    }
}
