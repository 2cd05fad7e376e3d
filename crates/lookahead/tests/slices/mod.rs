//! The core over slices, as a subject of the laws: any rule with up to two Lookaheads around it, in `f32` or `f64`.

use std::ops::Deref;

use lookahead::rules::{AdaFactor, Adam, AdamW, Sgd};
use lookahead::{Averaged, Describe, Error, Float, Grads, Lookahead, LookaheadConfig, Optimizer, ParamSet, Snapshot};
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
        let mut params = ParamSet::new();
        for tensor in tensors {
            params.push(&*tensor.name, &*tensor.shape, narrow::<T>(&tensor.values))?;
        }
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
        self.optimizer.evaluation_weights(&self.state).map_or_else(|| self.weights(), |weights| widen(&weights))
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

fn narrow<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().copied().map(T::from_f64).collect()
}

fn widen<T: Float>(tensors: &[impl Deref<Target = [T]>]) -> Vec<Vec<f64>> {
    tensors.iter().map(|values| values.iter().map(|value| value.to_f64()).collect()).collect()
}

impl<T: Float> Slices<T> {
    fn open(setup: &Setup, tensors: &[Tensor], saved: Option<&[u8]>) -> Result<Self, Error> {
        let sgd = Sgd::new();
        match setup.rule {
            Rule::Sgd => Self::average(sgd, setup, tensors, saved),
            Rule::HeavyBall => Self::average(sgd.with_momentum(0.9)?.with_dampening(0.25)?, setup, tensors, saved),
            Rule::Nesterov => {
                let rule = sgd.with_momentum(0.9)?.with_nesterov()?.with_weight_decay(0.01)?;
                Self::average(rule, setup, tensors, saved)
            }
            Rule::Adam => Self::average(Adam::new(), setup, tensors, saved),
            Rule::AdamW => Self::average(AdamW::new(), setup, tensors, saved),
            Rule::AdaFactor => Self::average(AdaFactor::new(), setup, tensors, saved),
        }
    }

    fn average<A>(rule: A, setup: &Setup, tensors: &[Tensor], saved: Option<&[u8]>) -> Result<Self, Error>
    where
        A: Optimizer<T, State: Serialize + DeserializeOwned> + Describe + 'static,
    {
        match setup.averaging {
            None => Self::wrap(rule, &setup.lookaheads, tensors, saved),
            Some(averaging) => Self::wrap(Averaged::new(rule, averaging), &setup.lookaheads, tensors, saved),
        }
    }

    fn wrap<A>(rule: A, layers: &[LookaheadConfig], tensors: &[Tensor], saved: Option<&[u8]>) -> Result<Self, Error>
    where
        A: Optimizer<T, State: Serialize + DeserializeOwned> + Describe + 'static,
    {
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

    fn new(setup: &Setup, tensors: &[Tensor]) -> Self {
        Self::open(setup, tensors, None).expect("a valid setup")
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
        Self::open(setup, tensors, Some(bytes)).expect("a snapshot of this setup")
    }

    fn add(&mut self, tensor: &Tensor) {
        self.0.add(tensor).expect("a new name");
    }
}
