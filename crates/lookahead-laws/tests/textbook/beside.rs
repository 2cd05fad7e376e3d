//! EMA-Nesterov written out in `f64`, around a Lookahead and inside others, p and theta both kept, with a defect on request.

use lookahead::{EmaNesterovConfig, InnerStatePolicy, LookaheadConfig, StepSize};
use lookahead_laws::{Case, Law, Precision, Setup, Subject, Tensor};
use serde::{Deserialize, Serialize};

use super::{Moments, inner_step};

/// No defect.
pub const NONE: u8 = 0;
/// The Lookahead below syncs a tensor without a gradient at p.
pub const SYNCED_AT_P: u8 = 1;
/// p of a tensor without a gradient is computed from theta again.
pub const RECOMPUTED: u8 = 2;
/// An m that is not finite stays so.
pub const STAYS_NAN: u8 = 3;
/// A saved state has no slow weights of the Lookahead below.
pub const SAVED_WITHOUT_BELOW: u8 = 4;
/// A sync above leaves the Lookahead below where it was.
pub const LEFT_BEHIND: u8 = 5;

/// One tensor; the slow weights of each Lookahead are innermost first.
#[derive(Clone, Serialize, Deserialize)]
struct Part {
    p: Vec<f64>,
    theta: Vec<f64>,
    m: Vec<f64>,
    moments: Moments,
    slow: Vec<Vec<f64>>,
}

/// EMA-Nesterov with the defect `D`.
#[derive(Serialize, Deserialize)]
pub struct Beside<const D: u8> {
    parts: Vec<Part>,
    // phase and outer step of each Lookahead
    clocks: Vec<(u32, u64)>,
    #[serde(skip)]
    setup: Option<Setup>,
}

/// Eq. 1; whether a value was not finite.
fn pull_back(slow: &mut [f64], fast: &mut [f64], alpha: f64) -> bool {
    let mut refused = false;
    for (phi, theta) in slow.iter_mut().zip(fast) {
        let moved = if alpha == 1.0 { *theta } else { *phi - alpha * (*phi - *theta) };
        refused |= !moved.is_finite();
        *phi = if moved.is_finite() { moved } else { *phi };
        *theta = *phi;
    }
    refused
}

impl<const D: u8> Beside<D> {
    fn setup(&self) -> &Setup {
        self.setup.as_ref().expect("set by new and load")
    }

    fn levels(&self) -> Vec<LookaheadConfig> {
        self.setup().below.iter().chain(&self.setup().lookaheads).cloned().collect()
    }

    fn is_below(&self, level: usize) -> bool {
        level == 0 && self.setup().below.is_some()
    }

    fn config(&self) -> EmaNesterovConfig {
        self.setup().look_ahead.expect("this book is about EMA-Nesterov")
    }

    fn beta(&self) -> f64 {
        self.config().beta_after(1, 0.0)
    }

    fn part(&self, tensor: &Tensor) -> Part {
        let (values, length) = (tensor.values.clone(), tensor.values.len());
        let slow = vec![values.clone(); self.levels().len()];
        Part { p: values.clone(), theta: values, m: vec![0.0; length], moments: Moments::new(length), slow }
    }

    /// Counts a step of one Lookahead, and syncs at the end of its cycle.
    fn tick(&mut self, level: usize) {
        let (phase, outer) = &mut self.clocks[level];
        *phase += 1;
        let (phase, outer) = (*phase, *outer);
        if phase >= self.levels()[level].sync_period().at(outer).get() {
            self.sync(level);
        }
    }

    fn sync(&mut self, level: usize) {
        let (config, is_below) = (self.levels()[level].clone(), self.is_below(level));
        let ((_, outer), around_lookahead) = (self.clocks[level], self.is_below(0));
        let StepSize::Fixed(alphas) = config.step_size() else { panic!("this book has a fixed alpha") };
        let alpha = alphas.at(outer).get();
        let before: Vec<Vec<f64>> = self.parts.iter().map(|part| part.p.clone()).collect();
        let mut refused = false;
        for Part { p, theta, slow, .. } in &mut self.parts {
            refused |= pull_back(&mut slow[level], if is_below { theta } else { p }, alpha);
        }
        self.clocks[level] = (0, outer + 1);
        let resets = refused || config.inner_state() == InnerStatePolicy::Reset;
        for (Part { p, theta, m, moments, slow }, before) in self.parts.iter_mut().zip(before) {
            if resets {
                *moments = Moments::new(p.len());
            }
            if is_below {
                continue;
            }
            if resets {
                m.fill(0.0);
                theta.clone_from(p);
            } else {
                // both move by the same
                theta.iter_mut().zip(&*p).zip(before).for_each(|((theta, p), before)| *theta -= before - p);
            }
            for (inside, slow) in slow[..level].iter_mut().enumerate().filter(|_| D != LEFT_BEHIND) {
                slow.clone_from(if inside == 0 && around_lookahead { theta } else { p });
            }
        }
        if resets && !is_below {
            self.clocks[..level].fill((0, 0));
        }
    }
}

