//! The measurement: all variants of all workers in turn, so that the drift of the machine hits all of them alike. Before each
//! step the caches are filled with other memory, as a forward and backward pass would.

use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::PERIOD;
use super::worker::{Plan, Worker};

/// Milliseconds of steps in one measurement of one variant, about, and the most cycles in it.
const TARGET: f64 = 150.0;
const MOST_CYCLES: f64 = 4.0;

/// Bytes that are read between two steps: some times the last-level cache that two cores may have to themselves.
const SPOILT: usize = 192 << 20;

/// How far the sums of weights may be apart after ten steps, of the sum of absolute values: rounding.
const TOLERANCE: f64 = 1e-6;

/// One variant of one worker.
struct Cell {
    worker: usize,
    variant: String,
    cycles: usize,
    /// Milliseconds a step, over whole cycles, by repetition.
    ms: Vec<f64>,
    /// The k-th step against the others of its cycle: what Lookahead costs, as a factor of a cycle's time.
    in_cycle: Vec<f64>,
}

pub fn measure(workers: &mut [Worker], repetitions: usize) -> Result<Vec<Value>> {
    let spoiler = Spoiler::default();
    let mut cells = Vec::new();
    for (worker, known) in workers.iter().enumerate() {
        let cell =
            |variant: &String| Cell { worker, variant: variant.clone(), cycles: 1, ms: vec![], in_cycle: vec![] };
        cells.extend(known.variants.iter().map(cell));
    }
    for cell in &cells {
        workers[cell.worker].time(&cell.variant, 2 * PERIOD)?;
    }
    compare_sums(workers, &cells)?;
    for cell in &mut cells {
        let cycle: f64 = workers[cell.worker].time(&cell.variant, PERIOD)?.iter().sum();
        cell.cycles = (TARGET / cycle).round().clamp(1.0, MOST_CYCLES) as usize;
    }
    for repetition in 0..repetitions {
        let (count, forward) = (cells.len(), repetition % 2 == 0);
        for turn in 0..count {
            let turn = if forward { turn } else { count - 1 - turn };
            let cell = &mut cells[(repetition + turn) % count];
            // Lets the threads of the last worker fall asleep.
            thread::sleep(Duration::from_millis(20));
            let times = spoiler.time(&mut workers[cell.worker], &cell.variant, cell.cycles * PERIOD)?;
            cell.ms.push(times.iter().sum::<f64>() / times.len() as f64);
            for cycle in times.chunks_exact(PERIOD) {
                let others = median(&cycle[..PERIOD - 1]);
                cell.in_cycle.push((cycle[PERIOD - 1] + (PERIOD - 1) as f64 * others) / (PERIOD as f64 * others));
            }
        }
    }
    let result = |cell: &Cell| {
        json!({
            "worker": workers[cell.worker].name, "variant": cell.variant,
            "ms": { "least": least(&cell.ms), "median": median(&cell.ms), "greatest": -least(&negated(&cell.ms)) },
            "ratio_in_cycle": median(&cell.in_cycle),
        })
    };
    Ok(cells.iter().map(result).collect())
}

/// Memory that nobody else wants.
struct Spoiler(Vec<u64>);

impl Default for Spoiler {
    fn default() -> Self {
        // Not zeros, whose pages could all be one.
        Self((0..SPOILT as u64 / 8).collect())
    }
}

impl Spoiler {
    /// Milliseconds of each of `steps` steps, none of which finds its tensors in a cache.
    fn time(&self, worker: &mut Worker, variant: &str, steps: usize) -> Result<Vec<f64>> {
        let mut times = Vec::with_capacity(steps);
        for _ in 0..steps {
            self.spoil();
            times.extend(worker.time(variant, 1)?);
        }
        Ok(times)
    }

    /// Reads all of it on two threads. Nothing is written: no step has to carry our lines back to memory.
    fn spoil(&self) {
        let read = |half: &[u64]| black_box(half.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value)));
        let (one, other) = self.0.split_at(self.0.len() / 2);
        thread::scope(|scope| {
            scope.spawn(|| read(one));
            read(other);
        });
    }
}

/// After two cycles all have stepped alike, or what is timed is not the same optimizer.
fn compare_sums(workers: &mut [Worker], cells: &[Cell]) -> Result<()> {
    let mut known: [Option<(String, f64)>; 3] = [const { None }; 3];
    for cell in cells.iter().filter(|cell| !matches!(&*cell.variant, "la_bf16" | "burn_traversal" | "la_timm")) {
        let worker = &mut workers[cell.worker];
        let answer = worker.ask(&format!("sum {}", cell.variant))?;
        let (sum, sumabs) = answer["sum"].as_f64().zip(answer["sumabs"].as_f64()).context("an answer without sums")?;
        let name = format!("{}/{}", worker.name, cell.variant);
        let kind = if cell.variant.contains("snoo") { 2 } else { usize::from(cell.variant.contains("la")) };
        match &known[kind] {
            Some((other, expected)) => ensure!(
                (sum - expected).abs() <= TOLERANCE * sumabs,
                "after {} steps the weights of {name} add up to {sum}, those of {other} to {expected}",
                2 * PERIOD
            ),
            None => known[kind] = Some((name, sum)),
        }
    }
    Ok(())
}

/// Bytes a parameter that our Lookahead keeps beyond its inner optimizer, each variant in a process of its own.
pub fn memory(ours: &Plan, shapes: &Path, inner: &str, threads: usize) -> Result<Value> {
    let bytes = |variant: &str| -> Result<(f64, f64)> {
        let mut worker = Worker::start(ours, shapes, inner, threads, &[variant.to_owned()])?;
        worker.time(variant, 2 * PERIOD)?;
        let answer = worker.ask(&format!("mem {variant}"))?;
        let field = |name: &str| answer[name].as_f64().with_context(|| format!("no {name} from the worker"));
        let (base, params) = (field("base_rss")?, worker.params as f64);
        Ok(((field("rss")? - base) / params, (field("hwm")? - base) / params))
    };
    let (inner_now, inner_peak) = bytes("inner")?;
    let mut beyond = json!({});
    for variant in ["la_fused", "la_bf16"] {
        let (now, peak) = bytes(variant)?;
        beyond[variant] = json!({ "state": now - inner_now, "peak": peak - inner_peak });
    }
    Ok(beyond)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn negated(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| -value).collect()
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => (sorted[length / 2 - 1] + sorted[length / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        assert!(median(&[]).is_nan());
    }
}
