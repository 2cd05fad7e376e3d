//! One AdaFactor step of one tensor (Shazeer and Stern 2018, Algorithms 4 and 5), whose second moment is factored.
//!
//! What is added to what depends on the shape alone: the bits are the same on any number of threads.

#[cfg(feature = "rayon")]
use rayon::prelude::*;

use super::InstructionSet;
use super::threads::{chunks, chunks_mut};
use crate::Float;

/// The elements of a matrix, or of several small ones, that are worth a task of their own.
const SHARE: usize = 1 << 15;

/// The most parts that a matrix is worked on in: each needs column sums of its own.
const MOST_STRIPS: usize = 16;

/// Sums that run side by side, so that they can be kept in a vector register.
const LANES: usize = 16;

/// The numbers of one step of a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// `1 - beta_2t`: how far the second moment moves toward the new squares.
    pub rest: f64,
    /// The sum of the averaging weights, this step's included: divides the second moment, to correct its bias.
    pub weight: f64,
    /// rho: the step size relative to the tensor's scale.
    pub rho: f64,
    /// `epsilon_2`: the least scale of a tensor.
    pub smallest_scale: f64,
    /// d: the largest root mean square of an update.
    pub clipping: f64,
    /// What weight decay leaves of the weights, `1 - gamma lambda`.
    pub keep: f64,
}

/// The lengths of a second moment: a matrix has the means of its rows and its columns, a vector or a number one value an
/// element and no columns. Of rank 3 and more, each matrix of the last two dimensions counts.
///
/// ```
/// use lookahead::kernels::adafactor::moment_lengths;
/// assert_eq!(moment_lengths(&[300, 500]), [300, 500]);
/// assert_eq!(moment_lengths(&[7, 3, 2]), [7 * 3, 7 * 2]);
/// assert_eq!(moment_lengths(&[10]), [10, 0]);
/// ```
#[must_use]
pub fn moment_lengths(shape: &[usize]) -> [usize; 2] {
    match shape {
        [batch @ .., height, width] => {
            let batch: usize = batch.iter().product();
            [batch * height, batch * width]
        }
        vector => [vector.iter().product(), 0],
    }
}

/// One step of a tensor: its weights and its second moment `[rows, columns]`, zeros at first.
///
/// With r and c the means of a matrix's rows and columns, the second moment of an element is `v = r c / mean(r)`; the
/// update `u = g / sqrt(v)` is clipped, `u <- u / max(1, rms(u) / d)`, and
/// `theta <- keep theta - rho max(epsilon_2, rms(theta)) u`. `v` is at least `epsilon_1^2` and the mean at least
/// `epsilon_1`, the machine epsilon.
///
/// # Panics
/// If the slices do not have the lengths that belong to the shape.
pub fn step<T: Float>(c: &Coefficients, shape: &[usize], weights: &mut [T], gradient: &[T], moment: [&mut [T]; 2]) {
    let [rows, columns] = moment;
    assert_eq!(weights.len(), shape.iter().product(), "a tensor and its shape");
    assert_eq!(weights.len(), gradient.len(), "a tensor and its gradient");
    assert_eq!([rows.len(), columns.len()], moment_lengths(shape), "a tensor and its second moment");
    if weights.is_empty() {
        return;
    }
    let (run, rest, weight) = (InstructionSet::best(), T::from_f64(c.rest), T::from_f64(c.weight));
    let root_mean = |squares: f64| (squares / gradient.len() as f64).sqrt();

    let scale = c.rho * root_mean(square_sum(run, weights)).max(c.smallest_scale);
    let (matrices, moment) = (Matrices::of(shape, run), Moment { rows, columns, weight });
    let squares = match &matrices {
        Some(matrices) => {
            matrices.average(gradient, moment.rows, moment.columns, rest);
            matrices.update_squares(gradient, &moment)
        }
        None => average_elements(run, gradient, moment.rows, rest, weight),
    };
    let clip = (root_mean(squares) / c.clipping).max(1.0);
    let go = Go { keep: T::from_f64(c.keep), step_size: T::from_f64(scale / clip) };
    match &matrices {
        Some(matrices) => matrices.go(weights, gradient, &moment, go),
        None => go_by_elements(run, weights, gradient, moment.rows, weight, go),
    }
}

