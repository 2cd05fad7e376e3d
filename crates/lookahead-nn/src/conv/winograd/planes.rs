//! Transformed tiles: of each product a plane.

use pulp::Simd;

use super::tiles::{Task, Tiles};
use super::transforms::{Input, OutputGradient, Transform, both_ways};
use crate::aligned::Aligned;
use crate::kernel::tile::{blocks, widest};

/// From a plane to the next: a line more than it holds, because planes a power of two apart would share sets of the cache.
pub(super) const fn stride(tiles: usize, channels: usize) -> usize {
    tiles * channels + 16
}

/// `V = B' d B` of the tiles of a task, each plane `[tile][channel]`.
#[inline(always)]
pub(super) fn inputs<S: Simd, const OUT: usize, const IN: usize>(
    simd: S,
    tiles: &Tiles<OUT>,
    task: Task,
    source: &[f32],
    planes: &mut [f32],
) where
    Input: Transform<IN, IN>,
{
    let channels = tiles.source.channels;
    let mut planes = split_mut::<S, IN>(planes, stride(tiles.most(), channels), tiles.most() * channels);
    let outside = Aligned::zeros(channels);
    let vectors = channels / S::F32_LANES;
    for (index, tile) in tiles.of(task).enumerate() {
        let pixels = gather::<S, IN>(source, &tiles.inputs(tile), &outside);
        for v in 0..vectors {
            let products = both_ways::<S, Input, IN, IN>(simd, tile_at(simd, &pixels, v));
            set_tile_at::<S, IN>(&mut planes, index * vectors + v, products);
        }
    }
}

/// `Z = A dy A'` of the tiles of a task, each plane in the order of [`Packed`](super::super::outer::Packed) gradients.
#[inline(always)]
pub(super) fn output_gradients<S: Simd, const OUT: usize, const IN: usize>(
    simd: S,
    tiles: &Tiles<OUT>,
    task: Task,
    dy: &[f32],
    planes: &mut [f32],
) where
    OutputGradient: Transform<OUT, IN>,
{
    let channels = tiles.target.channels;
    let mut planes = split_mut::<S, IN>(planes, stride(tiles.most(), channels), tiles.most() * channels);
    let outside = Aligned::zeros(channels);
    let count = tiles.of(task).count();
    for (index, tile) in tiles.of(task).enumerate() {
        let gradients = gather::<S, OUT>(dy, &tiles.outputs(task, tile), &outside);
        for block in blocks(channels, widest::<S>(), S::F32_LANES) {
            let first = block.start / S::F32_LANES;
            for v in 0..block.vectors {
                let products = both_ways::<S, OutputGradient, OUT, IN>(simd, tile_at(simd, &gradients, first + v));
                set_tile_at::<S, IN>(&mut planes, count * first + index * block.vectors + v, products);
            }
        }
    }
}

/// The vectors of the pixels of a tile, zeros outside of the image.
#[inline(always)]
fn gather<'a, S: Simd, const SIDE: usize>(
    pixels: &'a [f32],
    places: &[[Option<usize>; SIDE]; SIDE],
    outside: &'a [f32],
) -> [[&'a [S::f32s]; SIDE]; SIDE] {
    let mut gathered = [[S::as_simd_f32s(outside).0; SIDE]; SIDE];
    for i in 0..SIDE {
        for j in 0..SIDE {
            if let Some(place) = places[i][j] {
                gathered[i][j] = S::as_simd_f32s(&pixels[place..][..outside.len()]).0;
            }
        }
    }
    gathered
}

/// Reads a vector of each pixel or plane.
#[inline(always)]
pub(super) fn tile_at<S: Simd, const SIDE: usize>(
    simd: S,
    planes: &[[&[S::f32s]; SIDE]; SIDE],
    vector: usize,
) -> [[S::f32s; SIDE]; SIDE] {
    let mut tile = [[simd.splat_f32s(0.0); SIDE]; SIDE];
    for i in 0..SIDE {
        for j in 0..SIDE {
            tile[i][j] = planes[i][j][vector];
        }
    }
    tile
}

/// Writes a vector of each plane.
#[inline(always)]
pub(super) fn set_tile_at<S: Simd, const SIDE: usize>(
    planes: &mut [[&mut [S::f32s]; SIDE]; SIDE],
    vector: usize,
    tile: [[S::f32s; SIDE]; SIDE],
) {
    for i in 0..SIDE {
        for j in 0..SIDE {
            planes[i][j][vector] = tile[i][j];
        }
    }
}

/// The first `len` numbers of each plane, as vectors. All are equally long, so one check of a place is enough for all.
#[inline(always)]
pub(super) fn split<S: Simd, const SIDE: usize>(
    planes: &[f32],
    stride: usize,
    len: usize,
) -> [[&[S::f32s]; SIDE]; SIDE] {
    let mut parts = [[&[][..]; SIDE]; SIDE];
    for (product, part) in parts.as_flattened_mut().iter_mut().enumerate() {
        *part = S::as_simd_f32s(&planes[product * stride..][..len]).0;
    }
    parts
}

/// The same, to be written.
#[inline(always)]
pub(super) fn split_mut<S: Simd, const SIDE: usize>(
    mut planes: &mut [f32],
    stride: usize,
    len: usize,
) -> [[&mut [S::f32s]; SIDE]; SIDE] {
    let mut parts = [(); SIDE].map(|()| [(); SIDE].map(|()| Default::default()));
    for part in parts.as_flattened_mut() {
        let (plane, rest) = planes.split_at_mut(stride.min(planes.len()));
        *part = S::as_mut_simd_f32s(&mut plane[..len]).0;
        planes = rest;
    }
    parts
}
