//! A worker for timing the search for translations beside PyTorch: it translates on command and reports how long it took.
//! `decoding_worker --network transformer|transformer_middle|transformer_base [--beam 4] [--batch 64] [--threads 2]`
//!
//! The weights are the initial ones, with which a search hardly ever ends before the greatest length.

mod sentences;

use std::io::{Write, stdin, stdout};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::Device;
use lookahead_models::Transformer;
use lookahead_models::config::DecodingConfig;
use lookahead_models::decode::beam_search;
use lookahead_runs::Stop;
use serde_json::{Value, json};

use sentences::{VOCABULARY, model, sentences};

// As the program `lookahead` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lookahead_training::keep_freed_memory();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("decoding_worker: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let (mut network, [mut beam, mut batch, mut threads]) = (String::new(), [4, 64, 2].map(count));
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        let number = || {
            let number = value.parse::<NonZeroU32>();
            number.map_err(|_| format!("{option} is {value:?}, but must be a whole number above 0"))
        };
        match option.as_str() {
            "--network" => network = value,
            "--beam" => beam = number()?,
            "--batch" => batch = number()?,
            "--threads" => threads = number()?,
            _ => return Err(format!("unknown option {option:?}")),
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads.get() as usize).build_global().map_err(text)?;
    let device = Device::flex();
    let model = Transformer::new(&model(&network)?, VOCABULARY, 0, &device);
    let sources = sentences(batch.get() as usize, 0);
    let decoding = DecodingConfig { beam, length_penalty: 0.6, longest_extra: count(1) };

    say(&json!({"ready": true, "worker": "lookahead", "params": model.parameters()}))?;
    for line in stdin().lines() {
        let line = line.map_err(text)?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => return Ok(()),
            ["run", times] => {
                let times: usize = times.parse().map_err(|_| format!("{line:?}: not a number of times"))?;
                let (mut ms, mut subwords) = (Vec::new(), 0);
                for _ in 0..times {
                    let start = Instant::now();
                    let translations = beam_search(&model, &sources, &decoding, &device, &mut |_, _| {}, &Stop::new())
                        .map_err(text)?;
                    ms.push(start.elapsed().as_secs_f64() * 1e3);
                    subwords = translations.iter().map(Vec::len).sum();
                }
                say(&json!({"ms": ms, "subwords": subwords}))?;
            }
            _ => return Err(format!("{line:?} is not: run N or quit")),
        }
    }
    Ok(())
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn say(answer: &Value) -> Result<(), String> {
    let mut out = stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)
}

/// An error as the user reads it.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
