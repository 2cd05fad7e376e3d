//! A worker for timing optimizer steps beside other implementations: it runs steps on command and reports their times.
//!
//! `peerbench_worker --shapes FILE.json [--inner sgdm|adamw] [--k 5] [--alpha 0.5] [--threads 2] [--variants a,b]`; see
//! [`build`] for the variants.

mod burn_module;
mod memory;
mod protocol;
mod separate;
mod slices;

use std::cell::LazyCell;
use std::process::ExitCode;
use std::rc::Rc;

use lookahead::{LookaheadConfig, SlowStorage, rules};
use lookahead_burn::{AdamW, RuleSet, Sgd};

use burn_module::BurnModule;
use memory::Memory;
use protocol::{Arguments, Inner, Shape, Variant};
use separate::Separate;
use slices::Slices;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("peerbench_worker: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global().map_err(text)?;
    let shapes = arguments.read_shapes()?;
    let mut memory = Memory::default();
    let variants = match arguments.inner {
        Inner::Sgdm => {
            let rule = rules::Sgd::new().with_momentum(0.9).and_then(|rule| rule.with_weight_decay(5e-4));
            build::<_, Sgd>(&rule.map_err(text)?, 1e-3, &arguments, &shapes, &mut memory)?
        }
        Inner::AdamW => build::<_, AdamW>(&rules::AdamW::new(), 1e-4, &arguments, &shapes, &mut memory)?,
    };
    protocol::serve(&arguments.variants, variants, shapes.iter().map(Shape::len).sum(), &memory)
}

/// The variants asked for, around the rule `R` for slices and `B` for Burn.
///
/// `inner` is the rule alone, `la` Lookahead with a sync of its own after the k-th step, `la_fused` Lookahead as users
/// have it, `la_bf16` the same with slow weights in bf16, `snoo` with SNOO's outer step; `burn_…` steps a Burn module. `burn_traversal` is `burn_la_fused`
/// on a module of as many parameters of one element each: what a step costs besides its arithmetic.
fn build<R, B>(
    rule: &R,
    lr: f64,
    arguments: &Arguments,
    shapes: &[Shape],
    memory: &mut Memory,
) -> Result<Vec<Box<dyn Variant>>, String>
where
    R: lookahead::Optimizer<f32> + Clone + 'static,
    B: burn::optim::Optimizer + From<R>,
{
    let config = LookaheadConfig::new().with_sync_period(arguments.k).with_alpha(arguments.alpha);
    let rounded = config.clone().with_slow_storage(SlowStorage::Bf16 { seed: 0 });
    let snoo = lookahead::family::snoo().with_sync_period(arguments.k);
    let points: Vec<Shape> = shapes.iter().map(Shape::point).collect();
    let slice_grads = LazyCell::new(|| Rc::new(slices::gradients(shapes)));
    let burn_grads = LazyCell::new(|| burn_module::gradients(shapes));
    let variant = |name: &String| -> Result<Box<dyn Variant>, String> {
        let (rule, config) = (rule.clone(), config.clone());
        let lookahead = |config| lookahead::Lookahead::with_config(rule.clone(), config).map_err(text);
        let burn_lookahead =
            |config| lookahead_burn::Lookahead::with_config(B::from(rule.clone()), config).map_err(text);
        Ok(match name.as_str() {
            "inner" => Box::new(Slices::new(rule, lr, shapes, &slice_grads, memory)?),
            "la" => {
                let lookahead = lookahead::Lookahead::with_config(Separate(rule), config).map_err(text)?;
                Box::new(Slices::new(lookahead, lr, shapes, &slice_grads, memory)?)
            }
            "la_fused" => Box::new(Slices::new(lookahead(config)?, lr, shapes, &slice_grads, memory)?),
            "la_bf16" => Box::new(Slices::new(lookahead(rounded.clone())?, lr, shapes, &slice_grads, memory)?),
            "snoo" => Box::new(Slices::new(lookahead(snoo.clone())?, lr, shapes, &slice_grads, memory)?),
            "burn_snoo" => Box::new(BurnModule::new(burn_lookahead(snoo.clone())?, lr, shapes, &burn_grads, memory)),
            "burn_inner" => Box::new(BurnModule::new(RuleSet::new(B::from(rule)), lr, shapes, &burn_grads, memory)),
            "burn_la" => {
                let rules = Separate(RuleSet::new(B::from(rule)));
                let lookahead = lookahead_burn::Lookahead::around(rules, config).map_err(text)?;
                Box::new(BurnModule::new(lookahead, lr, shapes, &burn_grads, memory))
            }
            "burn_la_fused" => Box::new(BurnModule::new(burn_lookahead(config)?, lr, shapes, &burn_grads, memory)),
            "burn_la_bf16" => {
                Box::new(BurnModule::new(burn_lookahead(rounded.clone())?, lr, shapes, &burn_grads, memory))
            }
            "burn_traversal" => {
                let grads = burn_module::gradients(&points);
                Box::new(BurnModule::new(burn_lookahead(config)?, lr, &points, &grads, memory))
            }
            _ => return Err(format!("there is no variant {name:?}, only {}", VARIANTS.join(", "))),
        })
    };
    arguments.variants.iter().map(variant).collect()
}

/// All variants of [`build`].
const VARIANTS: [&str; 11] = [
    "inner",
    "la",
    "la_fused",
    "la_bf16",
    "snoo",
    "burn_inner",
    "burn_la",
    "burn_la_fused",
    "burn_la_bf16",
    "burn_snoo",
    "burn_traversal",
];

/// An error as the user reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
