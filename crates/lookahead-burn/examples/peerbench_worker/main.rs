//! A worker for timing optimizer steps beside other implementations: it runs steps on command and reports their times.
//!
//! `peerbench_worker --shapes FILE.json [--inner sgdm|adamw] [--k 5] [--alpha 0.5] [--threads 2] [--variants a,b]`:
//! `inner` and `la` step slices of the core crate, `burn_inner` and `burn_la` a Burn module.

mod burn_module;
mod memory;
mod protocol;
mod slices;

use std::cell::LazyCell;
use std::process::ExitCode;
use std::rc::Rc;

use lookahead::{LookaheadConfig, rules};
use lookahead_burn::{AdamW, RuleSet, Sgd};

use burn_module::BurnModule;
use memory::Memory;
use protocol::{Arguments, Inner, Shape, Variant};
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
    let slice_grads = LazyCell::new(|| Rc::new(slices::gradients(shapes)));
    let burn_grads = LazyCell::new(|| burn_module::gradients(shapes));
    let variant = |name: &String| -> Result<Box<dyn Variant>, String> {
        let (rule, config) = (rule.clone(), config.clone());
        Ok(match name.as_str() {
            "inner" => Box::new(Slices::new(rule, lr, shapes, &slice_grads, memory)?),
            "la" => {
                let lookahead = lookahead::Lookahead::with_config(rule, config).map_err(text)?;
                Box::new(Slices::new(lookahead, lr, shapes, &slice_grads, memory)?)
            }
            "burn_inner" => Box::new(BurnModule::new(RuleSet::new(B::from(rule)), lr, shapes, &burn_grads, memory)),
            "burn_la" => {
                let lookahead = lookahead_burn::Lookahead::with_config(B::from(rule), config).map_err(text)?;
                Box::new(BurnModule::new(lookahead, lr, shapes, &burn_grads, memory))
            }
            _ => return Err(format!("there is no variant {name:?}, only inner, la, burn_inner, burn_la")),
        })
    };
    arguments.variants.iter().map(variant).collect()
}

/// An error as the user reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
