//! The cross-entropy of a softmax with its targets, smoothed or not (Szegedy et al. 2016, Sec. 7).

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::activation::log_softmax;
use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use rayon::prelude::*;

use super::fused::{Values, exp, maximum, open, opens, record, sum};

/// The mean cross-entropy, in nats, `[1]`, of scores, `[rows, classes]`, over the rows whose target is not `ignored`; 0
/// if none is left.
///
/// The targets are smoothed as PyTorch does: `1 - smoothing` of their weight stays, and the rest goes to all classes
/// alike. Scores in half precision are widened to f32, in which the loss is. On the CPU it is one pass forward and one
/// backward, which writes the gradient over the scores.
///
/// # Panics
/// If there are not as many targets as rows, or a target that counts is not below `classes`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use lookahead_models::cross_entropy;
/// let scores = Tensor::from_data([[0.0_f32, 0.0], [5.0, -5.0]], &Device::flex());
/// let loss = cross_entropy(scores, &[1, 7], 0.0, Some(7)).into_scalar::<f32>();
/// assert!((loss - 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[must_use]
pub fn cross_entropy(scores: Tensor<2>, targets: &[u32], smoothing: f64, ignored: Option<u32>) -> Tensor<1> {
    let [rows, classes] = scores.dims();
    assert_eq!(targets.len(), rows, "a target for each row");
    let counts = |target: u32| Some(target) != ignored;
    let counted = targets.iter().filter(|target| counts(**target)).count();
    assert!(targets.iter().all(|&target| !counts(target) || (target as usize) < classes), "targets below {classes}");
    let targets = Targets {
        classes: targets.iter().map(|&target| counts(target).then_some(target as usize)).collect(),
        smoothing,
        counted: counted.max(1) as f64,
    };
    let scores = if scores.dtype().size() < 4 { scores.cast(FloatDType::F32) } else { scores };
    if opens(&scores) { fused(scores, targets) } else { by_tensors(scores, &targets) }
}

/// What the scores are compared with.
#[derive(Debug, Clone)]
struct Targets {
    /// The class of each row that counts.
    classes: Vec<Option<usize>>,
    smoothing: f64,
    counted: f64,
}

fn by_tensors(scores: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let (device, dtype) = (scores.device(), scores.dtype());
    let [rows, classes] = scores.dims();
    let column = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [rows, 1]), (&device, dtype));
    let chosen = targets.classes.iter().map(|class| class.unwrap_or(0) as i64).collect();
    let chosen = Tensor::<2, Int>::from_data(TensorData::new::<i64, _>(chosen, [rows, 1]), &device);
    let weights = column(targets.classes.iter().map(|class| if class.is_some() { 1.0 } else { 0.0 }).collect());
    let log_likelihood = log_softmax(scores, 1);
    let smoothed = log_likelihood.clone().sum_dim(1) * (targets.smoothing / classes as f64);
    let right = log_likelihood.gather(1, chosen) * (1.0 - targets.smoothing);
    -((right + smoothed) * weights).sum() / targets.counted
}

fn fused(scores: Tensor<2>, targets: Targets) -> Tensor<1> {
    let classes = scores.dims()[1];
    let (scores, node) = open(scores);
    let rows = scores.as_slice().par_chunks_exact(classes).zip(&targets.classes);
    let (log_sums, losses): (Vec<f32>, Vec<f64>) = rows.map(|(row, &class)| targets.loss(row, class)).unzip();
    let loss = losses.iter().sum::<f64>() / targets.counted;
    record(CrossEntropy, [node], State { scores, log_sums, targets }, Values::new(vec![loss as f32], [1]))
}

/// log sum_j e^(s_j): what is to be subtracted from scores to make them log-probabilities.
#[must_use]
pub fn log_sum(scores: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || log_sum_of(scores),
    )
}

#[inline(always)]
fn log_sum_of(scores: &[f32]) -> f32 {
    // = m + log sum_j e^(s_j - m), where m is the largest, so that nothing overflows
    let most = maximum(scores);
    most + sum(scores, |score| exp(score - most)).ln()
}

impl Targets {
    /// The [`log_sum`] of a row, and the row's loss.
    fn loss(&self, row: &[f32], class: Option<usize>) -> (f32, f64) {
        let Some(class) = class else { return (0.0, 0.0) };
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let log_sum = log_sum_of(row);
                // sum_j q_j (log_sum - s_j), where q is 1 - smoothing at the class plus smoothing / classes everywhere
                let right = f64::from(log_sum - row[class]);
                if self.smoothing == 0.0 {
                    return (log_sum, right);
                }
                let mean = f64::from(sum(row, |score| log_sum - score)) / row.len() as f64;
                (log_sum, (1.0 - self.smoothing) * right + self.smoothing * mean)
            },
        )
    }

    /// Writes the gradient over the scores of a row.
    fn gradient(&self, row: &mut [f32], class: Option<usize>, log_sum: f32, upstream: f32) {
        let Some(class) = class else { return row.fill(0.0) };
        let share = (self.smoothing / row.len() as f64) as f32;
        let weight = upstream / self.counted as f32;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                // d loss / d s_j = softmax_j - q_j
                row.iter_mut().for_each(|score| *score = weight * (exp(*score - log_sum) - share));
            },
        );
        row[class] -= weight * (1.0 - self.smoothing) as f32;
    }
}

#[derive(Debug)]
struct CrossEntropy;

#[derive(Debug, Clone)]
struct State {
    scores: Values,
    /// Of each row.
    log_sums: Vec<f32>,
    targets: Targets,
}

impl Backward<Flex, 1> for CrossEntropy {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node)).as_slice()[0];
        let State { mut scores, log_sums, targets } = ops.state;
        let [Some(parent)] = ops.parents else { return };
        let classes = scores.as_slice().len() / log_sums.len().max(1);
        let rows = scores.as_mut_slice().par_chunks_exact_mut(classes.max(1));
        rows.zip(&log_sums)
            .zip(&targets.classes)
            .for_each(|((row, &log_sum), &class)| targets.gradient(row, class, log_sum, upstream));
        grads.register::<Flex>(parent.id, scores.into_primitive());
    }
}
