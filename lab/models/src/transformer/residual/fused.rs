//! Dropout, addition and layer normalisation on the CPU as one operation, its gradient written by hand.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::EPSILON;
use crate::fused::{Values, add, dot, open, record, sum};

/// Positions that one thread takes at a time; sums over positions are made of the sums of so many, however many threads
/// there are.
const POSITIONS: usize = 64;

#[derive(Debug, Clone)]
struct State {
    shape: [usize; 3],
    mask: Option<Values>,
    gamma: Values,
    /// (s - mean) / deviation, `[batch, length, width]`.
    normalised: Vec<f32>,
    /// 1 / deviation of each position.
    scales: Vec<f32>,
}

/// What [`Residual::forward`](super::Residual::forward) says, for tensors on a device that `opens`.
pub(super) fn forward(
    [x, sublayer]: [Tensor<3>; 2],
    mask: Option<Tensor<3>>,
    [gamma, beta]: [Tensor<1>; 2],
) -> Tensor<3> {
    let shape = x.dims();
    let [batch, length, width] = shape;
    let ((x, x_node), (sublayer, sublayer_node)) = (open(x), open(sublayer));
    let ((gamma, gamma_node), (beta, beta_node)) = (open(gamma), open(beta));
    let mask = mask.map(|mask| open(mask).0);
    let mut normalised = vec![0.0; batch * length * width];
    let mut scales = vec![0.0; batch * length];
    let mut output = vec![0.0; batch * length * width];
    let parts = (
        normalised.par_chunks_mut(POSITIONS * width),
        scales.par_chunks_mut(POSITIONS),
        output.par_chunks_mut(POSITIONS * width),
        x.as_slice().par_chunks(POSITIONS * width),
        sublayer.as_slice().par_chunks(POSITIONS * width),
    );
    parts.into_par_iter().enumerate().for_each(|(part, (normalised, scales, output, x, sublayer))| {
        let mask = mask.as_ref().map(|mask| &mask.as_slice()[part * POSITIONS * width..][..sublayer.len()]);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                normalised.copy_from_slice(x);
                match mask {
                    Some(mask) => {
                        let added = sublayer.iter().zip(mask).map(|(sublayer, mask)| sublayer * mask);
                        normalised.iter_mut().zip(added).for_each(|(sum, added)| *sum += added);
                    }
                    None => add(normalised, sublayer),
                }
                let rows = normalised.chunks_exact_mut(width).zip(output.chunks_exact_mut(width));
                for ((row, output), scale) in rows.zip(scales) {
                    *scale = normalise(row);
                    let affine = row.iter().zip(gamma.as_slice()).zip(beta.as_slice());
                    output.iter_mut().zip(affine).for_each(|(y, ((x, gamma), beta))| *y = x * gamma + beta);
                }
            },
        );
    });
    let nodes = [x_node, sublayer_node, gamma_node, beta_node];
    record(Normalise, nodes, State { shape, mask, gamma, normalised, scales }, Values::new(output, shape))
}

/// Subtracts the mean of a row and multiplies it with 1 / deviation, which is given back.
#[inline(always)]
fn normalise(row: &mut [f32]) -> f32 {
    let count = row.len() as f32;
    let mean = sum(row, |s| s) / count;
    row.iter_mut().for_each(|s| *s -= mean);
    let scale = (sum(row, |s| s * s) / count + EPSILON).sqrt().recip();
    row.iter_mut().for_each(|s| *s *= scale);
    scale
}

#[derive(Debug)]
struct Normalise;

impl Backward<Flex, 4> for Normalise {
    type State = State;

    fn backward(self, ops: Ops<State, 4>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let mut upstream = Values::from_primitive(grads.consume::<Flex>(&ops.node));
        let State { shape, mask, gamma, mut normalised, scales } = ops.state;
        let width = shape[2];
        let parts = (
            upstream.as_mut_slice().par_chunks_mut(POSITIONS * width),
            normalised.par_chunks_mut(POSITIONS * width),
            scales.par_chunks(POSITIONS),
        );
        let parts = parts.into_par_iter().enumerate().map(|(part, (upstream, normalised, scales))| {
            let (mut d_gamma, mut d_beta) = (vec![0.0; width], vec![0.0; width]);
            let mask = mask.as_ref().map(|mask| &mask.as_slice()[part * POSITIONS * width..][..upstream.len()]);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    let rows = upstream.chunks_exact_mut(width).zip(normalised.chunks_exact_mut(width));
                    for ((d_row, row), scale) in rows.zip(scales) {
                        add(&mut d_beta, d_row);
                        let products = d_row.iter().zip(&*row).map(|(d, x)| d * x);
                        d_gamma.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
                        d_row.iter_mut().zip(gamma.as_slice()).for_each(|(d, gamma)| *d *= gamma);
                        to_input_gradient(d_row, row, *scale);
                    }
                    // The gradient of the sublayer takes the place of what was normalised.
                    match mask {
                        Some(mask) => {
                            let dropped = upstream.iter().zip(mask).map(|(d, mask)| d * mask);
                            normalised.iter_mut().zip(dropped).for_each(|(place, d)| *place = d);
                        }
                        None => normalised.copy_from_slice(upstream),
                    }
                },
            );
            (d_gamma, d_beta)
        });
        let parts: Vec<_> = parts.collect();
        let (mut d_gamma, mut d_beta) = (vec![0.0; width], vec![0.0; width]);
        for (of_gamma, of_beta) in &parts {
            add(&mut d_gamma, of_gamma);
            add(&mut d_beta, of_beta);
        }
        let gradients =
            [upstream, Values::new(normalised, shape), Values::new(d_gamma, [width]), Values::new(d_beta, [width])];
        for (node, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient.into_primitive());
            }
        }
    }
}

/// Writes ds = (dn - mean(dn) - n mean(dn n)) / deviation over dn, the gradient of a normalised row n.
#[inline(always)]
fn to_input_gradient(gradients: &mut [f32], normalised: &[f32], scale: f32) {
    let count = gradients.len() as f32;
    let mean = sum(gradients, |d| d) / count;
    let dot = dot(gradients, normalised) / count;
    gradients.iter_mut().zip(normalised).for_each(|(d, n)| *d = scale * (*d - mean - *n * dot));
}
