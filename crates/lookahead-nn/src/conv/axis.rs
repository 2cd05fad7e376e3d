//! One axis of a convolution: which source positions each target position sums over.
//!
//! Targets that see the same taps form a class: the inner ones, those at each edge whose other taps lie outside of the
//! image, and, going back through a stride, those of each remainder. So no image is padded, and no zero multiplied.

use super::shape::AxisShape;

/// A tap of the kernel that a target sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tap {
    /// Its place in the panels of weights; they increase with the offset.
    pub index: usize,
    /// From the first source position to this one.
    pub offset: usize,
}

/// Targets that see the same taps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// In increasing order of both their fields; none where only padding is seen.
    pub taps: Vec<Tap>,
    /// `(target, first source position)`, both increasing.
    pub places: Vec<(usize, usize)>,
}

/// From outputs to inputs: output o sees the input s o + d r - p through tap r.
pub(super) fn forward(axis: &AxisShape, output: usize) -> Vec<Class> {
    classes(output, axis.kernel, |target, tap| {
        let source = (target * axis.stride + tap * axis.dilation).checked_sub(axis.before)?;
        (source < axis.size).then_some(source)
    })
}

/// From inputs to outputs: input i is seen by the output (i + p - d r) / s, where s divides. Taps are counted from the last.
pub(super) fn backward(axis: &AxisShape, output: usize) -> Vec<Class> {
    classes(axis.size, axis.kernel, |target, tap| {
        let distance = (target + axis.before).checked_sub((axis.kernel - 1 - tap) * axis.dilation)?;
        (distance.is_multiple_of(axis.stride) && distance / axis.stride < output).then_some(distance / axis.stride)
    })
}

fn classes(targets: usize, kernel: usize, source: impl Fn(usize, usize) -> Option<usize>) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for target in 0..targets {
        let seen = (0..kernel).filter_map(|index| Some((index, source(target, index)?)));
        let seen: Vec<(usize, usize)> = seen.collect();
        let first = seen.first().map_or(0, |(_, source)| *source);
        let taps: Vec<Tap> = seen.into_iter().map(|(index, source)| Tap { index, offset: source - first }).collect();
        match classes.iter_mut().find(|class| class.taps == taps) {
            Some(class) => class.places.push((target, first)),
            None => classes.push(Class { taps, places: vec![(target, first)] }),
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: AxisShape = AxisShape { size: 6, kernel: 3, stride: 2, before: 1, dilation: 1 };

    fn tap(index: usize, offset: usize) -> Tap {
        Tap { index, offset }
    }

    #[test]
    fn edges_see_fewer_taps() {
        let inner = Class { taps: vec![tap(0, 0), tap(1, 1), tap(2, 2)], places: vec![(1, 1), (2, 3)] };
        let first = Class { taps: vec![tap(1, 0), tap(2, 1)], places: vec![(0, 0)] };
        assert_eq!(forward(&AXIS, 3), [first, inner]);
    }

    #[test]
    fn each_remainder_of_the_stride_has_its_taps() {
        let even = Class { taps: vec![tap(1, 0)], places: vec![(0, 0), (2, 1), (4, 2)] };
        let odd = Class { taps: vec![tap(0, 0), tap(2, 1)], places: vec![(1, 0), (3, 1)] };
        let last = Class { taps: vec![tap(0, 0)], places: vec![(5, 2)] };
        assert_eq!(backward(&AXIS, 3), [even, odd, last]);
    }
}
