//! Winograd's convolution F(2x2, 3x3): 16 multiplications for 36, where the transforms cost less than they save.

mod convolve;
mod filters;
mod planes;
mod tiles;
mod transforms;
mod weights;

use super::plan::Grid;
use super::shape::ConvShape;
use crate::InstructionSet;
use crate::kernel::panels::Widths;
use tiles::Tiles;

/// Channels come in whole vectors, whatever the instructions.
const CHANNELS: usize = 16;

/// Tiles that are multiplied together: enough for the weights that stream past, few enough for the cache ...
const TILES: usize = 64;

/// ... and those that are summed before the sum is added: short sums are more accurate.
const SUMMED_TILES: usize = 64;

/// A 3x3 convolution of stride 1 that is worth its transforms.
#[derive(Debug)]
pub(super) struct Winograd {
    input: Grid,
    output: Grid,
    before: [isize; 2],
    batch: usize,
}

impl Winograd {
    /// None where the shape is another, or where transforming the weights would outweigh what the tiles save.
    pub fn of(shape: &ConvShape, [input, output]: [Grid; 2]) -> Option<Self> {
        let plain = shape.kernel == [3, 3] && shape.stride == [1, 1] && shape.dilation == [1, 1] && shape.groups == 1;
        let (channels, filters) = (input.channels, output.channels);
        let whole = channels.is_multiple_of(CHANNELS)
            && filters.is_multiple_of(CHANNELS)
            && channels.min(filters) >= 2 * CHANNELS;
        let enough = Tiles::count(output, shape.input[0]) >= channels.max(filters) / 2;
        (plain && whole && enough).then(|| {
            // Sizes fit in isize: the shape was checked.
            let before = [shape.padding.top as isize, shape.padding.left as isize];
            Self { input, output, before, batch: shape.input[0] }
        })
    }

    pub fn forward(&self, set: InstructionSet, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let tiles = Tiles::new([self.input, self.output], self.before, self.images_per_thread(), TILES);
        convolve::convolve(set, &tiles, (w, bias), x, y);
    }

    /// The same with the weights turned round, and the padding that is left of the kernel's two zeros.
    pub fn backward_data(&self, set: InstructionSet, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let before = self.before.map(|before| 2 - before);
        let tiles = Tiles::new([self.output, self.input], before, self.images_per_thread(), TILES);
        let turned = filters::turned(w, self.input.channels, self.output.channels);
        convolve::convolve(set, &tiles, (&turned, None), dy, dx);
    }

    pub fn backward_weight(&self, set: InstructionSet, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        let tiles = Tiles::new([self.input, self.output], self.before, self.batch, SUMMED_TILES);
        weights::gradient(set, &tiles, x, dy, dw);
    }

    /// No sum runs over images, so bits do not depend on it.
    fn images_per_thread(&self) -> usize {
        self.batch.div_ceil(rayon::current_num_threads())
    }
}

/// How many filters are multiplied at a time: as many as fit a tile of the widest vectors and divide all.
fn width(set: InstructionSet, filters: usize) -> usize {
    let Widths { lanes, mut widest } = Widths::of(set);
    while !filters.is_multiple_of(widest * lanes) {
        widest /= 2;
    }
    widest * lanes
}