/// A second moment and the sum of its averaging weights.
struct Moment<'a, T> {
    rows: &'a mut [T],
    columns: &'a mut [T],
    weight: T,
}

/// `theta <- keep theta - step_size u`
#[derive(Clone, Copy)]
struct Go<T> {
    keep: T,
    step_size: T,
}

/// The matrices of a tensor and the parts they are worked on in: blocks of whole matrices, strips of rows of each.
struct Matrices {
    height: usize,
    width: usize,
    /// Matrices in a block, 1 where a matrix has several strips.
    block: usize,
    /// Rows in a strip.
    strip: usize,
    run: InstructionSet,
}

impl Matrices {
    /// `None` below rank 2. No extent is 0.
    fn of(shape: &[usize], run: InstructionSet) -> Option<Self> {
        let [.., height, width] = *shape else { return None };
        let block = (SHARE / (height * width)).max(1);
        let strip = height.div_ceil(MOST_STRIPS).max(SHARE.div_ceil(width)).min(height);
        Some(Self { height, width, block, strip, run })
    }

    fn strips(&self) -> usize {
        self.height.div_ceil(self.strip)
    }

    fn matrix(&self) -> usize {
        self.height * self.width
    }

    /// `r <- r + rest (mean(g^2) - r)` for the rows, and so for the columns.
    fn average<T: Float>(&self, gradient: &[T], rows: &mut [T], columns: &mut [T], rest: T) {
        let Self { height, width, block, strip, run, .. } = *self;
        let height_t = T::from_f64(height as f64);
        let blocks = chunks(gradient, block * self.matrix());
        let blocks = blocks.zip(chunks_mut(rows, block * height)).zip(chunks_mut(columns, block * width));
        blocks.for_each(|((gradient, rows), columns)| {
            let mut sums = vec![T::ZERO; self.strips() * width];
            let matrices = gradient.chunks(self.matrix()).zip(rows.chunks_mut(height)).zip(columns.chunks_mut(width));
            for ((gradient, rows), columns) in matrices {
                sums.fill(T::ZERO);
                let average = |gradient: &[T], rows: &mut [T], sums: &mut [T]| {
                    run.run(
                        #[inline(always)]
                        || average_rows(gradient, rows, sums, rest),
                    );
                };
                if self.strips() == 1 {
                    average(gradient, rows, &mut sums);
                } else {
                    let strips = chunks(gradient, strip * width).zip(chunks_mut(rows, strip));
                    let strips = strips.zip(chunks_mut(&mut sums, width));
                    strips.for_each(|((gradient, rows), sums)| average(gradient, rows, sums));
                }
                let (total, others) = sums.split_at_mut(width);
                for other in others.chunks(width) {
                    total.iter_mut().zip(other).for_each(|(total, &sum)| *total = *total + sum);
                }
                for (mean, &sum) in columns.iter_mut().zip(&*total) {
                    *mean = *mean + rest * (sum / height_t - *mean);
                }
            }
        });
    }

