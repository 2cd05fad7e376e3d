//! Transformed weights, `U = G g G'`, in panels for the tiles; and back, from the gradient of U to that of the weights.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::planes::{set_tile_at, split, split_mut, tile_at};
use super::transforms::{Filter, FilterGradient, Transform, both_ways};
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

/// `[filters / width][IN x IN][channels][width]`
pub(super) fn transformed<const IN: usize>(
    set: InstructionSet,
    w: &[f32],
    channels: usize,
    filters: usize,
    width: usize,
) -> Aligned
where
    Filter: Transform<3, IN>,
{
    let mut panels = Aligned::uncleared(IN * IN * channels * filters);
    panels.par_chunks_mut(IN * IN * channels * width).enumerate().for_each(|(block, panel)| {
        set.dispatch(TransformFilters::<IN> { w, channels, filters, first: block * width, width, panel });
    });
    panels
}

struct TransformFilters<'a, const IN: usize> {
    w: &'a [f32],
    channels: usize,
    filters: usize,
    /// The first filter of the panel.
    first: usize,
    width: usize,
    panel: &'a mut [f32],
}

impl<const IN: usize> WithSimd for TransformFilters<'_, IN>
where
    Filter: Transform<3, IN>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { w, channels, filters, first, width, panel } = self;
        let taps = split::<S, 3>(&w[first..], channels * filters, (channels - 1) * filters + width);
        let mut products = split_mut::<S, IN>(panel, channels * width, channels * width);
        let [row, row_of_panel] = [filters, width].map(|len| len / S::F32_LANES);
        for channel in 0..channels {
            for v in 0..row_of_panel {
                let taps = tile_at::<S, 3>(simd, &taps, channel * row + v);
                let transformed = both_ways::<S, Filter, 3, IN>(simd, taps);
                set_tile_at::<S, IN>(&mut products, channel * row_of_panel + v, transformed);
            }
        }
    }
}

/// Rows of channels that a task turns back.
const ROWS: usize = 8;

/// `dw = G' dU G`, from `[IN x IN][channels][filters]` to `[3][3][channels][filters]`.
pub(super) fn gradient<const IN: usize>(
    set: InstructionSet,
    du: &[f32],
    channels: usize,
    filters: usize,
    dw: &mut [f32],
) where
    FilterGradient: Transform<IN, 3>,
{
    let mut taps: Vec<_> = dw.chunks_exact_mut(channels * filters).map(|tap| tap.chunks_mut(ROWS * filters)).collect();
    let tasks: Vec<Vec<&mut [f32]>> =
        (0..channels.div_ceil(ROWS)).map(|_| taps.iter_mut().filter_map(Iterator::next).collect()).collect();
    tasks.into_par_iter().enumerate().for_each(|(task, taps)| {
        let du = &du[task * ROWS * filters..];
        set.dispatch(TransformBack::<IN> { du, plane: channels * filters, taps });
    });
}

struct TransformBack<'a, const IN: usize> {
    du: &'a [f32],
    /// From one of the products to the next.
    plane: usize,
    taps: Vec<&'a mut [f32]>,
}

impl<const IN: usize> WithSimd for TransformBack<'_, IN>
where
    FilterGradient: Transform<IN, 3>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let len = self.taps[0].len();
        let products = split::<S, IN>(self.du, self.plane, len);
        for v in 0..len / S::F32_LANES {
            let gradient = both_ways::<S, FilterGradient, IN, 3>(simd, tile_at::<S, IN>(simd, &products, v));
            for (tap, to) in self.taps.iter_mut().enumerate() {
                S::as_mut_simd_f32s(to).0[v] = gradient[tap / 3][tap % 3];
            }
        }
    }
}
