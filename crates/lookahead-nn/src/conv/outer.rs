//! Sums of outer products: rows of numbers at pixels, times the gradients of filters at the same pixels.

use pulp::{Simd, WithSimd};

use crate::InstructionSet;
use crate::aligned::Aligned;
use crate::kernel::tile::{Block, add, blocks, widest};

/// Memory for gradients.
#[derive(Debug)]
pub(super) struct Gradients(Aligned);

/// Gradients of filters at pixels, block by block as wide as the tiles: `[block][pixel][filter]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    pub numbers: &'a [f32],
    pub pixels: usize,
    pub filters: usize,
}

/// No vector is longer.
const LONGEST_VECTOR: usize = 16;

impl Gradients {
    /// Room for so many.
    pub fn new(pixels: usize, filters: usize) -> Self {
        Self(Aligned::uncleared(pixels * filters.next_multiple_of(LONGEST_VECTOR)))
    }

    /// The first `filters` numbers at each place, zeros where vectors hold more.
    pub fn pack(&mut self, set: InstructionSet, from: &[f32], places: &[usize], filters: usize) -> Packed<'_> {
        set.dispatch(Pack { from, places, filters, to: &mut self.0 });
        Packed { numbers: &self.0, pixels: places.len(), filters }
    }
}

struct Pack<'a> {
    from: &'a [f32],
    places: &'a [usize],
    filters: usize,
    to: &'a mut [f32],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, places, filters, to } = self;
        for block in blocks(filters, widest::<S>(), S::F32_LANES) {
            let width = block.vectors * S::F32_LANES;
            let to = to[places.len() * block.start..][..places.len() * width].chunks_exact_mut(width);
            for (to, place) in to.zip(places) {
                let from = &from[place + block.start..][..block.len];
                let (to, _) = S::as_mut_simd_f32s(to);
                if block.len == width {
                    let (from, _) = S::as_simd_f32s(from);
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                } else {
                    // Only one vector is not full.
                    to[0] = simd.partial_load_f32s(from);
                }
            }
        }
    }
}

/// `sums[row][k] += sum over pixels p of x[sources[p] + row] dy[p][k]`, for `rows` rows.
pub(super) struct Outer<'a> {
    pub x: &'a [f32],
    pub sources: &'a [usize],
    pub gradients: Packed<'a>,
    pub rows: usize,
    /// From a row of sums to the next.
    pub columns: usize,
    pub sums: &'a mut [f32],
}

/// The height of the next tile where so many rows are left, so that few end in tiles of one row.
const NEXT: [usize; 12] = [0, 1, 1, 3, 4, 4, 6, 4, 4, 6, 6, 4];

impl WithSimd for Outer<'_> {
    type Output = ();

    /// In tiles as tall as the registers allow.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let first_block = blocks(self.gradients.filters, widest::<S>(), S::F32_LANES).next();
        let tallest = if first_block.is_some_and(|block| fits::<S>(12, block.vectors)) { 12 } else { 6 };
        let mut row = 0;
        while row < self.rows {
            let height = NEXT.get(self.rows - row).copied().unwrap_or(tallest);
            match height {
                12 => self.add_tiles::<S, 12>(simd, row),
                6 => self.add_tiles::<S, 6>(simd, row),
                4 => self.add_tiles::<S, 4>(simd, row),
                3 => self.add_tiles::<S, 3>(simd, row),
                _ => self.add_tiles::<S, 1>(simd, row),
            }
            row += height;
        }
    }
}

impl Outer<'_> {
    /// Some rows of all blocks of filters.
    #[inline(always)]
    fn add_tiles<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        for block in blocks(self.gradients.filters, widest::<S>(), S::F32_LANES) {
            match block.vectors {
                4 if fits::<S>(ROWS, 4) => self.add_tile::<S, ROWS, 4>(simd, row, block),
                2 if fits::<S>(ROWS, 2) => self.add_tile::<S, ROWS, 2>(simd, row, block),
                _ => self.add_tile::<S, ROWS, 1>(simd, row, block),
            }
        }
    }

    #[inline(always)]
    fn add_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(&mut self, simd: S, row: usize, block: Block) {
        let Packed { numbers, pixels, .. } = self.gradients;
        let (dy, _) = S::as_simd_f32s(&numbers[pixels * block.start..][..pixels * VECTORS * S::F32_LANES]);
        let (dy, _) = dy.as_chunks::<VECTORS>();
        let x = &self.x[row..];
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        for (source, dy) in self.sources.iter().zip(dy) {
            let x = &x[*source..][..ROWS];
            // sums[i][v] += x[i] dy[v]
            for i in 0..ROWS {
                let factor = simd.splat_f32s(x[i]);
                for v in 0..VECTORS {
                    sums[i][v] = simd.mul_add_e_f32s(factor, dy[v], sums[i][v]);
                }
            }
        }
        let rows = self.sums[row * self.columns + block.start..].chunks_mut(self.columns);
        for (row, sums) in rows.zip(sums) {
            add(simd, sums, &mut row[..block.len]);
        }
    }
}

/// Whether the registers hold such a tile.
const fn fits<S: Simd>(rows: usize, vectors: usize) -> bool {
    rows * vectors <= if widest::<S>() == 2 { 12 } else { 24 }
}
