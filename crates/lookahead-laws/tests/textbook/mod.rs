//! Algorithm 1 written out in `f64` for SGD, heavy ball and Adam, with a defect of other implementations on request.

use lookahead::{InnerStatePolicy, LookaheadConfig, StepSize};
use lookahead_laws::{Law, Precision, Rule, Setup, Subject, Tensor};
use serde::{Deserialize, Serialize};

/// No defect.
pub const NONE: u8 = 0;
/// The slow weights begin at the first sync.
pub const SEEDED_LATE: u8 = 1;
/// A saved state has no slow weights: they are taken from the fast ones.
pub const SAVED_WITHOUT_SLOW: u8 = 2;
/// A saved state has no counter.
pub const SAVED_WITHOUT_CLOCK: u8 = 3;
/// "Interpolate" keeps the anchor of the first sync.
pub const ANCHOR_STAYS: u8 = 4;
/// "Reset" does nothing.
pub const RESET_DOES_NOTHING: u8 = 5;
/// The learning rate of the first step is kept.
pub const RATE_STAYS: u8 = 6;
/// The learning rate at which a run was saved is kept after loading.
pub const RATE_STAYS_AFTER_LOAD: u8 = 7;
/// Fast and slow weights are computed apart, by two formulas.
pub const FAST_ROUNDED_APART: u8 = 8;
/// Eq. 1 as a sum of two products.
pub const TWO_PRODUCTS: u8 = 9;
/// Nothing keeps values that are not finite out of the slow weights.
pub const NO_GUARD: u8 = 10;
/// The counter counts tensors, not steps.
pub const COUNTS_TENSORS: u8 = 11;
/// Each tensor has its own counter, of its gradients.
pub const CLOCK_PER_TENSOR: u8 = 12;
/// Tensors that join later have no slow weights.
pub const LATE_NEVER_SYNCED: u8 = 13;
/// Evaluation leaves the slow weights where the fast ones were.
pub const SWAP_NOT_UNDONE: u8 = 14;
/// "Interpolate" leaves Adam's bias correction as it is.
pub const CORRECTION_STAYS: u8 = 15;
/// `sync_now` at phase 0 counts as an outer step.
pub const EMPTY_CYCLE_COUNTS: u8 = 16;
/// `sync_now` leaves the phase as it is.
pub const PHASE_GOES_ON: u8 = 17;

/// One tensor's part of the state.
#[derive(Clone, Serialize, Deserialize)]
struct Slot {
    theta: Vec<f64>,
    phi: Option<Vec<f64>>,
    moments: Moments,
    anchor: Moments,
    clock: u32,
}

/// The first and second moment (or the velocity), the weights of their averages, and the steps.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
    weights: [f64; 2],
    steps: u64,
}

impl Moments {
    fn new(length: usize) -> Self {
        Self { first: vec![0.0; length], second: vec![0.0; length], ..Self::default() }
    }
}

/// Lookahead with the defect `D`.
#[derive(Serialize, Deserialize)]
pub struct Textbook<const D: u8> {
    slots: Vec<Slot>,
    phase: u32,
    outer: u64,
    rate: Option<f64>,
    #[serde(skip)]
    setup: Option<Setup>,
}

impl<const D: u8> Textbook<D> {
    fn setup(&self) -> &Setup {
        self.setup.as_ref().expect("set by new and load")
    }

    fn config(&self) -> Option<LookaheadConfig> {
        self.setup().lookaheads.first().cloned()
    }

    fn slot(tensor: &Tensor, seeded: bool) -> Slot {
        let moments = Moments::new(tensor.values.len());
        let phi = seeded.then(|| tensor.values.clone());
        Slot { theta: tensor.values.clone(), phi, anchor: moments.clone(), moments, clock: 0 }
    }

    fn sync(&mut self, config: &LookaheadConfig, due: impl Fn(&Slot) -> bool) {
        let StepSize::Fixed(alphas) = &config.step_size else { panic!("exempt from adaptive alpha") };
        let alpha = alphas.at(self.outer).get();
        let mut poisoned = false;
        for slot in self.slots.iter_mut().filter(|slot| due(slot)) {
            poisoned |= pull_back::<D>(slot, alpha);
        }
        for slot in self.slots.iter_mut().filter(|slot| due(slot)) {
            match config.inner_state {
                _ if poisoned => slot.moments = Moments::new(slot.theta.len()),
                InnerStatePolicy::Maintain => {}
                InnerStatePolicy::Reset if D == RESET_DOES_NOTHING => {}
                InnerStatePolicy::Reset => slot.moments = Moments::new(slot.theta.len()),
                InnerStatePolicy::Interpolate => interpolate::<D>(&mut slot.moments, &slot.anchor, alpha),
            }
            if D != ANCHOR_STAYS || self.outer == 0 {
                slot.anchor = slot.moments.clone();
            }
        }
    }
}

/// Eq. 1 for one tensor; whether a value was not finite.
fn pull_back<const D: u8>(slot: &mut Slot, alpha: f64) -> bool {
    let Some(phi) = &mut slot.phi else {
        if D == SEEDED_LATE {
            slot.phi = Some(slot.theta.clone());
        }
        return false;
    };
    let mut poisoned = false;
    for (phi, theta) in phi.iter_mut().zip(&mut slot.theta) {
        let two_products = (1.0 - alpha) * *phi + alpha * *theta;
        let moved = match alpha {
            1.0 => *theta,
            _ if D == TWO_PRODUCTS => two_products,
            _ => *phi - alpha * (*phi - *theta),
        };
        let refused = !moved.is_finite() && D != NO_GUARD;
        poisoned |= refused;
        *phi = if refused { *phi } else { moved };
        *theta = if D == FAST_ROUNDED_APART { two_products } else { *phi };
    }
    poisoned
}

