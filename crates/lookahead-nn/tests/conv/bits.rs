//! The same bits whatever the number of threads, and again; in shapes that are divided in every way.

use lookahead_nn::{Algorithm, Conv2d, ConvShape};

use crate::passes::Passes;
use crate::reference::{Numbers, reference};

#[test]
fn bits_do_not_depend_on_threads() {
    let shapes = [
        // Bands of an image; one image alone
        ConvShape::new([1, 40, 37, 3], 20, [7, 7]).with_padding(3).with_stride([2, 2]),
        ConvShape::new([1, 70, 33, 2], 5, [3, 3]).with_dilation([2, 2]).with_padding([1, 0]),
        // Groups of images, the last one smaller
        ConvShape::new([37, 4, 4, 24], 40, [3, 3]).with_padding(1),
        // A gradient in pieces
        ConvShape::new([5, 9, 9, 130], 140, [3, 3]).with_padding(1).with_stride([2, 2]),
        ConvShape::new([2, 2, 2, 1], 70_000, [1, 1]),
        // Winograd, bands and groups of images
        ConvShape::new([3, 21, 20, 64], 48, [3, 3]).with_padding(1),
        ConvShape::new([37, 5, 6, 64], 64, [3, 3]).with_padding(1),
        ConvShape::new([37, 7, 8, 64], 64, [3, 3]).with_padding(1),
        // Depthwise
        ConvShape::new([33, 6, 7, 50], 50, [3, 3]).with_padding(1).with_groups(50),
        ConvShape::new([6, 12, 12, 24], 36, [3, 3]).with_padding(1).with_groups(6),
    ];
    for shape in shapes {
        for algorithm in [Algorithm::Auto, Algorithm::Winograd4x4] {
            let conv = Conv2d::new(&shape).unwrap().with_algorithm(algorithm);
            let numbers = Numbers::of(&conv, 1);
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| Passes::run(&conv, &numbers).bits())
            };
            let errors = Passes::run(&conv, &numbers).errors(&reference(&conv, &numbers));
            assert!(errors.iter().all(|error| *error < 1e-6), "{errors:?} with {algorithm:?} for {shape:?}");
            let expected = run(1);
            for threads in [1, 2, 3] {
                assert!(run(threads) == expected, "{threads} threads, {algorithm:?}, {shape:?}");
            }
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch_if_computed_directly() {
    let image = |batch| ConvShape::new([batch, 6, 6, 32], 32, [3, 3]).with_padding(1);
    let [many, one] = [20, 1].map(|batch| Conv2d::new(&image(batch)).unwrap().with_algorithm(Algorithm::Direct));
    let numbers = Numbers::of(&many, 2);
    let (mut y, mut y_of_one) = (vec![0.0; many.output_len()], vec![0.0; one.output_len()]);
    many.forward(&numbers.x, &numbers.w, None, &mut y).unwrap();
    let x = &numbers.x[7 * one.input_len()..][..one.input_len()];
    one.forward(x, &numbers.w, None, &mut y_of_one).unwrap();
    assert_eq!(y[7 * y_of_one.len()..][..y_of_one.len()], y_of_one);
}

#[test]
fn winograd_4x4_is_the_default_where_its_tiles_do_not_pay() {
    let differs = |shape: ConvShape| {
        let conv = Conv2d::new(&shape).unwrap();
        let numbers = Numbers::of(&conv, 5);
        let [auto, large] = [Algorithm::Auto, Algorithm::Winograd4x4]
            .map(|algorithm| Passes::run(&conv.with_algorithm(algorithm), &numbers));
        [auto.y != large.y, auto.dx != large.dx, auto.dw != large.dw]
    };
    let image = |batch, size, channels| ConvShape::new([batch, size, size, channels], 32, [3, 3]).with_padding(1);
    assert_eq!(differs(image(1, 12, 32)), [true; 3]);
    // A third as many tiles as of 2x2, and a quarter as many as channels
    assert_eq!(differs(image(1, 14, 32)), [true; 3]);
    assert_eq!(differs(image(16, 4, 64)), [true; 3]);
    let others = [
        image(1, 10, 32),
        image(15, 4, 64),
        image(1, 12, 16),
        image(1, 12, 40),
        image(1, 12, 32).with_stride([2, 2]),
        image(1, 12, 32).with_dilation([2, 1]),
        image(1, 12, 64).with_groups(2),
        ConvShape::new([1, 12, 12, 32], 32, [5, 5]).with_padding(2),
        ConvShape::new([2, 12, 12, 32], 32, [3, 3]).with_padding(1).with_groups(32),
    ];
    for shape in others {
        assert_eq!(differs(shape), [false; 3], "{shape:?}");
    }
}
