//! How far long sums are from doubles: what the documentation promises.

use lookahead_nn::{Algorithm, Conv2d, ConvShape};

use crate::passes::Passes;
use crate::reference::{Numbers, reference};

#[test]
fn errors_of_layers_of_networks_are_below_half_a_millionth() {
    for (batch, size, channels) in [(16, 4, 512), (8, 8, 128), (32, 32, 32)] {
        let shape = ConvShape::new([batch, size, size, channels], channels, [3, 3]).with_padding(1);
        let conv = Conv2d::new(&shape).unwrap();
        let numbers = Numbers::of(&conv, 3);
        let expected = reference(&conv, &numbers);
        for algorithm in [Algorithm::Direct, Algorithm::Auto] {
            let errors = Passes::run(&conv.with_algorithm(algorithm), &numbers).errors(&expected);
            println!("{:?} {channels} {algorithm:?}: y, dx, dw, db {errors:?}", shape.input);
            assert!(errors.iter().all(|error| *error < 5e-7), "{errors:?} with {algorithm:?} for {shape:?}");
        }
    }
}

#[test]
fn errors_of_winograd_4x4_are_below_one_and_a_half_millionths() {
    for (batch, size, channels, filters) in [(8, 8, 128, 128), (4, 16, 64, 64), (6, 16, 384, 32)] {
        let shape = ConvShape::new([batch, size, size, channels], filters, [3, 3]).with_padding(1);
        let conv = Conv2d::new(&shape).unwrap().with_algorithm(Algorithm::Winograd4x4);
        let numbers = Numbers::of(&conv, 4);
        let errors = Passes::run(&conv, &numbers).errors(&reference(&conv, &numbers));
        println!("{:?} {filters}: y, dx, dw, db {errors:?}", shape.input);
        assert!(errors.iter().all(|error| *error < 1.5e-6), "{errors:?} for {shape:?}");
    }
}
