//! What the worker is told and what it answers: arguments, JSON lines, and the numbers every worker starts from.

use std::fs::File;
use std::io::{BufReader, Write, stdin, stdout};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lookahead::{Alpha, SyncPeriod};
use serde_json::{Value, json};

use crate::memory::{self, Memory};
use crate::{VARIANTS, text};

pub enum Inner {
    /// SGD: learning rate 1e-3, momentum 0.9, weight decay 5e-4.
    Sgdm,
    /// AdamW: learning rate 1e-4, weight decay 1e-2.
    AdamW,
}

pub struct Arguments {
    shapes: String,
    pub inner: Inner,
    pub k: SyncPeriod,
    pub alpha: Alpha,
    pub threads: usize,
    pub variants: Vec<String>,
}

impl Arguments {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut shapes, mut inner) = (None, Inner::Sgdm);
        let (mut k, mut alpha) = (SyncPeriod::default(), Alpha::default());
        let mut threads = 2;
        let mut variants = VARIANTS[..3].iter().map(ToString::to_string).collect();
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            let refused = |accepted: &str| format!("{option} is {value:?}, but must be {accepted}");
            match option.as_str() {
                "--shapes" => shapes = Some(value),
                "--inner" => {
                    inner = match value.as_str() {
                        "sgdm" => Inner::Sgdm,
                        "adamw" => Inner::AdamW,
                        _ => return Err(refused("sgdm or adamw")),
                    }
                }
                "--k" => {
                    let steps: u32 = value.parse().map_err(|_| refused("a whole number"))?;
                    k = SyncPeriod::new(steps).map_err(text)?;
                }
                "--alpha" => {
                    let share: f64 = value.parse().map_err(|_| refused("a number"))?;
                    alpha = Alpha::new(share).map_err(text)?;
                }
                "--threads" => {
                    let count: NonZeroUsize = value.parse().map_err(|_| refused("a whole number above 0"))?;
                    threads = count.get();
                }
                "--variants" => variants = value.split(',').map(String::from).collect(),
                _ => return Err(format!("unknown option {option:?}")),
            }
        }
        let shapes = shapes.ok_or("--shapes FILE.json is needed")?;
        Ok(Self { shapes, inner, k, alpha, threads, variants })
    }

    /// Reads the parameter set: a list of `[name, [extents]]`.
    pub fn read_shapes(&self) -> Result<Vec<Shape>, String> {
        let failed = |error: String| format!("--shapes {}: {error}", self.shapes);
        let file = File::open(&self.shapes).map_err(|error| failed(error.to_string()))?;
        let list: Vec<(String, Vec<usize>)> =
            serde_json::from_reader(BufReader::new(file)).map_err(|error| failed(error.to_string()))?;
        let mut offset = 0;
        let place = |(name, extents): (String, Vec<usize>)| {
            let shape = Shape { name, extents, offset };
            offset += shape.len();
            shape
        };
        Ok(list.into_iter().map(place).collect())
    }
}

/// One tensor of the parameter set.
pub struct Shape {
    pub name: String,
    pub extents: Vec<usize>,
    // How many values the tensors before it hold.
    offset: usize,
}

impl Shape {
    pub fn len(&self) -> usize {
        self.extents.iter().product()
    }

    /// A tensor of one element in its place.
    pub fn point(&self) -> Self {
        Self { name: self.name.clone(), extents: vec![1], offset: self.offset }
    }

    /// The weights that every worker starts from.
    pub fn weights(&self) -> Vec<f32> {
        self.values(2_654_435_761, 0, 0.1)
    }

    /// The gradients that every worker uses at every step.
    pub fn gradients(&self) -> Vec<f32> {
        self.values(2_246_822_519, 12_345, 0.02)
    }

    fn values(&self, factor: u64, summand: u64, scale: f64) -> Vec<f32> {
        let value = |i: usize| {
            let hashed = (i as u64).wrapping_mul(factor).wrapping_add(summand) as u32;
            ((f64::from(hashed) / 4_294_967_296.0 - 0.5) * scale) as f32
        };
        (self.offset..self.offset + self.len()).map(value).collect()
    }
}

/// A set of weights and the optimizer that moves them.
pub trait Variant {
    /// One step; gives how long the optimizer took.
    fn step(&mut self) -> Duration;

    /// Adds all weights to `sums`.
    fn add_to(&self, sums: &mut Sums);
}

/// The sum of all weights and of their absolute values.
#[derive(Default)]
pub struct Sums {
    sum: f64,
    sumabs: f64,
}

impl Sums {
    pub fn add(&mut self, weights: &[f32]) {
        for weight in weights.iter().copied().map(f64::from) {
            self.sum += weight;
            self.sumabs += weight.abs();
        }
    }
}

/// Times `step` alone.
pub fn time<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = step();
    (result, start.elapsed())
}

/// Says that the worker is ready, then answers commands until `quit` or the end of the input.
pub fn serve(
    names: &[String],
    mut variants: Vec<Box<dyn Variant>>,
    parameters: usize,
    memory: &Memory,
) -> Result<(), String> {
    let mut steps = vec![0; names.len()];
    say(&json!({"ready": true, "worker": "lookahead", "variants": names, "params": parameters}))?;
    for line in stdin().lines() {
        let line = line.map_err(text)?;
        let (command, name, count) = match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => continue,
            ["quit"] => return Ok(()),
            [command @ ("sum" | "mem"), name] => (command, name, 0),
            ["run", name, count] => {
                ("run", name, count.parse().map_err(|_| format!("{line:?}: {count:?} is not a number of steps"))?)
            }
            _ => return Err(format!("{line:?} is not: run VARIANT N, sum VARIANT, mem VARIANT or quit")),
        };
        let index = names.iter().position(|known| known == name);
        let index = index.ok_or_else(|| format!("{line:?}: the variants are {}", names.join(", ")))?;
        let variant = &mut variants[index];
        let answer = match command {
            "run" => {
                let ms: Vec<f64> = (0..count).map(|_| variant.step().as_secs_f64() * 1e3).collect();
                steps[index] += count;
                json!({"variant": name, "steps": count, "ms": ms})
            }
            "sum" => {
                let mut sums = Sums::default();
                variant.add_to(&mut sums);
                json!({"variant": name, "sum": sums.sum, "sumabs": sums.sumabs, "steps": steps[index]})
            }
            _ => {
                let (rss, hwm) = (memory::resident(), memory::peak());
                json!({"variant": name, "base_rss": memory.base(), "rss": rss, "hwm": hwm})
            }
        };
        say(&answer)?;
    }
    Ok(())
}

fn say(answer: &Value) -> Result<(), String> {
    let mut out = stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(text)
}
