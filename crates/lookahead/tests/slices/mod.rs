//! The core over slices, as a subject of the laws: any rule with up to two Lookaheads around it, and one below an
//! average, in `f32` or `f64`.

use std::ops::Deref;

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{
    Averaged, Describe, EmaNesterov, Error, Float, Grads, Lookahead, LookaheadConfig, Optimizer, OuterMomentum,
    OuterRate, OuterStep, ParamSet, PrimalAveraged, Snapshot, StepSize, SyncClock, Tick, Workers,
};
use lookahead_laws::{Precision, Rule, Setup, Subject, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An optimizer, its parameters and its state, with the types of the first and last hidden.
pub struct Slices<T>(Box<dyn Run<T>>);

trait Run<T> {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]);
    fn weights(&self) -> Vec<Vec<f64>>;
    fn evaluation_weights(&self) -> Vec<Vec<f64>>;
    fn sync_now(&mut self);
    fn save(&self) -> Result<Vec<u8>, Error>;
    fn add(&mut self, tensor: &Tensor) -> Result<(), Error>;
}

struct Session<T: Float, O: Optimizer<T>> {
    optimizer: O,
    params: ParamSet<'static, T>,
    state: O::State,
}

impl<T: Float, O: Optimizer<T, State: Serialize + DeserializeOwned> + Describe> Session<T, O> {
    fn open(optimizer: O, tensors: &[Tensor], saved: Option<&[u8]>) -> Result<Self, Error> {
        let mut params = parameters(tensors)?;
        let state = match saved {
            None => optimizer.init(&params),
            Some(bytes) => Snapshot::from_bytes(bytes)?.restore(&optimizer, &mut params)?,
        };
        Ok(Self { optimizer, params, state })
    }
}

impl<T: Float, O: Optimizer<T, State: Serialize + DeserializeOwned> + Describe> Run<T> for Session<T, O> {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        let grads = grads.iter().map(|gradient| gradient.as_deref().map(narrow::<T>));
        let grads = Grads::new(&self.params, grads).expect("a gradient for each tensor");
        self.optimizer.step(lr, &mut self.params, &grads, &mut self.state);
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        widen(&self.params.to_vecs())
    }

    fn evaluation_weights(&self) -> Vec<Vec<f64>> {
        widen(&self.optimizer.evaluate(&self.params, &self.state))
    }

    fn sync_now(&mut self) {
        self.optimizer.end_partial_cycle(&mut self.params, &mut self.state);
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        Snapshot::capture(&self.optimizer, &self.params, &self.state)?.to_bytes()
    }

    fn add(&mut self, tensor: &Tensor) -> Result<(), Error> {
        self.params.push(&*tensor.name, &*tensor.shape, narrow::<T>(&tensor.values)).map(|_| ())
    }
}

/// Workers that each step an inner optimizer of their own, and share the slow weights of a Lookahead.
struct Fleet<T: Float, A: Optimizer<T>> {
    rule: A,
    config: LookaheadConfig,
    clock: SyncClock,
    weights: Vec<ParamSet<'static, T>>,
    states: Vec<A::State>,
    shared: Workers<T>,
}

impl<T: Float, A: Optimizer<T>> Fleet<T, A> {
    fn open(rule: A, config: &LookaheadConfig, tensors: &[Tensor], workers: usize) -> Result<Self, Error> {
        let step = match config.step_size() {
            StepSize::Fixed(alphas) => OuterStep::nesterov(alphas.map(OuterRate::from), OuterMomentum::ZERO),
            StepSize::Outer(step) => step.clone(),
            StepSize::Adaptive(_) => panic!("no law has workers with an adaptive alpha"),
        };
        let weights = (0..workers).map(|_| parameters(tensors)).collect::<Result<Vec<_>, Error>>()?;
        let states = weights.iter().map(|params| rule.init(params)).collect();
        let shared = Workers::new(step, &weights[0]);
        Ok(Self { rule, config: config.clone(), clock: SyncClock::default(), weights, states, shared })
    }
}

impl<T: Float, A: Optimizer<T>> Run<T> for Fleet<T, A> {
    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        for (params, state) in self.weights.iter_mut().zip(&mut self.states) {
            let grads = grads.iter().map(|gradient| gradient.as_deref().map(narrow::<T>));
            let grads = Grads::new(params, grads).expect("a gradient for each tensor");
            self.rule.step(lr, params, &grads, state);
        }
        if self.clock.tick(self.config.sync_period()) != Tick::Inner {
            self.shared.sync(lr, &mut self.weights);
        }
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        widen(&self.weights[self.weights.len() - 1].to_vecs())
    }

    fn evaluation_weights(&self) -> Vec<Vec<f64>> {
        widen(&self.shared.slow())
    }

    fn sync_now(&mut self) {}

    fn save(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn add(&mut self, _tensor: &Tensor) -> Result<(), Error> {
        Ok(())
    }
}

fn parameters<T: Float>(tensors: &[Tensor]) -> Result<ParamSet<'static, T>, Error> {
    let mut params = ParamSet::new();
    for tensor in tensors {
        params.push(&*tensor.name, &*tensor.shape, narrow::<T>(&tensor.values))?;
    }
    Ok(params)
}

