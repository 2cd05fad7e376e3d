//! Times communication between the ranks of a job: the mean in fixed order beside MPI's own all-reduce, and steps of both modes.
//!
//! `mpirun -n 2 communication reduce|pause|busy MILLIONS_OF_WEIGHTS MILLISECONDS_OF_A_STEP OUT.json`

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use lookahead::collective::{Collective, mean_over_workers};
use lookahead::{ParamSet, SyncPeriod, family};
use lookahead_mpi::{Mpi, News, SlowStep, SlowStepConfig, Wire, average_gradients};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::CommunicatorCollectives;
use serde_json::{Value, json};

const BUCKET: usize = 1 << 18;
const STEPS: usize = 40;

fn main() -> ExitCode {
    lookahead_mpi::run(Duration::from_secs(60), |workers| {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [what, millions, step, out] = arguments.as_slice() else {
            return Err("expected: reduce|pause|busy MILLIONS MILLISECONDS OUT".into());
        };
        let elements = (millions.parse::<f64>()? * 1e6) as usize;
        let result = match what.as_str() {
            "reduce" => reduce(workers, elements)?,
            "pause" => modes(workers, elements, step.parse::<f64>()? / 1e3, false)?,
            "busy" => modes(workers, elements, step.parse::<f64>()? / 1e3, true)?,
            other => return Err(format!("none of reduce, pause and busy: {other}").into()),
        };
        if workers.rank() == 0 {
            println!("{result:#}");
            fs::write(out, format!("{result:#}\n"))?;
        }
        Ok(())
    })
}

/// Medians of 15, all in turn; and the time of the smallest gathering, which is two messages.
fn reduce(workers: &mut Mpi, elements: usize) -> Result<Value, Box<dyn Error>> {
    let mut values: Vec<f32> = (0..elements).map(|i| (i + workers.rank()) as f32).collect();
    let mut received = vec![0.0_f32; elements];
    let world = SimpleCommunicator::world();
    let [mut ours, mut theirs, mut whole, mut small] = [const { Vec::new() }; 4];
    for _ in 0..15 {
        ours.push(timed(workers, |workers| Ok(mean_over_workers(workers, &mut values)?))?);
        theirs.push(timed(workers, |_| {
            for (from, to) in values.chunks(BUCKET).zip(received.chunks_mut(BUCKET)) {
                world.all_reduce_into(from, to, SystemOperation::sum());
            }
            Ok(())
        })?);
        whole.push(timed(workers, |_| {
            world.all_reduce_into(&values[..], &mut received[..], SystemOperation::sum());
            Ok(())
        })?);
        small.push(timed(workers, |workers| Ok(workers.barrier()?))?);
    }
    black_box(&received);
    let [ours, theirs, whole, small] = [ours, theirs, whole, small].map(median);
    Ok(json!({
        "ranks": workers.size(), "weights": elements, "repetitions": 15,
        "mean_in_fixed_order_s": ours, "mpi_allreduce_in_buckets_s": theirs, "mpi_allreduce_whole_s": whole,
        "fixed_order_over_allreduce": ours / theirs.min(whole), "barrier_s": small,
    }))
}

fn timed(workers: &mut Mpi, work: impl FnOnce(&mut Mpi) -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    workers.barrier()?;
    let begun = Instant::now();
    work(workers)?;
    Ok(begun.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds a step, over 40 steps of each mode. A step changes nothing: it leaves the processor alone, as an accelerator would, or
/// keeps one core busy with as much work on each rank.
fn modes(workers: &mut Mpi, elements: usize, step: f64, busy: bool) -> Result<Value, Box<dyn Error>> {
    workers.barrier()?;
    let (trial, begun) = (20_000_000, Instant::now());
    work(trial);
    let mut in_a_second = [trial as f64 / begun.elapsed().as_secs_f64()];
    mean_over_workers(workers, &mut in_a_second)?;
    let amount = (in_a_second[0] * step) as u64;
    let compute = || if busy { work(amount) } else { thread::sleep(Duration::from_secs_f64(step)) };

    let mut rows = Vec::new();
    let alone = seconds_a_step(workers, |_, _| {
        compute();
        Ok(())
    })?;
    rows.push(json!({ "mode": "no communication", "s_per_step": alone }));
    let mut gradient = vec![1.0_f32; elements];
    let sent = workers.sent();
    let gradients = seconds_a_step(workers, |workers, _| {
        compute();
        Ok(average_gradients(workers, &mut [&mut gradient], |_, _| {})?)
    })?;
    let sent = (workers.sent() - sent) / STEPS as u64;
    rows.push(json!({ "mode": "gradients", "s_per_step": gradients, "bytes_per_step": sent }));
    for (k, tau, wire) in [
        (1, 0, Wire::Full),
        (5, 0, Wire::Full),
        (20, 0, Wire::Full),
        (5, 2, Wire::Full),
        (5, 4, Wire::Full),
        (20, 4, Wire::Full),
        (5, 0, Wire::Int8),
    ] {
        let mut params = ParamSet::<f32>::new();
        params.push("w", [elements], vec![1.0; elements])?;
        let config = SlowStepConfig::new(&family::diloco().with_sync_period(SyncPeriod::new(k)?))?;
        let config = config.with_delay(tau)?.with_wire(wire).with_check_every(0);
        let mut slow_step = SlowStep::new(config, workers, &params);
        let sent = workers.sent();
        let seconds = seconds_a_step(workers, |workers, _| {
            compute();
            slow_step.after_step(workers, 0.1, &mut params, News::default())?;
            Ok(())
        })?;
        let sent = (workers.sent() - sent) as f64 / STEPS as f64;
        rows.push(json!({
            "mode": slow_step.config().algorithm(), "k": k, "tau": tau, "wire": format!("{wire:?}"), "s_per_step": seconds,
            "gradients_over_this": gradients / seconds, "bytes_per_step": sent,
            "s_of_communication_per_sync": (seconds - alone) * f64::from(k),
        }));
    }
    Ok(
        json!({ "ranks": workers.size(), "weights": elements, "step_s": step, "busy": busy, "steps": STEPS, "modes": rows }),
    )
}

fn seconds_a_step(
    workers: &mut Mpi,
    mut step: impl FnMut(&mut Mpi, usize) -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    timed(workers, |workers| {
        (0..STEPS).try_for_each(|t| step(workers, t))?;
        Ok(workers.barrier()?)
    })
    .map(|seconds| seconds / STEPS as f64)
}

fn work(amount: u64) {
    black_box((0..amount).fold(1_u64, |hash, i| black_box(hash.rotate_left(5) ^ i)));
}
