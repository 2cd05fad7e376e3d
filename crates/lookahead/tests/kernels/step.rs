//! The fused step: the same bits as one element after the other, whatever the lengths, places and threads.

use lookahead::kernels::{InstructionSet, Moments, Pass, Slow, Task, TensorSync, adam, bf16::Rounding, reference, sgd};
use lookahead::{Alpha, Float};

use crate::numbers::{LENGTHS, bits, ordinary_values, values};

/// What follows the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
enum After {
    Nothing,
    Full { alpha: f64, interpolate: bool },
    Bf16 { alpha: f64, interpolate: bool },
}

const AFTER: [After; 7] = [
    After::Nothing,
    After::Full { alpha: 0.3, interpolate: false },
    After::Full { alpha: 1.0, interpolate: false },
    After::Full { alpha: 0.3, interpolate: true },
    After::Bf16 { alpha: 0.3, interpolate: false },
    After::Bf16 { alpha: 1.0, interpolate: false },
    After::Bf16 { alpha: 0.3, interpolate: true },
];

/// The buffers of one tensor, which starts `shift` elements into them.
#[derive(Clone)]
struct Tensor<T, const M: usize> {
    shift: usize,
    weights: Vec<T>,
    gradient: Option<Vec<T>>,
    moments: [Vec<T>; M],
    anchors: [Vec<T>; M],
    slow: Vec<T>,
    rounded: Vec<u16>,
}

impl<T: Float, const M: usize> Tensor<T, M> {
    /// Number `index`; every fifth has no gradient.
    fn new(index: usize, shift: usize) -> Self {
        let list = |seed: usize| values::<T>(LENGTHS[index] + shift, (seed * 100 + index) as u64);
        Self {
            shift,
            weights: list(1),
            gradient: (index % 5 != 4).then(|| list(2)),
            moments: std::array::from_fn(|moment| list(10 + moment)),
            anchors: std::array::from_fn(|moment| list(20 + moment)),
            slow: list(3),
            // any bits but those of infinity and NaN
            rounded: list(4).iter().map(|value| (value.to_f64() as f32).to_bits() as u16 & 0xbfff).collect(),
        }
    }

    fn task<C: Copy>(&mut self, index: usize, after: After, coefficients: C) -> Task<'_, T, C, M> {
        let shift = self.shift;
        let (slow, rounded) = (&mut self.slow[shift..], &mut self.rounded[shift..]);
        let sync = match after {
            After::Nothing => None,
            After::Full { alpha, interpolate } => Some((Slow::Full(slow), alpha, interpolate)),
            After::Bf16 { alpha, interpolate } => {
                Some((Slow::Bf16(rounded, Rounding::at_sync(1, 2, index as u64)), alpha, interpolate))
            }
        };
        let mut anchors = Some(self.anchors.each_mut().map(|anchor| &mut anchor[shift..]));
        Task {
            weights: &mut self.weights[shift..],
            gradient: self.gradient.as_ref().map(|gradient| &gradient[shift..]),
            moments: self.moments.each_mut().map(|moment| &mut moment[shift..]),
            coefficients,
            sync: sync.map(|(slow, alpha, interpolate)| TensorSync {
                slow,
                alpha: Alpha::new(alpha).expect("in range"),
                anchors: anchors.take().filter(|_| interpolate),
            }),
        }
    }

    fn bits(&self) -> Vec<Vec<u64>> {
        let lists = [&self.weights, &self.slow].into_iter().chain(&self.moments).chain(&self.anchors);
        let rounded = self.rounded.iter().map(|&bits| u64::from(bits)).collect();
        lists.map(|list| bits(list)).chain([rounded]).collect()
    }
}

fn tasks<T: Float, C: Copy, const M: usize>(
    tensors: &mut [Tensor<T, M>],
    after: After,
    coefficients: C,
) -> impl Iterator<Item = Task<'_, T, C, M>> {
    tensors.iter_mut().enumerate().map(move |(index, tensor)| tensor.task(index, after, coefficients))
}

