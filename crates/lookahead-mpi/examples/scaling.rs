//! Draws what the measured terms of a link would give with up to 1024 workers: `scaling FOLDER`, with the files that the record
//! `workers_communication` is made of; writes scaling.svg and scaling.csv there.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use lookahead_mpi::Job;
use serde_json::Value;

const WORKERS: [u32; 10] = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/// Name, k, tau, colour; k = 0 is averaged gradients.
const CURVES: [(&str, u32, u32, &str); 5] = [
    ("gradients", 0, 0, "#b4442f"),
    ("k = 5", 5, 0, "#d08a1d"),
    ("k = 20", 20, 0, "#2cb07e"),
    ("k = 20, tau = 4", 20, 4, "#287d8e"),
    ("k = 100", 100, 0, "#3f4686"),
];
const LEFT: f64 = 60.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 350.0;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("expected: scaling FOLDER")?;
    let job = measured(Path::new(&folder))?;
    let parts = |n: u32, k: u32, tau: u32| job.step / if k == 0 { job.gradients(n) } else { job.slow_step(n, k, tau) };
    let mut csv = "workers,mean_s,break_even_k".to_owned();
    CURVES.iter().try_for_each(|(name, ..)| write!(csv, ",{}", name.replace(',', "")))?;
    for n in WORKERS {
        write!(csv, "\n{n},{:.4},{}", job.mean(n), job.break_even(n))?;
        CURVES.iter().try_for_each(|(_, k, tau, _)| write!(csv, ",{:.4}", parts(n, *k, *tau)))?;
    }
    let mut plot = String::new();
    for tick in 0..=5 {
        let (part, y) = (f64::from(tick) / 5.0, y_of(f64::from(tick) / 5.0));
        write!(plot, "<path class='grid' d='M{LEFT} {y:.1}H{RIGHT}'/>")?;
        write!(plot, "<text x='{}' y='{:.1}' text-anchor='end'>{part:.1}</text>", LEFT - 8.0, y + 4.0)?;
    }
    for n in WORKERS {
        write!(plot, "<text x='{:.1}' y='{}' text-anchor='middle'>{n}</text>", x_of(n), BOTTOM + 20.0)?;
    }
    for (at, (name, k, tau, colour)) in CURVES.iter().enumerate() {
        let points: Vec<String> =
            WORKERS.iter().map(|&n| format!("{:.1} {:.1}", x_of(n), y_of(parts(n, *k, *tau)))).collect();
        write!(plot, "<path fill='none' stroke='{colour}' stroke-width='2.2' d='M{}'/>", points.join("L"))?;
        let y = TOP + 20.0 + 22.0 * at as f64;
        write!(plot, "<path stroke='{colour}' stroke-width='2.2' d='M{} {y}h20'/>", RIGHT + 16.0)?;
        write!(plot, "<text x='{}' y='{}'>{name}</text>", RIGHT + 42.0, y + 4.0)?;
    }
    let title = format!(
        "Estimate: the part of the time that is computing, {:.0} MB of weights, steps of {:.0} ms, {:.0} MB/s, {:.0} us",
        job.bytes / 1e6,
        job.step * 1e3,
        job.bandwidth / 1e6,
        job.latency * 1e6
    );
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 800 400' width='800' height='400' role='img' \
         aria-label='{title}'><style>text{{font:13px system-ui,sans-serif;fill:#1c2430}}.grid{{stroke:#e4e8ed}}</style>\
         <rect width='800' height='400' fill='#fff'/><text x='{LEFT}' y='26'>{title}</text>{plot}\
         <text x='{:.0}' y='{}' text-anchor='middle'>workers (log scale)</text></svg>\n",
        0.5 * (LEFT + RIGHT),
        BOTTOM + 42.0
    );
    fs::write(Path::new(&folder).join("scaling.svg"), svg)?;
    fs::write(Path::new(&folder).join("scaling.csv"), csv + "\n")?;
    Ok(())
}

/// The terms from two ranks over the link, in buckets of 1 MB.
fn measured(folder: &Path) -> Result<Job, Box<dyn Error>> {
    let read = |name: &str| Ok::<Value, Box<dyn Error>>(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?);
    let (reduce, modes) = (read("link_reduce.json")?, read("link_pause.json")?);
    let number = |value: &Value, name: &str| value[name].as_f64().ok_or(format!("no number {name}"));
    let (latency, mean) = (number(&reduce, "barrier_s")?, number(&reduce, "mean_in_fixed_order_s")?);
    let (bytes, bucket) = (4.0 * number(&reduce, "weights")?, f64::from(1 << 20));
    // mean = 2 (buckets latency + bytes / (2 bandwidth))
    let bandwidth = bytes / (mean - 2.0 * (bytes / bucket).ceil() * latency);
    Ok(Job { step: number(&modes, "step_s")?, bytes: 4.0 * number(&modes, "weights")?, latency, bandwidth, bucket })
}

fn x_of(workers: u32) -> f64 {
    LEFT + (RIGHT - LEFT) * (f64::from(workers).log2() - 1.0) / 9.0
}

fn y_of(part: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * part
}
