//! The number of threads changes no bit.

use lookahead_nn::norm::{BatchNorm, Downstream, Epilogue, Upstream, add_relu};
use rayon::ThreadPoolBuilder;

use super::noise;

/// The bits of all that a layer computes forward and backward.
fn bits(x: &[f32], channels: usize) -> Vec<u64> {
    let (gamma, beta) = (noise(2, channels, 1.0, 0.3), noise(3, channels, 0.1, 0.3));
    let (added, dy) = (noise(4, x.len(), 0.0, 1.0), noise(5, x.len(), 0.2, 1.0));
    let [mut y, mut dx, mut d_added, mut sum] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
    let norm = BatchNorm::new(&gamma, &beta, 1e-5).unwrap();
    let batch = norm.train(x, Epilogue::default().with_added(&added).with_relu(), &mut y).unwrap();
    let above = Upstream::new(&dy).through_relu(&y);
    let below = Downstream::new(&mut dx).with_added(&mut d_added);
    let parameters = norm.backward(x, &batch, above, below).unwrap();
    add_relu(x, &added, &mut sum).unwrap();
    let wide = batch.mean.iter().chain(&batch.variance).map(|value| value.to_bits());
    let narrow = [&y, &dx, &d_added, &sum, &parameters.gamma, &parameters.beta];
    wide.chain(narrow.into_iter().flatten().map(|value| u64::from(value.to_bits()))).collect()
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    for (pixels, channels) in [(1, 5), (300_001, 1), (100_003, 3), (20_011, 17), (5_000, 64), (70, 1023)] {
        let x = noise(13, pixels * channels, 0.5, 1.0);
        let with = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bits(&x, channels))
        };
        let expected = with(1);
        for threads in [2, 3] {
            assert!(with(threads) == expected, "{pixels} pixels, {channels} channels, {threads} threads");
        }
    }
}
