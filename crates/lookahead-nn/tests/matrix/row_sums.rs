//! Sums of rows beside doubles, with the same bits on any number of threads.

use lookahead_nn::matrix::{MatrixError, row_sums};

use crate::product::bits;
use crate::sums::values;

#[test]
fn sums_are_those_of_doubles_on_any_number_of_threads() {
    for (rows, columns) in [(1, 1), (3, 7), (128, 5), (129, 33), (5000, 3), (300, 1000)] {
        let numbers = values(rows * columns, 3);
        let of_column = |column| numbers.iter().skip(column).step_by(columns).map(|number| f64::from(*number)).sum();
        let expected: Vec<f64> = (0..columns).map(of_column).collect();
        let sums = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut sums = vec![f32::NAN; columns];
            pool.install(|| row_sums(&numbers, &mut sums)).unwrap();
            sums
        });
        assert!(sums.iter().all(|of_threads| bits(of_threads) == bits(&sums[0])), "{rows} x {columns}");
        // The terms are at most 1/2.
        let bound = 1e-7 * rows as f64;
        let errors = sums[0].iter().zip(&expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
        assert!(errors.into_iter().all(|error| error <= bound), "{rows} x {columns}");
    }
}

#[test]
fn no_rows_sum_to_zeros_and_a_part_of_a_row_is_refused() {
    let mut sums = [5.0; 3];
    assert_eq!(
        row_sums(&[1.0; 4], &mut sums).unwrap_err().to_string(),
        "`rows` has 4 numbers, but must have 1 rows of 3"
    );
    assert_eq!(sums, [5.0; 3]);
    let expected = MatrixError::Length { slice: "rows", found: 4, rows: 0, columns: 0 };
    assert_eq!(row_sums(&[1.0; 4], &mut []), Err(expected));
    assert_eq!(row_sums(&[], &mut []), Ok(()));
    row_sums(&[], &mut sums).unwrap();
    assert_eq!(sums, [0.0; 3]);
}
