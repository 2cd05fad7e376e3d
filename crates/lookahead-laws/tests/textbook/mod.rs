//! Algorithm 1 written out in `f64` for SGD, heavy ball and Adam, with a defect of other implementations on request.

pub mod beside;
pub mod outer;

use lookahead::{Averaging, InnerStatePolicy, LookaheadConfig};
use lookahead_laws::{Case, Law, Limits, Precision, Rule, Setup, Subject, Tensor};
use serde::{Deserialize, Serialize};

use outer::Numbers;

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

/// A sync leaves out tensors that have no gradient in its step.
pub const SKIPS_WITHOUT_GRADIENT: u8 = 18;
/// A tensor that has just joined is saved without slow weights.
pub const SAVED_BEFORE_SEEDED: u8 = 19;
/// The slow weights of a frozen tensor stay where they are.
pub const STALE_WHEN_FROZEN: u8 = 20;
/// A frozen tensor is pulled back like any other.
pub const PULLED_WHEN_FROZEN: u8 = 21;
/// A tensor in the place of another inherits its slow weights and moments.
pub const INHERITS: u8 = 22;
/// Of two tensors of one identity one stays where it was.
pub const TWIN_STAYS: u8 = 23;
/// All tensors share one count of averaged weights.
pub const ONE_COUNT_FOR_ALL_MEANS: u8 = 24;
/// Only every tenth sync resets the inner state for values that are not finite.
pub const RESETS_LATE: u8 = 29;
/// The same, as a limit that is stated.
pub const RESETS_LATE_AS_STATED: u8 = 30;