fn interpolate<const D: u8>(moments: &mut Moments, anchor: &Moments, alpha: f64) {
    let toward = |value: &mut f64, anchor: &f64| *value = anchor - alpha * (anchor - *value);
    if alpha == 1.0 {
        return;
    }
    moments.first.iter_mut().zip(&anchor.first).for_each(|(value, anchor)| toward(value, anchor));
    moments.second.iter_mut().zip(&anchor.second).for_each(|(value, anchor)| toward(value, anchor));
    if D != CORRECTION_STAYS {
        moments.weights.iter_mut().zip(&anchor.weights).for_each(|(value, anchor)| toward(value, anchor));
    }
}

fn inner_step(rule: Rule, lr: f64, theta: &mut [f64], gradient: &[f64], moments: &mut Moments) {
    let Moments { first, second, weights, steps } = moments;
    let entering = if *steps == 0 { 1.0 } else { 0.75 };
    *weights = [0.9 * weights[0] + 0.1, 0.999 * weights[1] + 0.001];
    *steps += 1;
    for (((theta, g), m), v) in theta.iter_mut().zip(gradient).zip(first).zip(second) {
        *theta -= match rule {
            Rule::Sgd => lr * g,
            Rule::HeavyBall => {
                *m = 0.9 * *m + entering * g;
                lr * *m
            }
            Rule::Adam => {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                lr * (*m / weights[0]) / ((*v / weights[1]).sqrt() + 1e-8)
            }
            other => panic!("{other:?} is not in this book"),
        };
    }
}

impl<const D: u8> Subject for Textbook<D> {
    const PRECISION: Precision = Precision::Double;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        assert!(setup.lookaheads.len() < 2, "this book has no nested Lookahead");
        let slots = tensors.iter().map(|tensor| Self::slot(tensor, D != SEEDED_LATE)).collect();
        Self { slots, phase: 0, outer: 0, rate: None, setup: Some(setup.clone()) }
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let rule = self.setup().rule;
        let kept = self.rate.filter(|_| D == RATE_STAYS || D == RATE_STAYS_AFTER_LOAD);
        let lr = kept.unwrap_or(lr);
        if D == RATE_STAYS {
            self.rate = Some(lr);
        }
        for (slot, gradient) in self.slots.iter_mut().zip(grads) {
            if let Some(gradient) = gradient {
                inner_step(rule, lr, &mut slot.theta, gradient, &mut slot.moments);
                slot.clock += 1;
            }
        }
        let Some(config) = self.config() else { return };
        let k = config.sync_period.at(self.outer).get();
        if D == CLOCK_PER_TENSOR {
            self.sync(&config, |slot| slot.clock >= k);
            self.slots.iter_mut().filter(|slot| slot.clock >= k).for_each(|slot| slot.clock = 0);
            return;
        }
        self.phase += if D == COUNTS_TENSORS { grads.len() as u32 } else { 1 };
        if self.phase >= k {
            self.sync(&config, |_| true);
            (self.phase, self.outer) = (0, self.outer + 1);
        }
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.slots.iter().map(|slot| slot.theta.clone()).collect()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        let slow =
            |slot: &Slot| slot.phi.as_ref().filter(|_| self.setup().has_lookahead()).unwrap_or(&slot.theta).clone();
        self.slots.iter().map(slow).collect()
    }

    fn sync_now(&mut self) {
        let Some(config) = self.config() else { return };
        if self.phase > 0 {
            self.sync(&config, |_| true);
            self.outer += 1;
            self.phase = if D == PHASE_GOES_ON { self.phase } else { 0 };
        } else if D == EMPTY_CYCLE_COUNTS {
            self.outer += 1;
        }
    }

    fn evaluate(&mut self) {
        for slot in &mut self.slots {
            if let (SWAP_NOT_UNDONE, Some(phi)) = (D, &mut slot.phi) {
                std::mem::swap(&mut slot.theta, phi);
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        let mut slots = self.slots.clone();
        if D == SAVED_WITHOUT_SLOW {
            slots.iter_mut().for_each(|slot| slot.phi = Some(slot.theta.clone()));
        }
        let phase = if D == SAVED_WITHOUT_CLOCK { 0 } else { self.phase };
        let rate = if D == RATE_STAYS_AFTER_LOAD { Some(0.5) } else { self.rate };
        postcard::to_allocvec(&Self { slots, phase, outer: self.outer, rate, setup: None }).expect("plain data")
    }

    fn load(setup: &Setup, _tensors: &[Tensor], bytes: &[u8]) -> Self {
        Self { setup: Some(setup.clone()), ..postcard::from_bytes(bytes).expect("what was saved") }
    }

    fn add(&mut self, tensor: &Tensor) {
        self.slots.push(Self::slot(tensor, D != LATE_NEVER_SYNCED));
    }

    fn exemption(law: Law) -> Option<&'static str> {
        match law {
            Law::LookaheadInsideWithAlphaOneIsTransparent => Some("this book has no nested Lookahead"),
            Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors => {
                Some("this book has no adaptive alpha")
            }
            _ => None,
        }
    }
}
