//! The gradient of the weights: `dU = V' Z` for each product, summed over all tiles, then transformed back.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::outer::{Outer, Packed};
use super::tiles::{Task, Tiles};
use super::transforms::{FilterGradient, Input, OutputGradient, Transform};
use super::{filters, planes};
use crate::InstructionSet;
use crate::aligned::Aligned;

/// Tasks whose tiles are transformed before they are multiplied: more would leave the cache that cores share.
const TASKS: usize = 8;

/// Channels whose part of dU a task sums.
const ROWS: usize = 48;

/// `dw[3][3][channels][filters]` from the input and the gradient of the output.
pub(super) fn gradient<const OUT: usize, const IN: usize>(
    set: InstructionSet,
    tiles: &Tiles<OUT>,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
) where
    Input: Transform<IN, IN>,
    OutputGradient: Transform<OUT, IN>,
    FilterGradient: Transform<IN, 3>,
{
    let (channels, filters) = (tiles.source.channels, tiles.target.channels);
    let [v_len, z_len] = [channels, filters].map(|channels| IN * IN * planes::stride(tiles.most(), channels));
    let tasks = tiles.tasks(x);
    let mut v = Aligned::uncleared(v_len * TASKS.min(tasks));
    let mut z = Aligned::uncleared(z_len * TASKS.min(tasks));
    let sources: Vec<usize> = (0..tiles.most()).map(|tile| tile * channels).collect();
    let mut du = Aligned::zeros(IN * IN * channels * filters);
    for first in (0..tasks).step_by(TASKS) {
        let transformed = v.par_chunks_exact_mut(v_len).zip(z.par_chunks_exact_mut(z_len)).take(tasks - first);
        let counts: Vec<usize> = transformed
            .enumerate()
            .map(|(index, (v, z))| {
                let (task, x, dy) = tiles.unit(first + index, x, dy);
                set.dispatch(TransformTiles::<OUT, IN> { tiles, task, x, dy, v, z });
                tiles.of(task).count()
            })
            .collect();
        du.par_chunks_exact_mut(channels * filters).enumerate().for_each(|(product, du)| {
            du.par_chunks_mut(ROWS * filters).enumerate().for_each(|(piece, du)| {
                // Sums of sums: short ones are more accurate.
                let mut sum = Aligned::zeros(du.len());
                for ((v, z), &count) in v.chunks_exact(v_len).zip(z.chunks_exact(z_len)).zip(&counts) {
                    let v = &v[product * (v_len / (IN * IN)) + piece * ROWS..];
                    let z = &z[product * (z_len / (IN * IN))..][..count * filters];
                    let gradients = Packed { numbers: z, pixels: count, filters };
                    let (sources, rows, sums) = (&sources[..count], du.len() / filters, &mut *sum);
                    set.dispatch(Outer { x: v, sources, gradients, rows, columns: filters, sums });
                }
                du.iter_mut().zip(&*sum).for_each(|(du, sum)| *du += sum);
            });
        });
    }
    filters::gradient::<IN>(set, &du, channels, filters, dw);
}

struct TransformTiles<'a, const OUT: usize, const IN: usize> {
    tiles: &'a Tiles<OUT>,
    task: Task,
    x: &'a [f32],
    dy: &'a [f32],
    v: &'a mut [f32],
    z: &'a mut [f32],
}

impl<const OUT: usize, const IN: usize> WithSimd for TransformTiles<'_, OUT, IN>
where
    Input: Transform<IN, IN>,
    OutputGradient: Transform<OUT, IN>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        planes::inputs::<S, OUT, IN>(simd, self.tiles, self.task, self.x, self.v);
        planes::output_gradients::<S, OUT, IN>(simd, self.tiles, self.task, self.dy, self.z);
    }
}
