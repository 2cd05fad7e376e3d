//! Fits a line of 8 weights to noisy examples, with DiLoCo's outer step over the ranks: `mpirun -n 4 workers CHECKPOINTS`. Ends
//! with a checkpoint when a signal asks it to, and goes on from there the next time.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lookahead::collective::Collective;
use lookahead::rules::AdamW;
use lookahead::{Grads, Optimizer, ParamSet, Snapshot, SyncPeriod, family};
use lookahead_mpi::{Checkpoints, Mpi, News, SlowStep, SlowStepConfig, begin_together, shard};

const EPOCHS: usize = 20;
const EXAMPLES: usize = 1000;
const BATCH: usize = 10;

fn main() -> ExitCode {
    lookahead_mpi::run(Duration::from_secs(60), train)
}

fn train(workers: &mut Mpi) -> Result<(), Box<dyn Error>> {
    let asked = Arc::<AtomicBool>::default();
    let seen = asked.clone();
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))?;
    let checkpoints = Checkpoints::new(std::env::args().nth(1).unwrap_or_else(|| "checkpoints".to_owned()));
    let config = SlowStepConfig::new(&family::diloco().with_sync_period(SyncPeriod::new(5)?))?;
    let rule = AdamW::new();

    let mut params = ParamSet::new();
    params.push("weights", [8], vec![0.0_f32; 8])?;
    begin_together(workers, &format!("{config:?} {rule:?} {EPOCHS} {EXAMPLES} {BATCH}"), &mut params)?;
    let (mut begun, mut state) = (0, rule.init(&params));
    let mut slow_step = SlowStep::new(config.clone(), workers, &params);
    if let Some((step, payload)) = checkpoints.load(workers)? {
        let (snapshot, saved): (Vec<u8>, Vec<u8>) = postcard::from_bytes(&payload)?;
        state = Snapshot::from_bytes(&snapshot)?.restore(&rule, &mut params)?;
        slow_step = SlowStep::restore(config, workers, &params, &saved)?;
        begun = step as usize;
    }

    let mine = shard(EXAMPLES, workers.rank(), workers.size());
    let steps = mine.len() / BATCH;
    let mut clock = Instant::now();
    for step in begun..EPOCHS * steps {
        // fresh examples in each epoch
        let first = mine.start + step % steps * BATCH + step / steps * EXAMPLES;
        let (loss, gradient) = loss_and_gradient(params.slice(0), first..first + BATCH);
        let grads = Grads::new(&params, [Some(gradient)])?;
        rule.step(0.05, &mut params, &grads, &mut state);
        let news = News { loss, seconds: clock.elapsed().as_secs_f64(), stop: asked.load(Ordering::Relaxed) };
        let Some(synced) = slow_step.after_step(workers, 0.05, &mut params, news)? else { continue };
        clock = Instant::now();
        let outer = synced.outer + 1;
        if synced.news.stop || outer.is_multiple_of(20) {
            let snapshot = Snapshot::capture(&rule, &params, &state)?.to_bytes()?;
            let payload = postcard::to_allocvec(&(snapshot, slow_step.save(workers)?))?;
            checkpoints.save(workers, (step + 1) as u64, &payload)?;
        }
        if workers.rank() == 0 && outer.is_multiple_of(20) {
            let (loss, slowest, cosine) = (synced.news.loss, synced.news.slowest, synced.cosine.unwrap_or(1.0));
            println!("sync {outer}: loss {loss:.4}, cosine {cosine:.2}, slowest rank {slowest}");
        }
        if synced.news.stop {
            return Err(lookahead_mpi::Error::Stopped.into());
        }
    }
    Ok(())
}

/// The mean squared error of these examples, and its gradient: `y = sum_j (j + 1) x_j` and some noise.
fn loss_and_gradient(weights: &[f32], examples: std::ops::Range<usize>) -> (f64, Vec<f32>) {
    let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
    let n = examples.len() as f32;
    for example in examples {
        let x: Vec<f32> = (0..weights.len()).map(|j| ((example * 8 + j) as f32 * 12.9898).sin()).collect();
        let y: f32 = x.iter().zip(1..).map(|(x, j)| x * j as f32).sum::<f32>() + 0.1 * (example as f32).sin();
        let error = x.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() - y;
        loss += f64::from(error * error / n);
        gradient.iter_mut().zip(&x).for_each(|(g, x)| *g += 2.0 * error * x / n);
    }
    (loss, gradient)
}