/// One tensor's part of the state.
#[derive(Clone, Serialize, Deserialize)]
struct Slot {
    theta: Vec<f64>,
    phi: Option<Vec<f64>>,
    buffer: Vec<f64>,
    moments: Moments,
    anchor: Moments,
    clock: u32,
    mean: Vec<f64>,
    averaged: u64,
    // Joined after the first step, and not stepped yet.
    new: bool,
    moved: bool,
    frozen: bool,
    twin_of: Option<usize>,
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
    lr: f64,
    steps: u64,
    workers: usize,
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
        Slot {
            theta: tensor.values.clone(),
            phi,
            buffer: vec![0.0; tensor.values.len()],
            anchor: moments.clone(),
            moments,
            clock: 0,
            mean: tensor.values.clone(),
            averaged: 0,
            new: false,
            moved: false,
            frozen: tensor.frozen,
            twin_of: None,
        }
    }

    /// Polyak's mean, `mean <- mean + (theta - mean) / n`.
    fn average(&mut self) {
        let Some(Averaging::Running { start }) = self.setup().averaging else { return };
        self.steps += 1;
        if self.steps > start {
            let most = self.slots.iter().map(|slot| slot.averaged).max().unwrap_or_default();
            for slot in &mut self.slots {
                slot.averaged = if D == ONE_COUNT_FOR_ALL_MEANS { most } else { slot.averaged } + 1;
                let n = slot.averaged as f64;
                slot.mean.iter_mut().zip(&slot.theta).for_each(|(mean, theta)| *mean += (theta - *mean) / n);
            }
        }
    }

    /// The sync at the end of a cycle.
    fn sync_if_due(&mut self, tensors: usize) {
        let Some(config) = self.config() else { return };
        let k = config.sync_period().at(self.outer).get();
        if D == CLOCK_PER_TENSOR {
            self.sync(&config, |slot| slot.clock >= k);
            self.slots.iter_mut().filter(|slot| slot.clock >= k).for_each(|slot| slot.clock = 0);
            return;
        }
        self.phase += if D == COUNTS_TENSORS { tensors as u32 } else { 1 };
        if self.phase >= k {
            self.sync(&config, |_| true);
            (self.phase, self.outer) = (0, self.outer + 1);
        }
    }

    /// A tensor and its twin are one.
    fn keep_twins_together(&mut self) {
        for index in 0..self.slots.len() {
            if let (Some(of), true) = (self.slots[index].twin_of, D != TWIN_STAYS) {
                self.slots[index] = Slot { twin_of: Some(of), ..self.slots[of].clone() };
            }
        }
    }

    fn sync(&mut self, config: &LookaheadConfig, due: impl Fn(&Slot) -> bool) {
        let numbers = Numbers::of::<D>(config.step_size(), self.outer, self.lr);
        let alpha = numbers.rate;
        let mut poisoned = false;
        for slot in self.slots.iter_mut().filter(|slot| due(slot)) {
            match (slot.frozen, D) {
                (true, STALE_WHEN_FROZEN) => {}
                (true, _) if D != PULLED_WHEN_FROZEN => slot.phi = Some(slot.theta.clone()),
                (false, SKIPS_WITHOUT_GRADIENT) if !slot.moved => {}
                _ => poisoned |= pull_back::<D>(slot, numbers, self.workers),
            }
        }
        let is_seen = !matches!(D, RESETS_LATE | RESETS_LATE_AS_STATED) || self.outer % 10 == 9;
        for slot in self.slots.iter_mut().filter(|slot| due(slot)) {
            match config.inner_state() {
                _ if poisoned && is_seen => slot.moments = Moments::new(slot.theta.len()),
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

/// Eq. 1, or an outer step, for one tensor; whether a value was not finite.
fn pull_back<const D: u8>(slot: &mut Slot, numbers: Numbers, workers: usize) -> bool {
    let Some(phi) = &mut slot.phi else {
        if D == SEEDED_LATE {
            slot.phi = Some(slot.theta.clone());
        }
        return false;
    };
    let (mut poisoned, alpha) = (false, numbers.rate);
    for ((phi, theta), buffer) in phi.iter_mut().zip(&mut slot.theta).zip(&mut slot.buffer) {
        *theta = outer::mean::<D>(*theta, workers);
        let two_products = (1.0 - alpha) * *phi + alpha * *theta;
        let (way, new) = numbers.way::<D>(*phi, *theta, *buffer);
        let moved = match way {
            None => *theta,
            Some(_) if D == TWO_PRODUCTS => two_products,
            Some(way) => *phi - alpha * way,
        };
        let refused = !moved.is_finite() && D != NO_GUARD;
        poisoned |= refused;
        *buffer = if refused { 0.0 } else { new };
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
    const OUTER_STEPS: bool = true;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        assert!(setup.lookaheads.len() < 2, "this book has no nested Lookahead");
        let slots = tensors.iter().map(|tensor| Self::slot(tensor, D != SEEDED_LATE)).collect();
        Self { slots, phase: 0, outer: 0, rate: None, lr: 0.0, steps: 0, workers: 1, setup: Some(setup.clone()) }
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let rule = self.setup().rule;
        let kept = self.rate.filter(|_| D == RATE_STAYS || D == RATE_STAYS_AFTER_LOAD);
        let lr = kept.unwrap_or(lr);
        if D == RATE_STAYS {
            self.rate = Some(lr);
        }
        self.lr = lr;
        for (slot, gradient) in self.slots.iter_mut().zip(grads) {
            (slot.moved, slot.new) = (gradient.is_some(), false);
            if let Some(gradient) = gradient {
                inner_step(rule, lr, &mut slot.theta, gradient, &mut slot.moments);
                slot.clock += 1;
            }
        }
        self.average();
        self.sync_if_due(grads.len());
        self.keep_twins_together();
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.slots.iter().map(|slot| slot.theta.clone()).collect()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        let begun = self.slots.iter().any(|slot| slot.averaged > 0);
        let slow = |slot: &Slot| match &slot.phi {
            Some(phi) if self.setup().has_lookahead() => phi.clone(),
            _ if begun && !self.setup().has_lookahead() => slot.mean.clone(),
            _ => slot.theta.clone(),
        };
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
        if D == SAVED_BEFORE_SEEDED {
            slots.iter_mut().filter(|slot| slot.new).for_each(|slot| slot.phi = None);
        }
        let phase = if D == SAVED_WITHOUT_CLOCK { 0 } else { self.phase };
        let rate = if D == RATE_STAYS_AFTER_LOAD { Some(0.5) } else { self.rate };
        let saved = Self { slots, phase, rate, setup: None, ..*self };
        postcard::to_allocvec(&saved).expect("plain data")
    }

    fn load(setup: &Setup, tensors: &[Tensor], bytes: &[u8]) -> Self {
        let mut loaded = Self { setup: Some(setup.clone()), ..postcard::from_bytes(bytes).expect("what was saved") };
        loaded.slots.iter_mut().zip(tensors).for_each(|(slot, tensor)| slot.frozen = tensor.frozen);
        loaded
    }

    fn add(&mut self, tensor: &Tensor) {
        self.slots.push(Slot { new: true, ..Self::slot(tensor, D != LATE_NEVER_SYNCED) });
    }

    fn freeze(&mut self, tensor: usize, frozen: bool) -> bool {
        self.slots[tensor].frozen = frozen;
        true
    }

    fn replace(&mut self, tensor: usize, by: &Tensor) -> bool {
        match D {
            INHERITS => self.slots[tensor].theta.clone_from(&by.values),
            _ => self.slots[tensor] = Self::slot(by, true),
        }
        true
    }

    fn with_twin(setup: &Setup, tensors: &[Tensor], of: usize, saved: Option<&[u8]>) -> Option<Self> {
        Some(match saved {
            Some(bytes) => Self::load(setup, tensors, bytes),
            None => {
                let mut new = Self::new(setup, tensors);
                new.slots.push(Slot { twin_of: Some(of), ..new.slots[of].clone() });
                new
            }
        })
    }

    fn with_workers(setup: &Setup, tensors: &[Tensor], workers: usize) -> Option<Self> {
        Some(Self { workers, ..Self::new(setup, tensors) })
    }

    fn limits() -> Limits {
        if D == RESETS_LATE_AS_STATED { Limits::DEVICE } else { Limits::NONE }
    }

    fn exemption(law: Law, _case: &Case) -> Option<&'static str> {
        match law {
            Law::LookaheadInsideWithAlphaOneIsTransparent => Some("this book has no nested Lookahead"),
            Law::ASavedRunWithAdaptiveAlphaGoesOn | Law::AdaptiveAlphaIsOneForAllTensors => {
                Some("this book has no adaptive alpha")
            }
            _ => None,
        }
    }
}
