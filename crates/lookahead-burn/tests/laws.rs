//! The battery of laws for the Burn adapter: the module form around our rules (in place in f32, by tensor operations in
//! f64) and around Burn's, nested, and the per-parameter form but for the laws that Burn's design denies it.

mod parameters;
mod subjects;

use subjects::{Double, PerParameter, Single, Stock};

lookahead_laws::laws!(single: Single);
lookahead_laws::laws!(single_with_ada_factor: Single; ada_factor, nested_ada_factor);
lookahead_laws::laws!(double: Double);
lookahead_laws::laws!(double_with_ada_factor: Double; ada_factor, nested_ada_factor);
lookahead_laws::laws!(stock: Stock);
lookahead_laws::laws!(per_parameter: PerParameter);
lookahead_laws::laws!(per_parameter_with_ada_factor: PerParameter; ada_factor, nested_ada_factor);
