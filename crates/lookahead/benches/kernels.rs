//! Each kernel on tensors in the cache (16 Ki weights) and in memory (16 Mi), with the bytes a second that it moves.
//!
//! `cargo bench -p lookahead-optim`; bytes are those that have to be read and written at least once.

use divan::Bencher;
use divan::counter::BytesCount;
use lookahead::kernels::{AlphaTerms, Moments, Pass, Slow, SlowValues, Task, TensorSync, adam, bf16::Rounding, sgd};
use lookahead::rules::{AdamW, BiasCorrection};
use lookahead::{Alpha, Buffer, CurvaturePower};

fn main() {
    divan::main();
}

const LENGTHS: [usize; 2] = [1 << 14, 1 << 24];

/// The buffers of one tensor, each at a place of its own in a page.
struct Tensor<const M: usize> {
    weights: Buffer<f32>,
    gradient: Buffer<f32>,
    moments: [Buffer<f32>; M],
    slow: Buffer<f32>,
    anchors: [Buffer<f32>; M],
    rounded: Buffer<u16>,
}

impl<const M: usize> Tensor<M> {
    fn new(length: usize) -> Self {
        let values = |i: usize| Buffer::at_place(&vec![0.01_f32; length], i);
        Self {
            weights: values(0),
            gradient: values(1),
            moments: std::array::from_fn(|moment| values(2 + moment)),
            slow: values(5),
            anchors: std::array::from_fn(|moment| values(6 + moment)),
            rounded: vec![0; length].into(),
        }
    }
}

/// What follows the rule in the same pass.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    PullBack,
    Rounded,
    Interpolate,
}

fn step<C: Copy + Send + Sync, const M: usize>(
    bencher: Bencher,
    length: usize,
    after: After,
    rule: impl Fn(f32, f32, [f32; M], C) -> (f32, [f32; M]) + Sync,
    coefficients: C,
) where
    for<'a> [&'a mut [f32]; M]: Moments<f32, M>,
{
    let mut tensor = Tensor::<M>::new(length);
    // theta and the moments are read and written, the gradient is read
    let rule_bytes = 4 * (2 + 1 + 2 * M);
    let sync_bytes = match after {
        After::Nothing => 0,
        After::PullBack => 8,
        After::Rounded => 4,
        After::Interpolate => 8 + 8 * M,
    };
    let (alpha, pass) = (Alpha::default(), Pass::new());
    bencher.counter(BytesCount::new(length * (rule_bytes + sync_bytes))).bench_local(|| {
        let Tensor { weights, gradient, moments, slow, anchors, rounded } = &mut tensor;
        let sync = match after {
            After::Nothing => None,
            After::PullBack => Some(TensorSync { slow: Slow::Full(slow), alpha, anchors: None }),
            After::Rounded => {
                let slow = Slow::Bf16(rounded, Rounding::at_sync(0, 0, 0));
                Some(TensorSync { slow, alpha, anchors: None })
            }
            After::Interpolate => {
                let anchors = Some(anchors.each_mut().map(|anchor| &mut anchor[..]));
                Some(TensorSync { slow: Slow::Full(slow), alpha, anchors })
            }
        };
        let moments = moments.each_mut().map(|moment| &mut moment[..]);
        let task = Task { weights, gradient: Some(gradient), moments, coefficients, sync };
        pass.step(length, std::iter::once(task), &rule)
    });
}

fn sgd_coefficients() -> sgd::Coefficients<f32> {
    sgd::Coefficients { lr: 1e-3, weight_decay: 5e-4, momentum: 0.9, gradient_weight: 1.0 }
}

fn adam_coefficients() -> adam::Coefficients<f32> {
    AdamW::new().hyperparameters().coefficients(1e-4, BiasCorrection { first: 0.5, second: 0.5 })
}

#[divan::bench(args = LENGTHS)]
fn sgd_plain(bencher: Bencher, length: usize) {
    step(bencher, length, After::Nothing, sgd::plain, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn sgd_heavy_ball(bencher: Bencher, length: usize) {
    step(bencher, length, After::Nothing, sgd::heavy_ball, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn sgd_nesterov(bencher: Bencher, length: usize) {
    step(bencher, length, After::Nothing, sgd::nesterov, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn sgd_heavy_ball_and_pull_back(bencher: Bencher, length: usize) {
    step(bencher, length, After::PullBack, sgd::heavy_ball, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn sgd_heavy_ball_and_pull_back_bf16(bencher: Bencher, length: usize) {
    step(bencher, length, After::Rounded, sgd::heavy_ball, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn sgd_heavy_ball_pull_back_and_interpolate(bencher: Bencher, length: usize) {
    step(bencher, length, After::Interpolate, sgd::heavy_ball, sgd_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn adamw(bencher: Bencher, length: usize) {
    step(bencher, length, After::Nothing, adam::step, adam_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn adamw_and_pull_back(bencher: Bencher, length: usize) {
    step(bencher, length, After::PullBack, adam::step, adam_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn adamw_pull_back_and_interpolate(bencher: Bencher, length: usize) {
    step(bencher, length, After::Interpolate, adam::step, adam_coefficients());
}

#[divan::bench(args = LENGTHS)]
fn pull_back(bencher: Bencher, length: usize) {
    let Tensor { mut weights, mut slow, .. } = Tensor::<0>::new(length);
    let (alpha, pass) = (Alpha::default(), Pass::new());
    bencher.counter(BytesCount::new(length * 16)).bench_local(|| pass.pull_back(&mut slow, &mut weights, alpha));
}

#[divan::bench(args = LENGTHS)]
fn interpolate(bencher: Bencher, length: usize) {
    let Tensor { mut weights, slow, .. } = Tensor::<0>::new(length);
    let (alpha, pass) = (Alpha::default(), Pass::new());
    bencher.counter(BytesCount::new(length * 12)).bench_local(|| pass.interpolate(&mut weights, &slow, alpha));
}

#[divan::bench(args = LENGTHS)]
fn accumulate_squares(bencher: Bencher, length: usize) {
    let Tensor { mut weights, gradient, .. } = Tensor::<0>::new(length);
    let pass = Pass::new();
    bencher.counter(BytesCount::new(length * 12)).bench_local(|| {
        pass.accumulate_squares(&mut weights, &gradient, 0.999);
    });
}

#[divan::bench(args = LENGTHS)]
fn alpha_sums(bencher: Bencher, length: usize) {
    let Tensor { weights, gradient, slow, anchors: [moments], .. } = Tensor::<1>::new(length);
    let terms = AlphaTerms {
        slow: SlowValues::Full(&slow),
        fast: &weights,
        gradient: Some(&gradient),
        moments: &moments,
        weight: 0.5,
    };
    let pass = Pass::new();
    bencher
        .counter(BytesCount::new(length * 16))
        .bench_local(|| pass.alpha_sums(1, CurvaturePower::SecondMoment, |_| Some(terms)));
}
