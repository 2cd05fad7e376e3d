//! The gates of an LSTM layer, step by step, for some rows of a batch: in each row those of all units for the input, to
//! forget, for the cell and for the output, one after the other.

use std::ops::Range;

use lookahead_nn::matrix::{Factor, Start};

use crate::fused::{sigmoid, tanh};

/// Some rows, step by step: before `run` the gates' parts from the inputs, after it the open gates and what they let by.
pub(super) struct ForwardRows<'a> {
    /// `[rows, 4 width]` of each step.
    pub(super) gates: Vec<&'a mut [f32]>,
    /// `[rows, width]` before the first step and after each.
    pub(super) hidden: Vec<&'a mut [f32]>,
    pub(super) cells: Vec<&'a mut [f32]>,
    /// tanh of the cells, `[rows, width]` after each step.
    pub(super) tanhs: Vec<&'a mut [f32]>,
}

/// Why no product refuses its slices: they hold as many whole rows as there are.
const CHECKED: &str = "rows of the layer's width";

impl ForwardRows<'_> {
    /// `recurrent` is U.
    pub(super) fn run(self, recurrent: &Factor) {
        let [width, _] = recurrent.shape();
        let mut hidden = self.hidden.into_iter();
        let mut cells = self.cells.into_iter();
        let (Some(mut hidden_before), Some(mut cells_before)) = (hidden.next(), cells.next()) else { return };
        let steps = self.gates.into_iter().zip(self.tanhs).zip(hidden.zip(cells));
        for ((gates, tanhs), (hidden, cells)) in steps {
            // gates += h_(t-1) U
            recurrent.multiply_here(hidden_before, Start::There, gates).expect(CHECKED);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (row, gates) in gates.chunks_exact_mut(4 * width).enumerate() {
                        let units = row * width..(row + 1) * width;
                        let (cells, cells_before) = (&mut cells[units.clone()], &cells_before[units.clone()]);
                        open_gates(gates, cells_before, cells, &mut tanhs[units.clone()], &mut hidden[units]);
                    }
                },
            );
            (hidden_before, cells_before) = (hidden, cells);
        }
    }
}

/// One row: the gates opened, and what they let by.
#[inline(always)]
fn open_gates(gates: &mut [f32], cells_before: &[f32], cells: &mut [f32], tanhs: &mut [f32], hidden: &mut [f32]) {
    let width = cells.len();
    let [input, forget, cell, output] = quarters(gates, width);
    let (cells_before, tanhs, hidden) = (&cells_before[..width], &mut tanhs[..width], &mut hidden[..width]);
    for unit in 0..width {
        input[unit] = sigmoid(input[unit]);
        forget[unit] = sigmoid(forget[unit]);
        cell[unit] = tanh(cell[unit]);
        output[unit] = sigmoid(output[unit]);
        // c_t = f c_(t-1) + i g, h_t = o tanh(c_t)
        cells[unit] = forget[unit] * cells_before[unit] + input[unit] * cell[unit];
        tanhs[unit] = tanh(cells[unit]);
        hidden[unit] = output[unit] * tanhs[unit];
    }
}

/// Some rows of `[steps, batch, width]`.
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
    pub(super) batch: usize,
    pub(super) rows: Range<usize>,
}

impl<'a> Rows<'a> {
    fn at(&self, step: usize) -> &'a [f32] {
        let first = step * self.batch;
        &self.values[(first + self.rows.start) * self.width..(first + self.rows.end) * self.width]
    }
}

/// Some rows, step by step: before `run` the open gates, after it the loss's gradient by what each gate was given.
pub(super) struct BackwardRows<'a> {
    /// `[rows, 4 width]` of each step.
    pub(super) gates: Vec<&'a mut [f32]>,
    /// Before the first step and after each.
    pub(super) cells: Rows<'a>,
    /// tanh of the cells, after each step.
    pub(super) tanhs: Rows<'a>,
    /// The gradient by the outputs that comes from above, of each step.
    pub(super) upstream: Rows<'a>,
}

impl BackwardRows<'_> {
    /// `recurrent` is U^T.
    pub(super) fn run(mut self, recurrent: &Factor) {
        let [_, width] = recurrent.shape();
        let rows = self.cells.rows.len();
        let mut d_hidden = vec![0.0; rows * width];
        let mut d_cells = vec![0.0; rows * width];
        let mut after: Option<&[f32]> = None;
        for (step, gates) in self.gates.iter_mut().enumerate().rev() {
            // dh_t = what comes from above + dgates_(t+1) U^T
            d_hidden.copy_from_slice(self.upstream.at(step));
            if let Some(after) = after {
                recurrent.multiply_here(after, Start::There, &mut d_hidden).expect(CHECKED);
            }
            let (cells_before, tanhs) = (self.cells.at(step), self.tanhs.at(step));
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (row, gates) in gates.chunks_exact_mut(4 * width).enumerate() {
                        let units = row * width..(row + 1) * width;
                        let (cells_before, tanhs) = (&cells_before[units.clone()], &tanhs[units.clone()]);
                        gradient(gates, cells_before, tanhs, &d_hidden[units.clone()], &mut d_cells[units]);
                    }
                },
            );
            after = Some(gates);
        }
    }
}

/// One row: the gradient by the gates' inputs written over the gates, and that by the cells before over that by the cells
/// after, without what their outputs add.
#[inline(always)]
fn gradient(gates: &mut [f32], cells_before: &[f32], tanhs: &[f32], d_hidden: &[f32], d_cells: &mut [f32]) {
    let width = d_cells.len();
    let [input, forget, cell, output] = quarters(gates, width);
    let (cells_before, tanhs, d_hidden) = (&cells_before[..width], &tanhs[..width], &d_hidden[..width]);
    for unit in 0..width {
        let (i, f, g, o) = (input[unit], forget[unit], cell[unit], output[unit]);
        // dc_t = dc_t + dh_t o (1 - tanh(c_t)^2), dc_(t-1) = dc_t f
        let d_cell = d_cells[unit] + d_hidden[unit] * o * (1.0 - tanhs[unit] * tanhs[unit]);
        d_cells[unit] = d_cell * f;
        // sigmoid' = s (1 - s), tanh' = 1 - tanh^2
        input[unit] = d_cell * g * i * (1.0 - i);
        forget[unit] = d_cell * cells_before[unit] * f * (1.0 - f);
        cell[unit] = d_cell * i * (1.0 - g * g);
        output[unit] = d_hidden[unit] * tanhs[unit] * o * (1.0 - o);
    }
}

/// The four gates of a row.
#[inline(always)]
fn quarters(gates: &mut [f32], width: usize) -> [&mut [f32]; 4] {
    let (input, rest) = gates.split_at_mut(width);
    let (forget, rest) = rest.split_at_mut(width);
    let (cell, output) = rest.split_at_mut(width);
    [input, forget, cell, &mut output[..width]]
}
