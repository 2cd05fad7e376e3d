//! The product itself: tasks are some rows by some columns, a task goes over stages of the sums, blocks of columns and tiles
//! of rows.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Start;
use super::pack::LeftFactor;
use crate::InstructionSet;
use crate::aligned::Aligned;
use crate::kernel::panels::Panels;
use crate::kernel::tile::{Block, add, blocks, load, store, widest};

/// Rows of a tile: with 2 vectors of columns 12 sums for 16 registers, with 4 vectors 24 for 32.
const TILE: usize = 6;

/// The most terms that are summed at a time.
const STAGE: usize = 1200;

/// The most rows of a task: enough that it pays to read the right factor for them.
const ROWS: usize = 20 * TILE;

/// Columns of a task are a multiple of these, so that it begins with a block.
const COLUMNS: usize = 128;

/// A product whose slices go with each other.
#[derive(Debug)]
pub(super) struct Product<'a> {
    pub set: InstructionSet,
    pub panels: &'a Panels,
    pub a: LeftFactor<'a>,
    pub columns: usize,
    pub start: Start<'a>,
    pub c: &'a mut [f32],
}

impl<'a> Product<'a> {
    /// On the calling thread alone.
    pub fn here(self) {
        let set = self.set;
        self.tasks(1).into_iter().for_each(|task| set.dispatch(task));
    }

    /// On the threads of the current pool.
    pub fn on_all_threads(self) {
        let set = self.set;
        self.tasks(rayon::current_num_threads()).into_par_iter().for_each(|task| set.dispatch(task));
    }

    /// At least one for each thread, as far as there are rows and columns: no sum is divided by threads, so no bit depends on
    /// them.
    fn tasks(self, threads: usize) -> Vec<Task<'a>> {
        let Self { panels, a, columns, start, c, .. } = self;
        let count = a.count.max(1);
        let chunks = count.div_ceil(ROWS);
        let height = count.div_ceil(chunks).next_multiple_of(TILE);
        let width = columns.div_ceil(threads.div_ceil(chunks)).next_multiple_of(COLUMNS);
        let mut tasks = Vec::new();
        for (chunk, c) in c.chunks_mut(height.saturating_mul(columns)).enumerate() {
            let mut rows: Vec<_> = c.chunks_exact_mut(columns).map(|row| row.chunks_mut(width)).collect();
            for first_column in (0..columns).step_by(width) {
                let c = rows.iter_mut().filter_map(Iterator::next).collect();
                tasks.push(Task { panels, a, first_row: chunk * height, first_column, start, c });
            }
        }
        tasks
    }
}

/// Some rows and columns of a product.
struct Task<'a> {
    panels: &'a Panels,
    a: LeftFactor<'a>,
    first_row: usize,
    first_column: usize,
    start: Start<'a>,
    /// Of each row the columns.
    c: Vec<&'a mut [f32]>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (inner, columns) = (self.a.inner, self.c[0].len());
        let stage = inner.div_ceil(inner.div_ceil(STAGE));
        let mut packed = Aligned::uncleared(self.c.len().next_multiple_of(TILE) * stage);
        let (packed, _) = packed.as_chunks_mut::<TILE>();
        for first in (0..inner).step_by(stage) {
            let terms = first..inner.min(first + stage);
            let rows = self.first_row..self.first_row + self.c.len();
            // The last terms may be so few that there are more chunks than tiles.
            for (first, to) in rows.clone().step_by(TILE).zip(packed.chunks_exact_mut(terms.len())) {
                self.a.pack(first..rows.end.min(first + TILE), terms.clone(), to);
            }
            for block in blocks(columns, widest::<S>(), S::F32_LANES) {
                match block.vectors {
                    4 => self.block::<S, 4>(simd, packed, &terms, block),
                    2 => self.block::<S, 2>(simd, packed, &terms, block),
                    _ => self.block::<S, 1>(simd, packed, &terms, block),
                }
            }
        }
    }
}

impl Task<'_> {
    /// One block of columns of all rows.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize>(
        &mut self,
        simd: S,
        packed: &[[f32; TILE]],
        terms: &Range<usize>,
        block: Block,
    ) {
        let panel = self.panels.panel::<S>(0, Block { start: self.first_column + block.start, ..block }).0;
        let panel = panel[terms.start * VECTORS..terms.end * VECTORS].as_chunks::<VECTORS>().0;
        let replaces = !matches!(self.start, Start::There) && terms.start == 0;
        let first = match self.start {
            Start::Row(row) if replaces => load(simd, &row[self.first_column + block.start..][..block.len]),
            _ => [simd.splat_f32s(0.0); VECTORS],
        };
        for (tile, rows) in packed.chunks_exact(terms.len()).zip(self.c.chunks_mut(TILE)) {
            for (sum, row) in sums::<S, VECTORS>(simd, first, tile, panel).into_iter().zip(rows) {
                let to = &mut row[block.start..][..block.len];
                if replaces { store(simd, sum, to) } else { add(simd, sum, to) }
            }
        }
    }
}

/// `sums[i][v] = first[v] + sum over j of a[i][j] b[j][v]`
#[inline(always)]
fn sums<S: Simd, const VECTORS: usize>(
    simd: S,
    first: [S::f32s; VECTORS],
    a: &[[f32; TILE]],
    b: &[[S::f32s; VECTORS]],
) -> [[S::f32s; VECTORS]; TILE] {
    let mut sums = [first; TILE];
    for (a, b) in a.iter().zip(b) {
        for i in 0..TILE {
            let factor = simd.splat_f32s(a[i]);
            for v in 0..VECTORS {
                sums[i][v] = simd.mul_add_e_f32s(factor, b[v], sums[i][v]);
            }
        }
    }
    sums
}
