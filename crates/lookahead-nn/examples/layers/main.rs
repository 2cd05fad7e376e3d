//! Times passes of convolutions as they are asked for, line by line: `layers THREADS`, then lines of
//! `batch size channels filters kernel stride groups pass algorithm milliseconds`, each answered by `best median` in milliseconds.
//!
//! Algorithms are `auto`, `direct` and `winograd4x4`. Images are square and padded by half the kernel. `peak` in place of a
//! line answers the GFLOP/s that one thread reaches in multiplications and additions alone.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use lookahead_nn::{Algorithm, Conv2d, ConvShape};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(1), |threads| threads.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line == "peak" {
            println!("{:.1}", peak());
        } else {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [batch, size, channels, filters, kernel, stride, groups, pass, algorithm, milliseconds] = words[..]
            else {
                return Err(format!("ten words are needed, not {line:?}").into());
            };
            let (kernel, size, stride) = (kernel.parse()?, size.parse()?, stride.parse()?);
            let input = [batch.parse()?, size, size, channels.parse()?];
            let shape = ConvShape::new(input, filters.parse()?, [kernel, kernel])
                .with_padding(kernel / 2)
                .with_stride([stride, stride])
                .with_groups(groups.parse()?);
            let conv = Conv2d::new(&shape)?;
            let algorithm = match algorithm {
                "auto" => Algorithm::Auto,
                "direct" => Algorithm::Direct,
                "winograd4x4" => Algorithm::Winograd4x4,
                _ => return Err(format!("no algorithm is called {algorithm:?}").into()),
            };
            let (best, median) = time(&conv.with_algorithm(algorithm), pass, milliseconds.parse()?)?;
            println!("{best:.5} {median:.5}");
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// The fastest and the median run of a pass, of as many as there is time for.
fn time(conv: &Conv2d, pass: &str, milliseconds: u64) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let numbers = |len: usize, seed: u32| -> Vec<f32> {
        (0..len as u32).map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
    };
    let (x, w, dy) = (numbers(conv.input_len(), 1), numbers(conv.weight_len(), 2), numbers(conv.output_len(), 3));
    let mut result = vec![0.0; x.len().max(w.len()).max(dy.len())];
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < 5 || begin.elapsed() < Duration::from_millis(milliseconds) {
        let start = Instant::now();
        match pass {
            "forward" => conv.forward(&x, &w, None, &mut result[..dy.len()])?,
            "data" => conv.backward_data(&dy, &w, &mut result[..x.len()])?,
            "weight" => conv.backward_weight(&x, &dy, &mut result[..w.len()])?,
            _ => return Err(format!("no pass is called {pass:?}").into()),
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
        black_box(&mut result);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[0], times[times.len() / 2]))
}

/// GFLOP/s of twelve chains of fused multiplications and additions in registers.
fn peak() -> f64 {
    struct Chains;
    impl pulp::WithSimd for Chains {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) -> f64 {
            const STEPS: usize = 4_000_000;
            let mut sums = [simd.splat_f32s(1.0); 12];
            let factor = simd.splat_f32s(black_box(0.5));
            let start = Instant::now();
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = simd.mul_add_e_f32s(*sum, factor, factor);
                }
            }
            let seconds = start.elapsed().as_secs_f64();
            black_box(sums);
            (2 * 12 * S::F32_LANES * STEPS) as f64 / seconds * 1e-9
        }
    }
    (0..10).map(|_| pulp::Arch::new().dispatch(Chains)).fold(0.0, f64::max)
}