impl<const D: u8> Subject for Beside<D> {
    const PRECISION: Precision = Precision::Double;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        let mut new = Self { parts: Vec::new(), clocks: Vec::new(), setup: Some(setup.clone()) };
        new.clocks = vec![(0, 0); new.levels().len()];
        new.parts = tensors.iter().map(|tensor| new.part(tensor)).collect();
        new
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let (rule, beta) = (self.setup().rule, self.beta());
        let weight = self.config().coefficients(beta, beta).weight;
        let before: Vec<Vec<f64>> = self.parts.iter().map(|part| part.theta.clone()).collect();
        for (Part { p, theta, moments, .. }, gradient) in self.parts.iter_mut().zip(grads) {
            match gradient {
                Some(gradient) => {
                    theta.clone_from(p);
                    inner_step(rule, lr, theta, gradient, moments);
                }
                None if D == SYNCED_AT_P => theta.clone_from(p),
                None => {}
            }
        }
        if self.is_below(0) {
            self.tick(0);
        }
        for ((Part { p, theta, m, .. }, gradient), before) in self.parts.iter_mut().zip(grads).zip(before) {
            for (((p, theta), m), before) in p.iter_mut().zip(theta).zip(m).zip(before) {
                match gradient {
                    // m <- gamma m + (1 - gamma) (theta' - theta)
                    Some(_) => *m = (1.0 - weight) * *m + weight * (*theta - before),
                    None if D == SYNCED_AT_P => {
                        (*p, *theta) = (*theta, *theta - beta * *m);
                        continue;
                    }
                    None if D != RECOMPUTED => {
                        *p = if *theta == before { *p } else { *p - (before - *theta) };
                        continue;
                    }
                    None => {}
                }
                if !m.is_finite() && D != STAYS_NAN {
                    *m = 0.0;
                }
                *p = if *m == 0.0 { *theta } else { *theta + beta * *m };
            }
        }
        (usize::from(self.is_below(0))..self.clocks.len()).for_each(|level| self.tick(level));
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.parts.iter().map(|part| part.p.clone()).collect()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        self.parts.iter().map(|part| part.slow.last().unwrap_or(&part.theta).clone()).collect()
    }

    fn sync_now(&mut self) {
        for level in 0..self.clocks.len() {
            let before: Vec<Vec<f64>> = self.parts.iter().map(|part| part.theta.clone()).collect();
            if self.clocks[level].0 > 0 {
                self.sync(level);
            }
            if self.is_below(level) {
                for (Part { p, theta, .. }, before) in self.parts.iter_mut().zip(before) {
                    p.iter_mut().zip(theta).zip(before).for_each(|((p, theta), before)| *p -= before - *theta);
                }
            }
        }
    }

    fn evaluate(&mut self) {}

    fn save(&self) -> Vec<u8> {
        let mut parts = self.parts.clone();
        if D == SAVED_WITHOUT_BELOW && self.is_below(0) {
            parts.iter_mut().for_each(|part| part.slow[0].clone_from(&part.theta));
        }
        let saved = Self { parts, clocks: self.clocks.clone(), setup: None };
        postcard::to_allocvec(&saved).expect("plain data")
    }

    fn load(setup: &Setup, _tensors: &[Tensor], bytes: &[u8]) -> Self {
        Self { setup: Some(setup.clone()), ..postcard::from_bytes(bytes).expect("what was saved") }
    }

    fn add(&mut self, tensor: &Tensor) {
        self.parts.push(self.part(tensor));
    }

    fn keeps(policy: InnerStatePolicy) -> bool {
        policy != InnerStatePolicy::Interpolate
    }

    fn exemption(law: Law, _case: &Case) -> Option<&'static str> {
        matches!(law, Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors)
            .then_some("this book has no adaptive alpha")
    }
}
