//! Forward, and back to the inputs: tiles transformed, multiplied, transformed back.

use pulp::{Simd, WithSimd};

use super::tiles::{Task, Tiles};
use super::transforms::{Filter, Input, Output, Transform, both_ways};
use super::{filters, planes};
use crate::InstructionSet;
use crate::aligned::Aligned;
use crate::kernel::tile::{Run, add, filled, store, sum_runs, widest};

/// Channels that are summed before the sum is added, for tiles of 4x4 outputs: their transforms amplify what was rounded.
const SUMMED_CHANNELS: usize = 128;

/// `target = convolution(source)` with the weights `[3][3][source channels][target channels]`.
pub(super) fn convolve<const OUT: usize, const IN: usize>(
    set: InstructionSet,
    tiles: &Tiles<OUT>,
    (w, bias): (&[f32], Option<&[f32]>),
    source: &[f32],
    target: &mut [f32],
) where
    Input: Transform<IN, IN>,
    Filter: Transform<3, IN>,
    Output: Transform<IN, OUT>,
{
    let (channels, filters) = (tiles.source.channels, tiles.target.channels);
    let width = super::width(set, filters);
    let panels = filters::transformed::<IN>(set, w, channels, filters, width);
    let most = tiles.most();
    tiles.for_each_task(source, target, |task, source, target| {
        let inputs = &mut Aligned::uncleared(IN * IN * planes::stride(most, channels));
        let products = &mut Aligned::uncleared(IN * IN * planes::stride(most, width));
        let places = tiles.of(task).map(|tile| tiles.outputs(task, tile)).collect();
        set.dispatch(Convolve::<OUT, IN> {
            tiles,
            task,
            places,
            panels: &panels,
            width,
            bias,
            source,
            inputs,
            products,
            target,
        });
    });
}

struct Convolve<'a, const OUT: usize, const IN: usize> {
    tiles: &'a Tiles<OUT>,
    task: Task,
    /// Where the outputs of each tile go.
    places: Vec<[[Option<usize>; OUT]; OUT]>,
    panels: &'a [f32],
    /// Filters of a panel.
    width: usize,
    bias: Option<&'a [f32]>,
    source: &'a [f32],
    /// V
    inputs: &'a mut [f32],
    /// V U, of the filters of one panel
    products: &'a mut [f32],
    target: &'a mut [f32],
}

impl<const OUT: usize, const IN: usize> WithSimd for Convolve<'_, OUT, IN>
where
    Input: Transform<IN, IN>,
    Output: Transform<IN, OUT>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        planes::inputs::<S, OUT, IN>(simd, self.tiles, self.task, self.source, self.inputs);
        match self.width / S::F32_LANES {
            4 => self.panels::<S, 4, 4>(simd),
            2 if widest::<S>() == 2 => self.panels::<S, 6, 2>(simd),
            2 => self.panels::<S, 8, 2>(simd),
            _ => self.panels::<S, 8, 1>(simd),
        }
    }
}

impl<const OUT: usize, const IN: usize> Convolve<'_, OUT, IN>
where
    Output: Transform<IN, OUT>,
{
    /// The filters of each panel, from `V` to the target.
    #[inline(always)]
    fn panels<S: Simd, const PIXELS: usize, const VECTORS: usize>(&mut self, simd: S) {
        let panel_len = IN * IN * self.tiles.source.channels * self.width;
        for (index, panel) in self.panels.chunks_exact(panel_len).enumerate() {
            self.multiply::<S, PIXELS, VECTORS>(simd, panel);
            self.outputs(simd, index * self.width);
        }
    }

    /// `products[tile][filter] = sum over channels of V[tile][channel] U[channel][filter]`, for each product.
    #[inline(always)]
    fn multiply<S: Simd, const PIXELS: usize, const VECTORS: usize>(&mut self, simd: S, panel: &[f32]) {
        let (channels, most) = (self.tiles.source.channels, self.tiles.most());
        let sources: Vec<usize> = (0..self.places.len()).map(|tile| tile * channels).collect();
        let stage = if OUT == 4 { SUMMED_CHANNELS } else { channels };
        let stages = (0..channels).step_by(stage).map(|first| (first, stage.min(channels - first)));
        let inputs = self.inputs.chunks_exact(planes::stride(most, channels));
        let products = self.products.chunks_exact_mut(planes::stride(most, self.width));
        for ((panel, inputs), products) in panel.chunks_exact(channels * self.width).zip(inputs).zip(products) {
            let (panel, _) = S::as_simd_f32s(panel);
            for (first, len) in stages.clone() {
                let runs = [Run { offset: first, row: first, len }];
                for (sources, products) in sources.chunks(PIXELS).zip(products.chunks_mut(PIXELS * self.width)) {
                    let start = [simd.splat_f32s(0.0); VECTORS];
                    let sums = sum_runs::<S, PIXELS, VECTORS>(simd, start, inputs, filled(sources), &runs, panel);
                    for (sums, to) in sums.into_iter().zip(products.chunks_exact_mut(self.width)).take(sources.len()) {
                        if first == 0 { store(simd, sums, to) } else { add(simd, sums, to) }
                    }
                }
            }
        }
    }

    /// `y = A' products A + bias`, for the filters from `first` on.
    #[inline(always)]
    fn outputs<S: Simd>(&mut self, simd: S, first: usize) {
        let most = self.tiles.most();
        let products = planes::split::<S, IN>(self.products, planes::stride(most, self.width), most * self.width);
        let vectors = self.width / S::F32_LANES;
        for (index, places) in self.places.iter().enumerate() {
            for v in 0..vectors {
                let products = planes::tile_at::<S, IN>(simd, &products, index * vectors + v);
                let outputs = both_ways::<S, Output, IN, OUT>(simd, products);
                let column = first + v * S::F32_LANES;
                let bias = match self.bias {
                    Some(bias) => S::as_simd_f32s(&bias[column..][..S::F32_LANES]).0[0],
                    None => simd.splat_f32s(0.0),
                };
                for i in 0..OUT {
                    for j in 0..OUT {
                        if let Some(place) = places[i][j] {
                            let to = &mut self.target[place + column..][..S::F32_LANES];
                            S::as_mut_simd_f32s(to).0[0] = simd.add_f32s(outputs[i][j], bias);
                        }
                    }
                }
            }
        }
    }
}
