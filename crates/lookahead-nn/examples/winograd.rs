//! Times `Algorithm::Winograd4x4` beside `Algorithm::Auto` on layers of ResNets, 32 images each: `winograd THREADS
//! SECONDS`, with so many seconds for each pass. Prints the GFLOP/s of the fastest runs, padding counted as in the
//! definition, and the median and the middle half of the ratios of times: runs alternate, and each ratio is that of two
//! neighbours, so that other programs slow down both.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use lookahead_nn::{Algorithm, Conv2d, ConvShape};

/// `[size, channels]`, of CIFAR and of ImageNet.
const LAYERS: [[usize; 2]; 8] = [[32, 64], [16, 128], [8, 256], [32, 32], [16, 64], [56, 64], [28, 128], [14, 256]];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [threads, seconds] = &arguments[..] else { return Err("two words are needed: THREADS SECONDS".into()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?;
    let time = Duration::from_secs_f64(seconds.parse()?);
    println!("| layer | pass | auto | 4x4 | times as fast | middle half | runs |");
    println!("|---|---|---|---|---|---|---|");
    for [size, channels] in LAYERS {
        let shape = ConvShape::new([32, size, size, channels], channels, [3, 3]).with_padding(1);
        let conv = Conv2d::new(&shape)?;
        for pass in ["forward", "data", "weight"] {
            let [auto, large] = compare(&conv, pass, time)?;
            let mut ratios: Vec<f64> = auto.iter().zip(&large).map(|(auto, large)| auto / large).collect();
            ratios.sort_by(f64::total_cmp);
            let [lower, median, upper] = [1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]);
            let flops = (2 * 9 * channels * conv.output_len()) as f64;
            let [auto, large] =
                [&auto, &large].map(|times| flops / times.iter().copied().fold(f64::MAX, f64::min) * 1e-9);
            println!(
                "| {channels}, {size}x{size} | {pass} | {auto:.0} | {large:.0} | {median:.2} | {lower:.2} to {upper:.2} | {} |",
                ratios.len()
            );
        }
    }
    Ok(())
}

/// Seconds of each run, by default and with large tiles, in turn.
fn compare(conv: &Conv2d, pass: &str, time: Duration) -> Result<[Vec<f64>; 2], Box<dyn Error>> {
    let numbers = |len: usize, seed: u32| -> Vec<f32> {
        (0..len as u32).map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
    };
    let (x, w, dy) = (numbers(conv.input_len(), 1), numbers(conv.weight_len(), 2), numbers(conv.output_len(), 3));
    let mut result = vec![0.0; x.len().max(w.len()).max(dy.len())];
    let mut times = [Vec::new(), Vec::new()];
    let begin = Instant::now();
    while times[0].len() < 8 || begin.elapsed() < time {
        for (algorithm, times) in [Algorithm::Auto, Algorithm::Winograd4x4].into_iter().zip(&mut times) {
            let conv = conv.with_algorithm(algorithm);
            let start = Instant::now();
            match pass {
                "forward" => conv.forward(&x, &w, None, &mut result[..dy.len()])?,
                "data" => conv.backward_data(&dy, &w, &mut result[..x.len()])?,
                _ => conv.backward_weight(&x, &dy, &mut result[..w.len()])?,
            }
            times.push(start.elapsed().as_secs_f64());
            black_box(&mut result);
        }
    }
    Ok(times)
}