    /// The sum of the squares of the update.
    fn update_squares<T: Float>(&self, gradient: &[T], moment: &Moment<'_, T>) -> f64 {
        let Self { width, strip, run, .. } = *self;
        let squares = |gradient: &[T], roots: Roots<'_, T>| {
            run.run(
                #[inline(always)]
                || update_squares(gradient, roots),
            )
        };
        let blocks = chunks(gradient, self.block * self.matrix()).enumerate().map(|(block, gradient)| {
            let mut columns = vec![T::ZERO; width];
            let matrices = gradient.chunks(self.matrix()).enumerate().map(|(index, gradient)| {
                let roots = self.roots(moment, block * self.block + index, &mut columns);
                if self.strips() == 1 {
                    return squares(gradient, roots);
                }
                let mut sums = [0.0; MOST_STRIPS];
                let strips = chunks(gradient, strip * width).zip(chunks(roots.rows, strip));
                strips
                    .zip(&mut sums)
                    .for_each(|((gradient, rows), sum)| *sum = squares(gradient, Roots { rows, ..roots }));
                sums.iter().sum()
            });
            matrices.sum()
        });
        blocks.collect::<Vec<f64>>().iter().sum()
    }

    /// `theta <- keep theta - step_size u`
    fn go<T: Float>(&self, weights: &mut [T], gradient: &[T], moment: &Moment<'_, T>, go: Go<T>) {
        let Self { width, strip, run, .. } = *self;
        let go = |weights: &mut [T], gradient: &[T], roots: Roots<'_, T>| {
            run.run(
                #[inline(always)]
                || go_by_rows(weights, gradient, roots, go),
            );
        };
        let block = self.block * self.matrix();
        let blocks = chunks_mut(weights, block).zip(chunks(gradient, block)).enumerate();
        blocks.for_each(|(block, (weights, gradient))| {
            let mut columns = vec![T::ZERO; width];
            let matrices = weights.chunks_mut(self.matrix()).zip(gradient.chunks(self.matrix())).enumerate();
            for (index, (weights, gradient)) in matrices {
                let roots = self.roots(moment, block * self.block + index, &mut columns);
                if self.strips() == 1 {
                    go(weights, gradient, roots);
                    continue;
                }
                let strips = chunks_mut(weights, strip * width).zip(chunks(gradient, strip * width));
                let strips = strips.zip(chunks(roots.rows, strip));
                strips.for_each(|((weights, gradient), rows)| go(weights, gradient, Roots { rows, ..roots }));
            }
        });
    }

    /// What divides the gradient of matrix number `index`; `columns` takes the columns' part.
    fn roots<'a, T: Float>(&self, moment: &'a Moment<'_, T>, index: usize, columns: &'a mut [T]) -> Roots<'a, T> {
        let rows = &moment.rows[index * self.height..][..self.height];
        let means = &moment.columns[index * self.width..][..self.width];
        // b = 1 / sqrt(c / w)
        let one = T::from_f64(1.0);
        for (root, &mean) in columns.iter_mut().zip(means) {
            *root = one / (mean / moment.weight).sqrt();
        }
        // mean(r / w), at least epsilon_1
        let sum: f64 = rows.iter().map(|mean| mean.to_f64()).sum();
        let mean = T::from_f64(sum / rows.len() as f64) / moment.weight;
        let scale = if mean < T::EPSILON { T::EPSILON } else { mean };
        Roots { rows, columns, weight: moment.weight, scale }
    }
}

/// The factors of `1 / sqrt(v)` for some rows of a matrix: a of each row, b of each column.
#[derive(Clone, Copy)]
struct Roots<'a, T> {
    /// The means of the rows.
    rows: &'a [T],
    /// b.
    columns: &'a [T],
    weight: T,
    /// The mean of all rows of the matrix.
    scale: T,
}

impl<T: Float> Roots<'_, T> {
    /// a = sqrt(mean(r / w) / (r / w))
    #[inline(always)]
    fn of_row(&self, row: T) -> T {
        (self.scale / (row / self.weight)).sqrt()
    }
}

/// `u = g / sqrt(max(v, epsilon_1^2))`, with `a b = 1 / sqrt(v)`.
#[inline(always)]
fn update<T: Float>(g: T, a: T, b: T, most: T) -> T {
    let factor = a * b;
    g * if factor > most { most } else { factor }
}

/// `1 / epsilon_1`
#[inline(always)]
fn most<T: Float>() -> T {
    T::from_f64(1.0 / T::EPSILON.to_f64())
}

/// The sum of `term` over the elements given to it, element i in lane i mod 16, the lanes then added in order.
macro_rules! in_lanes {
    ($zero:expr, |$lane:ident, $i:ident| $length:expr => $body:block) => {{
        let mut lanes = [$zero; LANES];
        let whole = $length / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                let ($lane, $i) = (&mut lanes[lane], start + lane);
                $body
            }
        }
        for $i in whole..$length {
            let $lane = &mut lanes[$i - whole];
            $body
        }
        lanes.into_iter().fold($zero, |sum, lane| sum + lane)
    }};
}

