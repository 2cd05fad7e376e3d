//! What the operations written by hand for the CPU share besides their [tensors as slices](lookahead_flex).

mod pointwise;

pub(super) use self::pointwise::{add, dot, exp, maximum, sigmoid, sum, tanh};
pub(super) use lookahead_flex::{Values, open, opens, record};
