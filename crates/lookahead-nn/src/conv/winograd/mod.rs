//! Winograd's convolutions (Lavin and Gray 2015), where the transforms cost less than they save: F(2x2, 3x3), 16
//! multiplications for 36, and F(4x4, 3x3), 36 for 144.

mod convolve;
mod filters;
mod planes;
mod tiles;
mod transforms;
mod weights;

use super::Algorithm;
use super::plan::Grid;
use super::shape::ConvShape;
use crate::InstructionSet;
use crate::kernel::panels::Widths;
use convolve::convolve;
use tiles::Tiles;

/// Channels come in whole vectors, whatever the instructions.
const CHANNELS: usize = 16;

/// Tiles that are multiplied together, of 2x2 and of 4x4 outputs: enough for the weights that stream past, few enough for the
/// cache ...
const TILES: usize = 64;
const LARGE_TILES: usize = 48;

/// ... and those that are summed before the sum is added: short sums are more accurate.
const SUMMED_TILES: usize = 64;
const LARGE_SUMMED_TILES: usize = 32;

/// A 3x3 convolution of stride 1 that is worth its transforms.
#[derive(Debug)]
pub(super) struct Winograd {
    input: Grid,
    output: Grid,
    before: [isize; 2],
    batch: usize,
    tile: TileSize,
}

/// The outputs of a tile. Its sides, of outputs and of inputs, are the constants `OUT` and `IN` of types and functions.
#[derive(Debug, Clone, Copy)]
enum TileSize {
    TwoByTwo,
    FourByFour,
}

impl Winograd {
    /// None where another algorithm is asked for, the shape is another, or transforming the weights would outweigh what the
    /// tiles save.
    pub fn of(algorithm: Algorithm, shape: &ConvShape, [input, output]: [Grid; 2]) -> Option<Self> {
        let plain = shape.kernel == [3, 3] && shape.stride == [1, 1] && shape.dilation == [1, 1] && shape.groups == 1;
        let (channels, filters) = (input.channels, output.channels);
        let whole = channels.is_multiple_of(CHANNELS)
            && filters.is_multiple_of(CHANNELS)
            && channels.min(filters) >= 2 * CHANNELS;
        if !(plain && whole) || algorithm == Algorithm::Direct {
            return None;
        }
        let batch = shape.input[0];
        let (small, large) = (Tiles::<2>::count(output, batch), Tiles::<4>::count(output, batch));
        let most_channels = channels.max(filters);
        let tile = if algorithm == Algorithm::Winograd4x4 && large >= most_channels / 4 && 3 * large <= small {
            TileSize::FourByFour
        } else if small >= most_channels / 2 {
            TileSize::TwoByTwo
        } else {
            return None;
        };
        // Sizes fit in isize: the shape was checked.
        let before = [shape.padding.top as isize, shape.padding.left as isize];
        Some(Self { input, output, before, batch, tile })
    }

    pub fn forward(&self, set: InstructionSet, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
        self.convolve(set, ([self.input, self.output], self.before), (w, bias), x, y);
    }

    /// The same with the weights turned round, and the padding that is left of the kernel's two zeros.
    pub fn backward_data(&self, set: InstructionSet, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let before = self.before.map(|before| 2 - before);
        let turned = filters::turned(w, self.input.channels, self.output.channels);
        self.convolve(set, ([self.output, self.input], before), (&turned, None), dy, dx);
    }

    fn convolve(
        &self,
        set: InstructionSet,
        (grids, before): ([Grid; 2], [isize; 2]),
        weights: (&[f32], Option<&[f32]>),
        source: &[f32],
        target: &mut [f32],
    ) {
        // No sum runs over images, so bits do not depend on how many there are.
        let images = self.batch.div_ceil(rayon::current_num_threads());
        match self.tile {
            TileSize::TwoByTwo => {
                convolve::<2, 4>(set, &Tiles::new(grids, before, images, TILES), weights, source, target);
            }
            TileSize::FourByFour => {
                convolve::<4, 6>(set, &Tiles::new(grids, before, images, LARGE_TILES), weights, source, target);
            }
        }
    }

    pub fn backward_weight(&self, set: InstructionSet, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        let (grids, before, images) = ([self.input, self.output], self.before, self.batch);
        match self.tile {
            TileSize::TwoByTwo => {
                weights::gradient::<2, 4>(set, &Tiles::new(grids, before, images, SUMMED_TILES), x, dy, dw);
            }
            TileSize::FourByFour => {
                weights::gradient::<4, 6>(set, &Tiles::new(grids, before, images, LARGE_SUMMED_TILES), x, dy, dw);
            }
        }
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
