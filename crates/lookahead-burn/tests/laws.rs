//! The battery of laws for the Burn adapter: the module form around our rules (in place in f32, by tensor operations in
//! f64 and bf16), in all storages of the slow weights, around Burn's rules and a `ModuleOptimizer`, nested, averaged, and the
//! per-parameter form but for the laws that Burn's design denies it.

mod device;
mod parameters;
mod subjects;

use subjects::{Boxed, Double, Half, OnHost, PerParameter, RoundedHalf, RoundedSingle, Single, Stock};

lookahead_laws::laws!(single: Single);
lookahead_laws::laws!(single_with_ada_factor: Single; ada_factor, nested_ada_factor);
lookahead_laws::laws!(double: Double);
lookahead_laws::laws!(double_with_ada_factor: Double; ada_factor, nested_ada_factor);
lookahead_laws::laws!(single_around_more: Single; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(half: Half);
lookahead_laws::laws!(half_around_more: Half; averaged, nested_averaged, nested_scheduled);
lookahead_laws::laws!(on_host: OnHost; sgd, heavy_ball, adam, nested_heavy_ball, averaged, nested_scheduled);
lookahead_laws::laws!(rounded_single: RoundedSingle; sgd, heavy_ball, adam, nested_heavy_ball, averaged, nested_scheduled);
lookahead_laws::laws!(rounded_half: RoundedHalf; sgd, heavy_ball, nested_heavy_ball);
lookahead_laws::laws!(boxed: Boxed; sgd, heavy_ball, nesterov, adam, adam_w, nested_sgd, nested_scheduled);
lookahead_laws::laws!(stock: Stock);
lookahead_laws::laws!(per_parameter: PerParameter);
lookahead_laws::laws!(per_parameter_with_ada_factor: PerParameter; ada_factor, nested_ada_factor);
