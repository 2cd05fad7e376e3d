//! The kernel: neighbouring units read neighbouring elements, and each gives a pair of numbers; nothing is shared.

use burn::cubecl;
use burn::cubecl::prelude::*;
use burn::cubecl::std::tensor::layout::linear::{LinearView, LinearViewMut};

/// Units that share a block of elements.
pub(super) const UNITS: usize = 256;
/// Elements of a block that each of them takes.
const ELEMENTS: usize = 32;
/// Elements of a block.
pub(super) const BLOCK: usize = UNITS * ELEMENTS;
/// WGSL promises no accuracy of a division by more.
const MOST: f32 = 8.507_059e37;

/// The largest magnitude `a` of a unit's elements, and their `sum((g / a)^2)`.
#[cube(launch)]
pub(super) fn scaled_squares<G: Float>(
    values: LinearView<'_, G>,
    mut parts: LinearViewMut<'_, f32>,
    #[define(G)] _dtype: ElemType,
) {
    let unit = ABSOLUTE_POS;
    let part = 2usize * unit;
    if !parts.is_in_bounds(part) {
        terminate!();
    }
    let begin = unit / UNITS * BLOCK + unit % UNITS;

    // Normal, so that it can be divided by.
    let mut largest = f32::new(f32::MIN_POSITIVE);
    for j in 0..ELEMENTS {
        let i = begin + j * UNITS;
        if values.is_in_bounds(i) {
            largest = max(largest, f32::cast_from(values.read(i)).abs());
        }
    }
    let largest = min(largest, f32::new(MOST));
    let mut sum = 0.0f32;
    for j in 0..ELEMENTS {
        let i = begin + j * UNITS;
        if values.is_in_bounds(i) {
            let ratio = f32::cast_from(values.read(i)) / largest;
            sum += ratio * ratio;
        }
    }
    parts.write(part, largest);
    parts.write(part + 1usize, sum);
}
