//! Outputs and gradients as PyTorch computes them in double precision, from `tests/golden/make.py`.

use std::io::Read;

use flate2::read::GzDecoder;
use lookahead_nn::{Algorithm, Conv2d, ConvShape, InstructionSet, Padding};

use crate::sums::values;

const GOLDEN: &[u8] = include_bytes!("../golden/golden.json.gz");

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    input: [usize; 4],
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
    groups: usize,
    y: Vec<f64>,
    dx: Vec<f64>,
    dw: Vec<f64>,
    db: Vec<f64>,
}

impl Case {
    fn shape(&self) -> ConvShape {
        let [top, bottom, left, right] = self.padding;
        ConvShape::new(self.input, self.filters, self.kernel)
            .with_stride(self.stride)
            .with_padding(Padding { top, bottom, left, right })
            .with_dilation(self.dilation)
            .with_groups(self.groups)
    }

    fn check(&self, conv: &Conv2d, seed: u32) {
        let (x, oihw) = (values(conv.input_len(), seed), values(conv.weight_len(), seed + 1));
        let (bias, dy) = (values(self.filters, seed + 2), values(conv.output_len(), seed + 3));
        let mut w = vec![0.0; oihw.len()];
        conv.weight_from_oihw(&oihw, &mut w).unwrap();
        let [mut y, mut dx, mut dw, mut db] = [&dy, &x, &w, &bias].map(|like| vec![0.0; like.len()]);
        conv.forward(&x, &w, Some(&bias), &mut y).unwrap();
        conv.backward_data(&dy, &w, &mut dx).unwrap();
        conv.backward_weight(&x, &dy, &mut dw).unwrap();
        conv.backward_bias(&dy, &mut db).unwrap();
        let mut dw_oihw = vec![0.0; dw.len()];
        conv.weight_to_oihw(&dw, &mut dw_oihw).unwrap();
        let pairs = [(&y, &self.y), (&dx, &self.dx), (&dw_oihw, &self.dw), (&db, &self.db)];
        let errors = pairs.map(|(found, expected)| relative_error(found, expected));
        assert!(errors.iter().all(|error| *error < 5e-7), "{errors:?} for {conv:?}");
    }
}

/// The root of the mean square of the error, relative to that of the values.
fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error: f64 = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).powi(2)).sum();
    let size: f64 = expected.iter().map(|expected| expected.powi(2)).sum();
    (error / size).sqrt()
}

#[test]
fn pytorch_agrees() {
    let mut text = String::new();
    GzDecoder::new(GOLDEN).read_to_string(&mut text).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    assert_eq!(golden.cases.len(), 12);
    for (index, case) in (0..).zip(&golden.cases) {
        let conv = Conv2d::new(&case.shape()).unwrap();
        for set in InstructionSet::available() {
            for algorithm in [Algorithm::Auto, Algorithm::Direct] {
                case.check(&conv.with_instruction_set(set).with_algorithm(algorithm), 16 * index);
            }
        }
    }
}
