//! Weights in the order in which the tiles read them: for each group and block of target channels a panel, whose rows are
//! tap by tap the source channels. Of a matrix, the right factor of a product, the columns are the target channels.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tile::{Block, blocks, widest};
use super::transpose::transpose;
use crate::InstructionSet;
use crate::aligned::Aligned;

/// The weights of a convolution, cut into panels.
#[derive(Debug)]
pub(crate) struct Panels {
    /// Of one group: blocks of `rows` times as many numbers as their vectors hold, zeros where there is no channel.
    numbers: Aligned,
    /// Where each sum starts, per group as many as the vectors hold: the bias, or zeros.
    starts: Vec<f32>,
    /// Numbers that the vectors of a group hold.
    width: usize,
    rows: usize,
}

/// How wide tiles are: at most `widest` vectors of `lanes` numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widths {
    pub lanes: usize,
    pub widest: usize,
}

impl Widths {
    pub fn of(set: InstructionSet) -> Self {
        struct Ask;
        impl WithSimd for Ask {
            type Output = Widths;
            fn with_simd<S: Simd>(self, _: S) -> Widths {
                Widths { lanes: S::F32_LANES, widest: widest::<S>() }
            }
        }
        set.dispatch(Ask)
    }
}

/// The sizes of weights `[taps][channels of a group][groups x filters of a group]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightShape {
    pub taps: usize,
    pub channels: usize,
    pub filters: usize,
    pub groups: usize,
}

/// Blocks that a task fills.
const BLOCKS: usize = 4;

/// Some neighbouring blocks of a group, to be filled.
struct Blocks<'a> {
    numbers: &'a mut [f32],
    group: usize,
    /// The first channel, from which the blocks count.
    first: usize,
    blocks: Vec<Block>,
    widths: Widths,
}

impl Panels {
    /// From inputs to outputs: sums over channels, starts at the bias.
    pub fn forward(set: InstructionSet, w: &[f32], shape: WeightShape, bias: Option<&[f32]>) -> Self {
        let WeightShape { taps, channels, filters, groups } = shape;
        let rows = taps * channels;
        let mut panels = Self::new(Widths::of(set), groups, rows, filters, |to| {
            // All blocks of a row at once, because rows of the weights lie far apart.
            for (row, from) in w.chunks_exact(groups * filters).enumerate() {
                let from = &from[to.group * filters + to.first..];
                for block in &to.blocks {
                    let width = block.vectors * to.widths.lanes;
                    let to = &mut to.numbers[rows * block.start + row * width..][..width];
                    copy_padded(&from[block.start..][..block.len], to);
                }
            }
        });
        if let Some(bias) = bias {
            for (to, from) in panels.starts.chunks_exact_mut(panels.width).zip(bias.chunks_exact(filters)) {
                to[..filters].copy_from_slice(from);
            }
        }
        panels
    }

    /// From outputs to inputs: sums over filters, the last tap first.
    pub fn backward(set: InstructionSet, w: &[f32], shape: WeightShape) -> Self {
        let WeightShape { taps, channels, filters, groups } = shape;
        let rows = taps * filters;
        Self::new(Widths::of(set), groups, rows, channels, |to| {
            for block in &to.blocks {
                let width = block.vectors * to.widths.lanes;
                let panel = &mut to.numbers[rows * block.start..][..rows * width];
                if block.len < width {
                    panel.fill(0.0);
                }
                for (tap, panel) in panel.chunks_exact_mut(filters * width).rev().enumerate() {
                    let first = tap * channels + to.first + block.start;
                    let from = |channel, filter| &w[((first + channel) * groups + to.group) * filters + filter..];
                    transpose([block.len, filters], from, |filter, channel, numbers| {
                        panel[filter * width + channel..][..numbers.len()].copy_from_slice(numbers);
                    });
                }
            }
        })
    }

    fn new(widths: Widths, groups: usize, rows: usize, channels: usize, fill: impl Fn(Blocks) + Sync) -> Self {
        let Widths { lanes, widest } = widths;
        let width = channels.next_multiple_of(lanes);
        let chunk = width.min(BLOCKS * widest * lanes);
        let mut numbers = Aligned::uncleared(groups * rows * width);
        numbers.par_chunks_mut(rows * width).enumerate().for_each(|(group, panels)| {
            panels.par_chunks_mut(rows * chunk).enumerate().for_each(|(index, numbers)| {
                let first = index * chunk;
                let blocks = blocks(chunk.min(channels - first), widest, lanes).collect();
                fill(Blocks { numbers, group, first, blocks, widths });
            });
        });
        Self { numbers, starts: vec![0.0; groups * width], width, rows }
    }

    /// The panel of a block of a group, and where its sums start.
    pub fn panel<S: Simd>(&self, group: usize, block: Block) -> (&[S::f32s], &[S::f32s]) {
        let width = block.vectors * S::F32_LANES;
        let panel = &self.numbers[self.rows * (group * self.width + block.start)..][..self.rows * width];
        let starts = &self.starts[group * self.width + block.start..][..width];
        (S::as_simd_f32s(panel).0, S::as_simd_f32s(starts).0)
    }
}

/// Copies a few numbers, and zeros after them.
fn copy_padded(from: &[f32], to: &mut [f32]) {
    let (eights, rest) = from.as_chunks::<8>();
    let (to_eights, _) = to.as_chunks_mut::<8>();
    for (to, from) in to_eights.iter_mut().zip(eights) {
        *to = *from;
    }
    for (to, from) in to[8 * eights.len()..].iter_mut().zip(rest.iter().chain(std::iter::repeat(&0.0))) {
        *to = *from;
    }
}
