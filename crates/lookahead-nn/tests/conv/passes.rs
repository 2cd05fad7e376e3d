//! All passes of a convolution at once, their results as bits too.

use lookahead_nn::Conv2d;

use crate::reference::{Numbers, Reference};
use crate::sums::relative_error;

pub struct Passes {
    pub y: Vec<f32>,
    pub dx: Vec<f32>,
    pub dw: Vec<f32>,
    pub db: Vec<f32>,
}

impl Passes {
    /// Into memory full of NaN: what is not written shows.
    pub fn run(conv: &Conv2d, Numbers { x, w, bias, dy }: &Numbers) -> Self {
        let nan = |len| vec![f32::NAN; len];
        let (filters, x_len) = (conv.output_shape()[3], conv.input_len());
        let mut passes = Self { y: nan(dy.len()), dx: nan(x_len), dw: nan(w.len()), db: nan(filters) };
        conv.forward(x, w, Some(bias), &mut passes.y).unwrap();
        conv.backward_data(dy, w, &mut passes.dx).unwrap();
        conv.backward_weight(x, dy, &mut passes.dw).unwrap();
        conv.backward_bias(dy, &mut passes.db).unwrap();
        passes
    }

    pub fn bits(&self) -> Vec<u32> {
        [&self.y, &self.dx, &self.dw, &self.db].into_iter().flatten().map(|value| value.to_bits()).collect()
    }

    /// The relative errors of y, dx, dw, db.
    pub fn errors(&self, expected: &Reference) -> [f64; 4] {
        [
            relative_error(&self.y, &expected.y),
            relative_error(&self.dx, &expected.dx),
            relative_error(&self.dw, &expected.dw),
            relative_error(&self.db, &expected.db),
        ]
    }
}
