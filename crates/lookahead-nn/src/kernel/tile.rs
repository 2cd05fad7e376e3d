//! The register tile that all products are made of, and the blocks of channels that tiles are as wide as.

use pulp::Simd;

/// Vectors of target channels that are computed at a time.
///
/// Of 16 registers, 12 hold sums: 6 pixels by 2 vectors. Of 32, 16 do: more pixels would not leave the processor's other
/// registers enough room for their addresses.
pub(crate) const fn widest<S: Simd>() -> usize {
    if S::REGISTER_COUNT == 16 && !S::IS_SCALAR { 2 } else { 4 }
}

/// A block of target channels: as many vectors as fit, the last blocks narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its first channel.
    pub start: usize,
    /// Vectors: a power of two.
    pub vectors: usize,
    /// Channels: fewer than the vectors hold only in the last block.
    pub len: usize,
}

/// The blocks of `channels`, with at most `widest` vectors of `lanes` numbers.
pub(crate) fn blocks(channels: usize, widest: usize, lanes: usize) -> impl Iterator<Item = Block> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let left = channels - start;
        let mut vectors = widest;
        while vectors > 1 && vectors * lanes > left {
            vectors /= 2;
        }
        let block = Block { start, vectors, len: left.min(vectors * lanes) };
        start += block.len;
        (block.len > 0).then_some(block)
    })
}

/// Consecutive numbers of a source pixel and its neighbours, with as many rows of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// From the pixel's source.
    pub offset: usize,
    /// The first row of the panel.
    pub row: usize,
    pub len: usize,
}

/// `start`, and the runs of each of some pixels times the rows of a panel: `runs` begin at `at` in the source.
#[inline(always)]
pub(crate) fn sum_runs<S: Simd, const PIXELS: usize, const VECTORS: usize>(
    simd: S,
    start: [S::f32s; VECTORS],
    source: &[f32],
    at: [usize; PIXELS],
    runs: &[Run],
    panel: &[S::f32s],
) -> [[S::f32s; VECTORS]; PIXELS] {
    let mut sums = [start; PIXELS];
    for run in runs {
        let mut pixels = [&source[..0]; PIXELS];
        for (pixel, at) in pixels.iter_mut().zip(at) {
            *pixel = &source[at + run.offset..][..run.len];
        }
        let (weights, _) = panel[run.row * VECTORS..][..run.len * VECTORS].as_chunks::<VECTORS>();
        // sums[i][v] += pixels[i][j] weights[j][v]
        for (j, weights) in (0..run.len).zip(weights) {
            for i in 0..PIXELS {
                let factor = simd.splat_f32s(pixels[i][j]);
                for v in 0..VECTORS {
                    sums[i][v] = simd.mul_add_e_f32s(factor, weights[v], sums[i][v]);
                }
            }
        }
    }
    sums
}

/// A tile's pixels, filled up with the last if there are too few.
#[inline(always)]
pub(crate) fn filled<const PIXELS: usize>(places: &[usize]) -> [usize; PIXELS] {
    let last = places.len() - 1;
    let mut filled = [places[last]; PIXELS];
    for (to, place) in filled.iter_mut().zip(places) {
        *to = *place;
    }
    filled
}

/// Writes the vectors of a block; only one vector alone may be longer than the block.
#[inline(always)]
pub(crate) fn store<S: Simd, const VECTORS: usize>(simd: S, values: [S::f32s; VECTORS], to: &mut [f32]) {
    if VECTORS > 1 || to.len() == S::F32_LANES {
        S::as_mut_simd_f32s(to).0.copy_from_slice(&values);
    } else {
        simd.partial_store_f32s(to, values[0]);
    }
}

/// Reads the vectors of a block; only one vector alone may be longer than the block, and then ends in zeros.
#[inline(always)]
pub(crate) fn load<S: Simd, const VECTORS: usize>(simd: S, from: &[f32]) -> [S::f32s; VECTORS] {
    let mut vectors = [simd.splat_f32s(0.0); VECTORS];
    if VECTORS > 1 || from.len() == S::F32_LANES {
        vectors.copy_from_slice(S::as_simd_f32s(from).0);
    } else {
        vectors[0] = simd.partial_load_f32s(from);
    }
    vectors
}

/// Adds the vectors to a block.
#[inline(always)]
pub(crate) fn add<S: Simd, const VECTORS: usize>(simd: S, values: [S::f32s; VECTORS], to: &mut [f32]) {
    let mut sums = load::<S, VECTORS>(simd, to);
    for v in 0..VECTORS {
        sums[v] = simd.add_f32s(sums[v], values[v]);
    }
    store(simd, sums, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_channels() {
        let starts = |channels| blocks(channels, 4, 8).map(|b| (b.start, b.vectors, b.len)).collect::<Vec<_>>();
        assert_eq!(starts(64), [(0, 4, 32), (32, 4, 32)]);
        assert_eq!(starts(61), [(0, 4, 32), (32, 2, 16), (48, 1, 8), (56, 1, 5)]);
        assert_eq!(starts(3), [(0, 1, 3)]);
    }
}
