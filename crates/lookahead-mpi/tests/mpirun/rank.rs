//! What a rank does: the laws, or a run of DiLoCo with a delay and 8 bits that is saved every 5 steps and meets a fault.

use std::error::Error as StdError;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, process, thread};

use lookahead::Snapshot;
use lookahead::collective::Collective;
use lookahead::rules::AdamW;
use lookahead_mpi::{Checkpoints, Error, Mpi, News, SlowStep, Wire};

use crate::launch::{FAULT, FOLDER};
use crate::laws::{self, Run, config, inner_step};

pub const STEPS: usize = 40;
pub const DEADLINE: Duration = Duration::from_secs(3);

pub fn main(task: &str) -> ExitCode {
    match task {
        "laws" => lookahead_mpi::run(Duration::from_secs(30), |workers| {
            assert_eq!(env::var("OMPI_COMM_WORLD_RANK")?, workers.rank().to_string());
            laws::LAWS.iter().for_each(|(_, law)| law(workers));
            Ok(())
        }),
        "train" => lookahead_mpi::run(DEADLINE, train),
        other => panic!("no task {other:?}"),
    }
}

fn train(workers: &mut Mpi) -> Result<(), Box<dyn StdError>> {
    let asked = Arc::<AtomicBool>::default();
    let seen = asked.clone();
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))?;
    let folder = env::var(FOLDER)?;
    let (folder, rank) = (Path::new(&folder), workers.rank());
    let checkpoints = Checkpoints::new(folder.join(rank.to_string()));
    let config = config(4).with_delay(2)?.with_wire(Wire::Int8);
    let mut run = Run::<f32>::new(workers, config.clone());
    if let Some((_, payload)) = checkpoints.load(workers)? {
        let (step, snapshot, slow_step): (usize, Vec<u8>, Vec<u8>) = postcard::from_bytes(&payload)?;
        run.inner = Snapshot::from_bytes(&snapshot)?.restore(&AdamW::new(), &mut run.params)?;
        run.slow_step = SlowStep::restore(config, workers, &run.params, &slow_step)?;
        run.step = step;
    }
    while run.step < STEPS {
        befall(folder, rank, run.step)?;
        thread::sleep(Duration::from_millis(10));
        inner_step(&AdamW::new(), 0.01, &mut run.params, &mut run.inner, run.step, rank)?;
        run.step += 1;
        let news = News { stop: asked.load(Ordering::Relaxed), ..News::default() };
        let synced = run.slow_step.after_step(workers, 0.01, &mut run.params, news)?;
        let stop = synced.is_some_and(|synced| synced.news.stop);
        if stop || run.step.is_multiple_of(5) {
            let snapshot = Snapshot::capture(&AdamW::new(), &run.params, &run.inner)?.to_bytes()?;
            let payload = postcard::to_allocvec(&(run.step, snapshot, run.slow_step.save(workers)?))?;
            checkpoints.save(workers, run.step as u64, &payload)?;
        }
        if stop {
            return Err(Error::Stopped.into());
        }
    }
    Ok(fs::write(folder.join(format!("bits-{rank}")), format!("{:?}", run.bits()))?)
}

/// The fault, if it is this rank's and this step's. A file tells when it was.
fn befall(folder: &Path, rank: usize, step: usize) -> Result<(), Box<dyn StdError>> {
    let fault = env::var(FAULT)?;
    let words: Vec<&str> = fault.split(' ').collect();
    let &[kind, its_rank, its_step] = words.as_slice() else { return Ok(()) };
    if (its_rank, its_step) != (rank.to_string().as_str(), step.to_string().as_str()) {
        return Ok(());
    }
    fs::write(folder.join("fault"), kind)?;
    let signal = |signal: &str| Command::new("kill").args([signal, &process::id().to_string()]).status();
    match kind {
        "panic" => panic!("as asked to"),
        "error" => return Err("as asked to".into()),
        "kill" => drop(signal("-KILL")?),
        "stop" => drop(signal("-STOP")?),
        "term" => drop(signal("-TERM")?),
        // meanwhile the driver does something to the job
        "wait" => thread::sleep(Duration::from_millis(1500)),
        "fill" => drop(fs::write(folder.join(its_rank).join("filler"), vec![0; 1 << 20])),
        other => return Err(format!("no fault {other:?}").into()),
    }
    Ok(())
}
