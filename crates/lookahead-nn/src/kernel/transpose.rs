//! Transposing a matrix in tiles, so that neither side is walked through across its rows.

/// The side of a tile: a cache line of numbers.
pub(crate) const SIDE: usize = 16;

/// Transposes a matrix of `rows` rows of `columns` numbers each: `from(i, j)` begins at number j of row i, and
/// `to(j, i, numbers)` takes those of column j from row i on.
pub(crate) fn transpose<'a>(
    [rows, columns]: [usize; 2],
    from: impl Fn(usize, usize) -> &'a [f32],
    mut to: impl FnMut(usize, usize, &[f32]),
) {
    for first_row in (0..rows).step_by(SIDE) {
        let height = SIDE.min(rows - first_row);
        for first_column in (0..columns).step_by(SIDE) {
            let width = SIDE.min(columns - first_column);
            let mut tile = [[0.0; SIDE]; SIDE];
            for (i, row) in tile[..height].iter_mut().enumerate() {
                row[..width].copy_from_slice(&from(first_row + i, first_column)[..width]);
            }
            for j in 0..width {
                let mut column = [0.0; SIDE];
                for (to, row) in column.iter_mut().zip(&tile) {
                    *to = row[j];
                }
                to(first_column + j, first_row, &column[..height]);
            }
        }
    }
}