#[inline(always)]
fn average_rows<T: Float>(gradient: &[T], rows: &mut [T], sums: &mut [T], rest: T) {
    let width = sums.len();
    let width_t = T::from_f64(width as f64);
    for (row, mean) in gradient.chunks_exact(width).zip(rows) {
        let sum = in_lanes!(T::ZERO, |lane, i| width => {
            let square = row[i] * row[i];
            (*lane, sums[i]) = (*lane + square, sums[i] + square);
        });
        *mean = *mean + rest * (sum / width_t - *mean);
    }
}

#[inline(always)]
fn update_squares<T: Float>(gradient: &[T], roots: Roots<'_, T>) -> f64 {
    let (width, most) = (roots.columns.len(), most());
    let mut total = 0.0;
    for (row, &mean) in gradient.chunks_exact(width).zip(roots.rows) {
        let (a, columns) = (roots.of_row(mean), &roots.columns[..width]);
        let sum = in_lanes!(T::ZERO, |lane, i| width => {
            let u = update(row[i], a, columns[i], most);
            *lane = *lane + u * u;
        });
        total += sum.to_f64();
    }
    total
}

#[inline(always)]
fn go_by_rows<T: Float>(weights: &mut [T], gradient: &[T], roots: Roots<'_, T>, go: Go<T>) {
    let (width, most) = (roots.columns.len(), most());
    let rows = weights.chunks_exact_mut(width).zip(gradient.chunks_exact(width)).zip(roots.rows);
    for ((weights, gradient), &mean) in rows {
        let a = roots.of_row(mean);
        for ((theta, &g), &b) in weights.iter_mut().zip(gradient).zip(roots.columns) {
            *theta = *theta * go.keep - go.step_size * update(g, a, b, most);
        }
    }
}

/// `v <- v + rest (g^2 - v)`; gives the sum of the squares of the update `g / sqrt(v / w)`.
fn average_elements<T: Float>(run: InstructionSet, gradient: &[T], moment: &mut [T], rest: T, weight: T) -> f64 {
    let shares = chunks(gradient, SHARE).zip(chunks_mut(moment, SHARE)).map(|(gradient, moment)| {
        run.run(
            #[inline(always)]
            || {
                in_lanes!(0.0, |lane, i| gradient.len() => {
                    let g = gradient[i];
                    moment[i] = moment[i] + rest * (g * g - moment[i]);
                    let u = update_of_element(g, moment[i], weight).to_f64();
                    *lane += u * u;
                })
            },
        )
    });
    shares.collect::<Vec<f64>>().iter().sum()
}

fn go_by_elements<T: Float>(
    run: InstructionSet,
    weights: &mut [T],
    gradient: &[T],
    moment: &[T],
    weight: T,
    go: Go<T>,
) {
    let shares = chunks_mut(weights, SHARE).zip(chunks(gradient, SHARE)).zip(chunks(moment, SHARE));
    shares.for_each(|((weights, gradient), moment)| {
        run.run(
            #[inline(always)]
            || {
                for ((theta, &g), &v) in weights.iter_mut().zip(gradient).zip(moment) {
                    *theta = *theta * go.keep - go.step_size * update_of_element(g, v, weight);
                }
            },
        );
    });
}

/// `u = g / sqrt(max(v / w, epsilon_1^2))`
#[inline(always)]
fn update_of_element<T: Float>(g: T, v: T, weight: T) -> T {
    let (v, least) = (v / weight, T::EPSILON * T::EPSILON);
    g / (if v < least { least } else { v }).sqrt()
}

fn square_sum<T: Float>(run: InstructionSet, values: &[T]) -> f64 {
    let shares = chunks(values, SHARE).map(|values| {
        run.run(
            #[inline(always)]
            || {
                in_lanes!(0.0, |lane, i| values.len() => {
                    *lane += values[i].to_f64() * values[i].to_f64();
                })
            },
        )
    });
    shares.collect::<Vec<f64>>().iter().sum()
}
