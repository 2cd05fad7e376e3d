//! What is refused, what is said of it, and that nothing is written.

use lookahead_nn::matrix::{Factor, MatrixError, Start};

#[test]
fn factors_of_impossible_shape_are_refused() {
    let huge = usize::MAX;
    for shape in [[0, 3], [3, 0], [0, 0], [huge, 0], [huge, 2], [2, huge], [huge, 1], [1, huge], [huge, huge]] {
        let expected = MatrixError::Shape { rows: shape[0], columns: shape[1] };
        assert_eq!(Factor::new(&[1.0; 6], shape).unwrap_err(), expected);
        assert_eq!(Factor::transposed(&[1.0; 6], shape).unwrap_err(), expected);
    }
    // As many as memory could hold, but not once rows are filled up to whole vectors.
    let most = isize::MAX as usize / 4;
    assert!(matches!(Factor::new(&[1.0], [most, 1]), Err(MatrixError::Shape { .. })));
    assert!(matches!(Factor::new(&[1.0], [1, most]), Err(MatrixError::Shape { .. })));
    assert!(matches!(Factor::transposed(&[1.0], [1, most]), Err(MatrixError::Shape { .. })));
    assert!(matches!(Factor::transposed(&[1.0], [most, 1]), Err(MatrixError::Shape { .. })));
    assert_eq!(
        Factor::new(&[], [0, 3]).unwrap_err().to_string(),
        "`b` is 0 x 3, but both must be at least 1 and all numbers fit in memory"
    );
}

#[test]
fn factors_of_another_length_are_refused() {
    for shape in [[2, 3], [3, 2], [6, 1]] {
        let [rows, columns] = shape;
        let expected = MatrixError::Length { slice: "b", found: 5, rows, columns };
        assert_eq!(Factor::new(&[1.0; 5], shape).unwrap_err(), expected);
        assert_eq!(Factor::transposed(&[1.0; 5], shape).unwrap_err(), expected);
    }
    let error = Factor::transposed(&[1.0; 5], [2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "`b` has 5 numbers, but must have 2 rows of 3");
}

#[test]
fn products_of_another_length_are_refused_and_nothing_is_written() {
    let factor = Factor::new(&[1.0; 6], [3, 2]).unwrap();
    assert_eq!(factor.shape(), [3, 2]);
    let refused = |a: &[f32], len: usize, expected: &MatrixError| {
        let mut c = vec![9.0; len];
        for start in [Start::Zero, Start::There] {
            assert_eq!(factor.multiply(a, start, &mut c).as_ref(), Err(expected));
            assert_eq!(factor.multiply_here(a, start, &mut c).as_ref(), Err(expected));
            assert_eq!(factor.multiply_transposed(a, start, &mut c).as_ref(), Err(expected));
        }
        assert!(c.iter().all(|c| *c == 9.0), "written in spite of an error");
        expected.to_string()
    };
    let of_a = |found| MatrixError::LeftFactor { found, rows: 3 };
    assert_eq!(
        refused(&[1.0; 7], 4, &of_a(7)),
        "`a` has 7 numbers, which is no multiple of 3, the rows of the right factor"
    );
    refused(&[1.0; 1], 0, &of_a(1));
    let of_c = |rows, found| MatrixError::Length { slice: "c", found, rows, columns: 2 };
    assert_eq!(refused(&[1.0; 6], 5, &of_c(2, 5)), "`c` has 5 numbers, but must have 2 rows of 2");
    refused(&[1.0; 6], 0, &of_c(2, 0));
    refused(&[1.0; 6], 6, &of_c(2, 6));
    refused(&[], 2, &of_c(0, 2));
    let mut c = [9.0; 4];
    let error = factor.multiply(&[1.0; 6], Start::Row(&[1.0; 3]), &mut c).unwrap_err();
    assert_eq!(error.to_string(), "`start` has 3 numbers, but must have 1 rows of 2");
    assert_eq!(c, [9.0; 4]);
}

#[test]
fn no_rows_are_a_product() {
    let factor = Factor::transposed(&[1.0; 6], [3, 2]).unwrap();
    assert_eq!(factor.shape(), [2, 3]);
    for start in [Start::Zero, Start::There] {
        assert_eq!(factor.multiply(&[], start, &mut []), Ok(()));
        assert_eq!(factor.multiply_here(&[], start, &mut []), Ok(()));
        assert_eq!(factor.multiply_transposed(&[], start, &mut []), Ok(()));
    }
}
