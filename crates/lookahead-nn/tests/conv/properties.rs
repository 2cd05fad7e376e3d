//! Random shapes, in each instruction set, beside the definition in doubles.

use lookahead_nn::{Algorithm, Conv2d, ConvShape, InstructionSet, Padding};
use proptest::prelude::*;

use crate::passes::Passes;
use crate::reference::{Numbers, reference};

/// Kernels no larger than their padded image, and all the rest odd.
fn shapes() -> impl Strategy<Value = ConvShape> {
    let channels = || prop_oneof![3 => 1..6_usize, 2 => 6..40_usize, 1 => Just(64_usize)];
    let side = || (1..12_usize, 1..6_usize, 0..4_usize, 0..4_usize, 1..4_usize, 1..4_usize);
    let sides = (side(), side());
    (1..4_usize, sides, channels(), channels(), 1..5_usize).prop_map(
        |(batch, (down, across), channels, filters, groups)| {
            let (height, kernel_height, top, bottom, stride_down, dilation_down) = down;
            let (width, kernel_width, left, right, stride_across, dilation_across) = across;
            // Many groups of many channels would take the reference too long.
            let of_group = |channels: usize| if groups > 1 { channels.min(9) * groups } else { channels };
            let taps = |padded: usize, dilation: usize| (padded - 1) / dilation + 1;
            let kernel = [
                kernel_height.min(taps(height + top + bottom, dilation_down)),
                kernel_width.min(taps(width + left + right, dilation_across)),
            ];
            ConvShape::new([batch, height, width, of_group(channels)], of_group(filters), kernel)
                .with_stride([stride_down, stride_across])
                .with_padding(Padding { top, bottom, left, right })
                .with_dilation([dilation_down, dilation_across])
                .with_groups(groups)
        },
    )
}

/// As many groups as channels.
fn depthwise_shapes() -> impl Strategy<Value = ConvShape> {
    (shapes(), 1..70_usize).prop_map(|(mut shape, channels)| {
        shape.input[3] = channels;
        ConvShape { out_channels: channels, groups: channels, ..shape }
    })
}

/// Those that Winograd's algorithm takes, and narrower ones.
fn winograd_shapes() -> impl Strategy<Value = ConvShape> {
    let padding = || 0..4_usize;
    (shapes(), 1..5_usize, 1..5_usize, 3..20_usize, (padding(), padding(), padding(), padding())).prop_map(
        |(shape, channels, filters, size, (top, bottom, left, right))| {
            let [batch, height, width, _] = shape.input;
            let input = [batch, height.max(2) + 1, width.max(2) + size, 16 * channels];
            ConvShape::new(input, 16 * filters, [3, 3]).with_padding(Padding { top, bottom, left, right })
        },
    )
}

fn check(shape: &ConvShape, seed: u32) {
    let conv = Conv2d::new(shape).unwrap();
    let numbers = Numbers::of(&conv, seed);
    let expected = reference(&conv, &numbers);
    for set in InstructionSet::available() {
        for (algorithm, most) in [(Algorithm::Auto, 1e-6), (Algorithm::Direct, 1e-6), (Algorithm::Winograd4x4, 1.5e-6)]
        {
            let conv = conv.with_instruction_set(set).with_algorithm(algorithm);
            let errors = Passes::run(&conv, &numbers).errors(&expected);
            assert!(errors.iter().all(|error| *error < most), "{errors:?} with {set:?}, {algorithm:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_pass_is_right(shape in shapes(), seed: u32) {
        check(&shape, seed);
    }

    #[test]
    fn every_depthwise_pass_is_right(shape in depthwise_shapes(), seed: u32) {
        check(&shape, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_winograd_pass_is_right(shape in winograd_shapes(), seed: u32) {
        check(&shape, seed);
    }
}