fn check<T: Float, C: Copy + Send, const M: usize>(
    rule: impl Fn(T, T, [T; M], C) -> (T, [T; M]) + Sync + Copy,
    coefficients: C,
) where
    for<'a> [&'a mut [T]; M]: Moments<T, M>,
{
    for (after, shift) in AFTER.into_iter().flat_map(|after| [(after, 0), (after, 1)]) {
        let start: Vec<Tensor<T, M>> = (0..LENGTHS.len()).map(|index| Tensor::new(index, shift)).collect();
        let mut expected = start.clone();
        let refused: usize = tasks(&mut expected, after, coefficients).map(|task| reference(task, rule)).sum();
        assert_eq!(refused > 0, after != After::Nothing, "there are numbers to refuse");
        for (instructions, threads) in
            InstructionSet::available().into_iter().flat_map(|set| [1, 2, 3].map(|threads| (set, threads)))
        {
            let mut found = start.clone();
            let pass = Pass::new().with_instructions(instructions).with_threads(threads);
            // said to be so many elements that all threads take part
            let tasks: Vec<_> = tasks(&mut found, after, coefficients).collect();
            let count = pass.step(1 << 24, tasks.into_iter(), rule);
            let case = format!("{after:?}, {instructions:?}, {threads} threads, {shift} elements off");
            assert_eq!(count, refused, "{case}");
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.bits(), expected.bits(), "tensor {index}, {case}");
            }
        }
    }
}

fn sgd_coefficients<T: Float>() -> sgd::Coefficients<T> {
    let [lr, weight_decay, momentum, gradient_weight] = [0.1, 0.01, 0.9, 0.75].map(T::from_f64);
    sgd::Coefficients { lr, weight_decay, momentum, gradient_weight }
}

fn adam_coefficients<T: Float>(coupled_decay: f64, keep: f64) -> adam::Coefficients<T> {
    let rule = lookahead::rules::AdamW::new();
    let mut correction = Default::default();
    rule.hyperparameters().advance(&mut correction);
    let c = rule.hyperparameters().coefficients(0.01, correction);
    adam::Coefficients { coupled_decay: T::from_f64(coupled_decay), keep: T::from_f64(keep), ..c }
}

#[test]
fn sgd_is_bit_equal_to_its_plain_form() {
    check::<f32, _, 0>(sgd::plain, sgd_coefficients());
    check::<f64, _, 0>(sgd::plain, sgd_coefficients());
    check::<f32, _, 1>(sgd::heavy_ball, sgd_coefficients());
    check::<f64, _, 1>(sgd::heavy_ball, sgd_coefficients());
    check::<f32, _, 1>(sgd::nesterov, sgd_coefficients());
}

#[test]
fn adam_is_bit_equal_to_its_plain_form() {
    check::<f32, _, 2>(adam::step, adam_coefficients(0.1, 1.0));
    check::<f64, _, 2>(adam::step, adam_coefficients(0.1, 1.0));
}

#[test]
fn adamw_is_bit_equal_to_its_plain_form() {
    check::<f32, _, 2>(adam::step, adam_coefficients(0.0, 0.9999));
    check::<f64, _, 2>(adam::step, adam_coefficients(0.0, 0.9999));
}

/// A rule of somebody else's.
#[test]
fn any_rule_can_be_fused() {
    check::<f32, f32, 2>(
        #[inline(always)]
        |theta, g, [a, b], lr| (theta - lr * (a + b), [g - b, a * b]),
        0.1,
    );
}

/// Large tensors are taken apart, small ones come together; no element is done twice or left out.
#[test]
fn a_large_tensor_is_shared_among_threads() {
    let lengths = [300_000, 5, 70_000, 65_536, 1];
    let mut weights: Vec<Vec<f32>> = lengths.iter().map(|&length| ordinary_values(length, 1)).collect();
    let gradients: Vec<Vec<f32>> = lengths.iter().map(|&length| ordinary_values(length, 2)).collect();
    let expected: Vec<Vec<f32>> = weights
        .iter()
        .zip(&gradients)
        .map(|(weights, gradients)| weights.iter().zip(gradients).map(|(w, g)| w - 0.5 * g).collect())
        .collect();
    let tasks = weights.iter_mut().zip(&gradients).map(|(weights, gradient)| Task {
        weights,
        gradient: Some(gradient),
        moments: [],
        coefficients: 0.5,
        sync: None,
    });
    Pass::new().with_threads(4).step(
        lengths.iter().sum(),
        tasks,
        #[inline(always)]
        |theta, g, [], lr| (theta - lr * g, []),
    );
    assert_eq!(weights, expected);
}

#[test]
#[should_panic(expected = "a tensor and its gradient")]
fn a_gradient_of_another_length_is_refused() {
    let (mut weights, gradient) = ([0.0_f32; 4], [0.0; 5]);
    let task = Task { weights: &mut weights, gradient: Some(&gradient), moments: [], coefficients: (), sync: None };
    Pass::new().step(4, [task].into_iter(), |theta, _, [], ()| (theta, []));
}
