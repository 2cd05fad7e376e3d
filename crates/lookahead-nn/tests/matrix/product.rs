//! A product in every way in which it can be asked for.

use lookahead_nn::InstructionSet;
use lookahead_nn::matrix::{Factor, Start};

use crate::reference::{Numbers, Sizes, transposed};

/// How both factors are given, and which threads multiply.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    right_is_transposed: bool,
    method: Method,
}

#[derive(Debug, Clone, Copy)]
enum Method {
    Multiply,
    Here,
    Transposed,
}

pub fn ways() -> impl Iterator<Item = Way> {
    [false, true].into_iter().flat_map(|right_is_transposed| {
        [Method::Multiply, Method::Here, Method::Transposed].map(|method| Way { right_is_transposed, method })
    })
}

impl Way {
    /// C. It is full of NaN before it is replaced: what is not written shows, and what is not replaced.
    pub fn run(self, set: InstructionSet, numbers: &Numbers, start: Start<'_>) -> Vec<f32> {
        let Numbers { sizes: Sizes { inner, columns, .. }, a, b, c } = numbers;
        let factor = if self.right_is_transposed {
            Factor::transposed_with(set, &transposed(b, *columns), [*columns, *inner])
        } else {
            Factor::new_with(set, b, [*inner, *columns])
        };
        let factor = factor.unwrap();
        let mut c = if start == Start::There { c.clone() } else { vec![f32::NAN; c.len()] };
        let multiplied = match self.method {
            Method::Multiply => factor.multiply(a, start, &mut c),
            Method::Here => factor.multiply_here(a, start, &mut c),
            Method::Transposed => factor.multiply_transposed(&transposed(a, *inner), start, &mut c),
        };
        multiplied.unwrap();
        c
    }
}

pub fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
