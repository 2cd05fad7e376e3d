//! The two passes over memory of the backward pass: the sums over g, the gradient of the normalised values, and dx.

use std::ops::Range;

use super::Upstream;
use super::pieces::for_each_piece;
use super::relu::{mask, passed};
use super::rows::Rows;
use super::sums::{BLOCK, Sums};

/// g, the gradient of the normalised values before the addition, summed over pixels for each channel: `first` is sum g,
/// `second` is sum g (x - mean). Writes g to `d_added`, if there is one.
pub(super) fn sums(rows: Rows, x: &[f32], mean: &[f64], above: Upstream<'_>, d_added: Option<&mut [f32]>) -> Sums {
    let part = rows.part();
    let count = x.len().div_ceil(part);
    let written: Vec<Option<&mut [f32]>> = match d_added {
        Some(d_added) => d_added.chunks_mut(part).map(Some).collect(),
        None => (0..count).map(|_| None).collect(),
    };
    let mean = rows.spread(mean.iter().copied());
    Sums::of_parts(
        rows,
        written.into_iter().enumerate().collect(),
        #[inline(always)]
        |((index, mut written), sums): ((usize, Option<&mut [f32]>), &mut Sums)| {
            let mut scratch = vec![0.0; BLOCK * rows.width()];
            let start = index * part;
            let end = x.len().min(start + part);
            for at in (start..end).step_by(scratch.len()) {
                let block = at..end.min(at + scratch.len());
                let g = match (&mut written, above.relu_output) {
                    (None, None) => &above.dy[block.clone()],
                    (None, Some(_)) => above.copy(block.clone(), &mut scratch[..block.len()]),
                    (Some(g), _) => above.copy(block.clone(), &mut g[block.start - start..block.end - start]),
                };
                sums.add_products(g, &x[block], &mean);
            }
        },
    )
}

impl Upstream<'_> {
    /// Writes some elements of g.
    #[inline(always)]
    fn copy(self, elements: Range<usize>, g: &mut [f32]) -> &[f32] {
        match self.relu_output {
            Some(y) => mask(g, &y[elements.clone()], &self.dy[elements]),
            None => g.copy_from_slice(&self.dy[elements]),
        }
        g
    }
}

/// dx = slope g + tilt (x - mean) + offset: in f32, for each element of a row.
#[derive(Debug)]
pub(super) struct InputGradient {
    mean: Vec<f32>,
    slope: Vec<f32>,
    tilt: Vec<f32>,
    offset: Vec<f32>,
}

impl InputGradient {
    /// Given slope, tilt and offset of each channel.
    pub(super) fn new(rows: Rows, mean: &[f64], slope: &[f64], tilt: &[f64], offset: &[f64]) -> Self {
        // What the mean loses as an f32 goes into the offset: near the mean, x - mean is exact then.
        let offsets = mean.iter().zip(tilt).zip(offset).map(|((&mean, tilt), offset)| {
            let rest = mean - f64::from(mean as f32);
            (offset - tilt * rest) as f32
        });
        let spread = |values: &[f64]| rows.spread(values.iter().map(|&value| value as f32));
        Self { mean: spread(mean), slope: spread(slope), tilt: spread(tilt), offset: rows.spread(offsets) }
    }

    /// Writes dx from x and what arrives from above.
    pub(super) fn write(&self, rows: Rows, x: &[f32], above: Upstream<'_>, dx: &mut [f32]) {
        for_each_piece(
            dx,
            rows.piece(),
            #[inline(always)]
            |(start, dx)| {
                for (row, dx) in dx.chunks_mut(rows.width()).enumerate() {
                    let start = start + row * rows.width();
                    let elements = start..start + dx.len();
                    let (x, dy) = (&x[elements.clone()], &above.dy[elements.clone()]);
                    match above.relu_output {
                        Some(y) => self.row(dx, x, dy, &y[elements], passed),
                        None => self.row(dx, x, dy, dy, |dy, _| dy),
                    }
                }
            },
        );
    }

    /// dx = slope g + (tilt (x - mean) + offset), where `g` makes g of dy and y
    #[inline(always)]
    fn row(&self, dx: &mut [f32], x: &[f32], dy: &[f32], y: &[f32], g: impl Fn(f32, f32) -> f32) {
        let lines = self.slope.iter().zip(&self.tilt).zip(&self.mean).zip(&self.offset);
        for ((((dx, x), &dy), &y), (((slope, tilt), mean), offset)) in dx.iter_mut().zip(x).zip(dy).zip(y).zip(lines) {
            *dx = slope * g(dy, y) + (tilt * (x - mean) + offset);
        }
    }
}