fn narrow<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().copied().map(T::from_f64).collect()
}

fn widen<T: Float>(tensors: &[impl Deref<Target = [T]>]) -> Vec<Vec<f64>> {
    tensors.iter().map(|values| values.iter().map(|value| value.to_f64()).collect()).collect()
}

/// What a subject begins with.
#[derive(Clone, Copy)]
enum Start<'a> {
    New,
    Saved(&'a [u8]),
    Workers(usize),
}

impl<T: Float> Slices<T> {
    fn open(setup: &Setup, tensors: &[Tensor], start: Start<'_>) -> Result<Self, Error> {
        let sgd = Sgd::new();
        match setup.rule {
            Rule::Sgd => Self::below(sgd, setup, tensors, start),
            Rule::HeavyBall => Self::below(sgd.with_momentum(0.9)?.with_dampening(0.25)?, setup, tensors, start),
            Rule::Nesterov => {
                let rule = sgd.with_momentum(0.9)?.with_nesterov()?.with_weight_decay(0.01)?;
                Self::below(rule, setup, tensors, start)
            }
            Rule::Adam => Self::below(Adam::new(), setup, tensors, start),
            Rule::AdamW => Self::below(AdamW::new(), setup, tensors, start),
            Rule::AdaFactor => Self::below(AdaFactor::new(), setup, tensors, start),
        }
    }

    fn below<A>(rule: A, setup: &Setup, tensors: &[Tensor], start: Start<'_>) -> Result<Self, Error>
    where
        A: Optimizer<T, State: Serialize + DeserializeOwned> + Describe + 'static,
    {
        match &setup.below {
            None => Self::average(rule, setup, tensors, start),
            Some(below) => Self::average(Lookahead::with_config(rule, below.clone())?, setup, tensors, start),
        }
    }

    fn average<A>(rule: A, setup: &Setup, tensors: &[Tensor], start: Start<'_>) -> Result<Self, Error>
    where
        A: Optimizer<T, State: Serialize + DeserializeOwned> + Describe + 'static,
    {
        let layers = &setup.lookaheads;
        match (setup.averaging, setup.primal, setup.look_ahead) {
            (None, None, None) => Self::wrap(rule, layers, tensors, start),
            (None, None, Some(config)) => Self::wrap(EmaNesterov::with_config(rule, config), layers, tensors, start),
            (None, Some(primal), _) => Self::wrap(PrimalAveraged::new(rule, primal), layers, tensors, start),
            (Some(averaging), _, _) => Self::wrap(Averaged::new(rule, averaging), layers, tensors, start),
        }
    }

    fn wrap<A>(rule: A, layers: &[LookaheadConfig], tensors: &[Tensor], start: Start<'_>) -> Result<Self, Error>
    where
        A: Optimizer<T, State: Serialize + DeserializeOwned> + Describe + 'static,
    {
        let saved = match (start, layers) {
            (Start::Workers(count), [outer]) => {
                return Ok(Self(Box::new(Fleet::open(rule, outer, tensors, count)?)));
            }
            (Start::Workers(_), _) => panic!("workers share one Lookahead"),
            (Start::New, _) => None,
            (Start::Saved(bytes), _) => Some(bytes),
        };
        Ok(Self(match layers {
            [] => Box::new(Session::open(rule, tensors, saved)?),
            [one] => Box::new(Session::open(Lookahead::with_config(rule, one.clone())?, tensors, saved)?),
            [inner, outer] => {
                let inner = Lookahead::with_config(rule, inner.clone())?;
                Box::new(Session::open(Lookahead::with_config(inner, outer.clone())?, tensors, saved)?)
            }
            more => panic!("{} Lookaheads: the laws use two at most", more.len()),
        }))
    }
}

impl<T: Float> Subject for Slices<T> {
    const PRECISION: Precision = if size_of::<T>() == 4 { Precision::Single } else { Precision::Double };
    const OUTER_STEPS: bool = true;

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self::open(setup, tensors, Start::New).expect("a valid setup")
    }

    fn step(&mut self, lr: f64, grads: &[Option<Vec<f64>>]) {
        self.0.step(lr, grads);
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.0.weights()
    }

    fn slow(&self) -> Vec<Vec<f64>> {
        self.0.evaluation_weights()
    }

    fn sync_now(&mut self) {
        self.0.sync_now();
    }

    fn evaluate(&mut self) {
        self.0.evaluation_weights();
    }

    fn save(&self) -> Vec<u8> {
        self.0.save().expect("a snapshot")
    }

    fn load(setup: &Setup, tensors: &[Tensor], bytes: &[u8]) -> Self {
        Self::open(setup, tensors, Start::Saved(bytes)).expect("a snapshot of this setup")
    }

    fn add(&mut self, tensor: &Tensor) {
        self.0.add(tensor).expect("a new name");
    }

    fn with_workers(setup: &Setup, tensors: &[Tensor], workers: usize) -> Option<Self> {
        Some(Self::open(setup, tensors, Start::Workers(workers)).expect("a valid setup"))
    }
}
