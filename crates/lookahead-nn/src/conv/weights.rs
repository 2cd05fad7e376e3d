//! The gradient of the weights: for each tap and channel a sum over the pixels that see it.

use std::ops::Range;

use rayon::prelude::*;

use super::outer::{Gradients, Outer};
use super::plan::{Band, Plan};
use crate::InstructionSet;
use crate::kernel::parts::{PARTS, in_parts, share};

/// Pixels that are summed in registers before they are added to the gradient: few enough to stay in the cache, and short
/// sums are more accurate.
const PIXELS: usize = 256;

/// Filters whose gradients are packed at a time: with those pixels, a part of the cache.
const FILTERS: usize = 128;

/// The gradient is divided into pieces of about so many numbers, which stay in the cache; where there are few, the batch
/// is divided too.
const PIECE: usize = 1 << 16;

/// `dw[row][k] = sum over pixels of x[row of the pixel] dy[pixel][k]`; `plan` is that of the forward pass.
pub(super) fn gradient(set: InstructionSet, plan: &Plan, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let columns = plan.target.channels;
    // Whole tiles, whatever their height.
    let rows_per_piece = (PIECE / columns).max(1).next_multiple_of(12).min(plan.rows());
    let pieces = plan.rows().div_ceil(rows_per_piece);
    let units = plan.units(x);
    let parts = (PARTS / pieces).clamp(1, units);
    in_parts(dw, parts, |part, sums| {
        sums.par_chunks_mut(rows_per_piece * columns).enumerate().for_each(|(piece, dw)| {
            let first = piece * rows_per_piece;
            let rows = first..first + dw.len() / columns;
            let mut gradients = Gradients::new(PIXELS, FILTERS.min(columns / plan.groups));
            for unit in share(units, part, parts) {
                let (band, images, x, dy) = plan.unit(unit, x, dy);
                add_unit(set, &Unit { plan, band, images, x, dy }, rows.clone(), &mut gradients, dw);
            }
        });
    });
}

/// A band of some images.
struct Unit<'a> {
    plan: &'a Plan,
    band: &'a Band,
    images: usize,
    x: &'a [f32],
    dy: &'a [f32],
}

/// Adds what a unit gives to some rows of the gradient.
fn add_unit(set: InstructionSet, unit: &Unit, rows: Range<usize>, gradients: &mut Gradients, dw: &mut [f32]) {
    let Unit { plan, band, images, x, dy } = unit;
    let columns = plan.target.channels;
    let filters = columns / plan.groups;
    for part in &band.parts {
        let pixels = part.pixels(*images);
        let sources = part.sources[pixels.clone()].chunks(PIXELS);
        for (sources, targets) in sources.zip(part.targets[pixels].chunks(PIXELS)) {
            for (group, first) in (0..plan.groups).flat_map(|g| (0..filters).step_by(FILTERS).map(move |f| (g, f))) {
                let column = group * filters + first;
                let gradients = gradients.pack(set, &dy[column..], targets, FILTERS.min(filters - first));
                let x = &x[group * plan.source.channels / plan.groups..];
                for run in part.runs() {
                    let seen = run.row.max(rows.start)..(run.row + run.len).min(rows.end);
                    if !seen.is_empty() {
                        let x = &x[run.offset + seen.start - run.row..];
                        let sums = &mut dw[(seen.start - rows.start) * columns + column..];
                        set.dispatch(Outer { x, sources, gradients, rows: seen.len(), columns, sums });
                    }
                }
            }
        }
    }
}
