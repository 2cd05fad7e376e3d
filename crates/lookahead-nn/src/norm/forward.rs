//! The forward pass once the statistics are known, with its [`Epilogue`].

use super::Epilogue;
use super::pieces::for_each_piece;
use super::relu::at_least;
use super::rows::Rows;

/// What is subtracted, multiplied and added for each channel: in f32, for each element of a row.
#[derive(Debug)]
pub(super) struct Coefficients {
    mean: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Coefficients {
    /// `mean` and `scale` = rstd gamma for each channel.
    pub(super) fn new(rows: Rows, mean: &[f64], scale: &[f64], beta: &[f32]) -> Self {
        // What the mean loses as an f32 goes into the shift: near the mean, x - mean is exact then.
        let shifts = mean.iter().zip(scale).zip(beta).map(|((&mean, scale), &beta)| {
            let rest = mean - f64::from(mean as f32);
            (f64::from(beta) - rest * scale) as f32
        });
        Self {
            mean: rows.spread(mean.iter().map(|&mean| mean as f32)),
            scale: rows.spread(scale.iter().map(|&scale| scale as f32)),
            shift: rows.spread(shifts),
        }
    }

    /// Normalises `x` into `y`, of one length.
    pub(super) fn apply(&self, rows: Rows, x: &[f32], epilogue: Epilogue<'_>, y: &mut [f32]) {
        let (width, floor) = (rows.width(), epilogue.floor());
        for_each_piece(
            y,
            rows.piece(),
            #[inline(always)]
            |(start, y)| {
                let rows = y.chunks_mut(width).zip(x[start..].chunks(width));
                match epilogue.added {
                    None => {
                        for (y, x) in rows {
                            self.row(y, x, floor);
                        }
                    }
                    Some(added) => {
                        for ((y, x), added) in rows.zip(added[start..].chunks(width)) {
                            self.row_with_added(y, x, added, floor);
                        }
                    }
                }
            },
        );
    }

    /// y = max((x - mean) scale + shift, floor)
    #[inline(always)]
    fn row(&self, y: &mut [f32], x: &[f32], floor: f32) {
        for ((((y, &x), mean), scale), shift) in y.iter_mut().zip(x).zip(&self.mean).zip(&self.scale).zip(&self.shift) {
            *y = at_least(floor, (x - mean) * scale + shift);
        }
    }

    /// y = max((x - mean) scale + shift + added, floor)
    #[inline(always)]
    fn row_with_added(&self, y: &mut [f32], x: &[f32], added: &[f32], floor: f32) {
        let coefficients = self.mean.iter().zip(&self.scale).zip(&self.shift);
        for (((y, &x), &added), ((mean, scale), shift)) in y.iter_mut().zip(x).zip(added).zip(coefficients) {
            *y = at_least(floor, (x - mean) * scale + shift + added);
        }
    }
}
