//! Matrix products on slices, shared out among the threads of the current pool.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// The fewest multiplications worth a thread.
const WORTH_A_THREAD: usize = 1 << 20;

/// `into` = `a` `b`, or + `a` `b`. Every element is summed in the same order however many threads there are.
pub(in super::super) fn product(into: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    let work = into.nrows() * into.ncols() * a.ncols();
    share(into, accum, a, b, rayon::current_num_threads().min(work / WORTH_A_THREAD));
}

fn share(into: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, threads: usize) {
    if threads < 2 {
        return matmul(into, accum, a, b, 1.0, Par::Seq);
    }
    let left = threads / 2;
    let half = |extent: usize| (extent * left / threads).next_multiple_of(16).min(extent);
    if into.nrows() > into.ncols() {
        let row = half(into.nrows());
        let (first, second) = into.split_at_row_mut(row);
        let (a_first, a_second) = a.split_at_row(row);
        rayon::join(|| share(first, accum, a_first, b, left), || share(second, accum, a_second, b, threads - left));
    } else {
        let column = half(into.ncols());
        let (first, second) = into.split_at_col_mut(column);
        let (b_first, b_second) = b.split_at_col(column);
        rayon::join(|| share(first, accum, a, b_first, left), || share(second, accum, a, b_second, threads - left));
    }
}
