//! The battery of laws for the Burn adapter: the module form around our rules (in place in f32, by tensor operations in
//! f64 and bf16), in all storages of the slow weights, around Burn's rules and a `ModuleOptimizer`, nested, averaged, and the
//! per-parameter form but for the laws that Burn's design denies it; and with an outer momentum.

mod device;
mod parameters;
mod subjects;

use lookahead_laws::WithMomentum;
use subjects::{Boxed, Double, Half, OnHost, PerParameter, RoundedHalf, RoundedSingle, Single, Stock};

type SingleWithMomentum = WithMomentum<Single>;
type DoubleWithMomentum = WithMomentum<Double>;
type HalfWithMomentum = WithMomentum<Half>;
type OnHostWithMomentum = WithMomentum<OnHost>;
type PerParameterWithMomentum = WithMomentum<PerParameter>;

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
lookahead_laws::laws!(single_near_its_average: Single; schedule_free, gpa);
lookahead_laws::laws!(double_near_its_average: Double; schedule_free, gpa);
lookahead_laws::laws!(half_near_its_average: Half; schedule_free, gpa);
lookahead_laws::laws!(single_looking_ahead: Single; ema_nesterov, ema_nesterov_adam_w);
lookahead_laws::laws!(double_looking_ahead: Double; ema_nesterov, ema_nesterov_adam_w);
lookahead_laws::laws!(half_looking_ahead: Half; ema_nesterov, ema_nesterov_adam_w);
lookahead_laws::laws!(single_beside: Single; gpa_around_lookahead, ema_nesterov_around_lookahead);
lookahead_laws::laws!(double_beside: Double; gpa_around_lookahead, ema_nesterov_around_lookahead);
// not gpa_around_lookahead: its y goes less than half a unit of bf16 in a cycle, and a law asks that all weights move
lookahead_laws::laws!(half_beside: Half; ema_nesterov_around_lookahead);
lookahead_laws::laws!(single_with_momentum: SingleWithMomentum);
lookahead_laws::laws!(double_with_momentum: DoubleWithMomentum; sgd, heavy_ball, nested_heavy_ball, averaged);
lookahead_laws::laws!(half_with_momentum: HalfWithMomentum; sgd, heavy_ball, nested_heavy_ball);
lookahead_laws::laws!(on_host_with_momentum: OnHostWithMomentum; sgd, nested_heavy_ball);
lookahead_laws::laws!(per_parameter_with_momentum: PerParameterWithMomentum; sgd, heavy_ball, adam, nested_heavy_ball);
lookahead_laws::laws!(boxed: Boxed; sgd, heavy_ball, nesterov, adam, adam_w, nested_sgd, nested_scheduled);
lookahead_laws::laws!(stock: Stock);
lookahead_laws::laws!(per_parameter: PerParameter);
lookahead_laws::laws!(per_parameter_with_ada_factor: PerParameter; ada_factor, nested_ada_factor);
