//! A versioned, checked copy of a run: fast weights and the optimizer's whole state, restored to the same bits.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{Error, Float, InnerState, Optimizer, ParamSet};

/// The layout that [`Snapshot`] writes.
const VERSION: u32 = 1;

/// Everything that the next steps depend on, at any step of a cycle: fast and slow weights, inner state, clock.
///
/// It serializes with serde into any format; [`to_bytes`](Self::to_bytes) is a compact one of its own. Numbers are kept
/// as their bits. A checksum guards them, and a snapshot goes back only into the optimizer and the tensors it is of.
///
/// ```
/// use lookahead::{Grads, Lookahead, Optimizer, ParamSet, Snapshot, rules::Sgd};
/// # fn main() -> Result<(), lookahead::Error> {
/// let mut params = ParamSet::new();
/// params.push("w", [1], vec![1.0_f32])?;
/// let optimizer = Lookahead::new(Sgd::new());
/// let mut state = optimizer.init(&params);
/// let grads = Grads::new(&params, [Some(vec![1.0])])?;
/// optimizer.step(0.1, &mut params, &grads, &mut state);
/// let bytes = Snapshot::capture(&optimizer, &params, &state)?.to_bytes()?;
///
/// params.slice_mut(0)[0] = f32::NAN;                       // a new process
/// let state = Snapshot::from_bytes(&bytes)?.restore(&optimizer, &mut params)?;
/// assert_eq!((params.slice(0), state.clock().phase()), (&[0.9_f32][..], 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    // The optimizer's hyperparameters, as it prints itself.
    optimizer: String,
    tensors: Vec<(String, Vec<usize>)>,
    payload: Vec<u8>,
    checksum: u32,
}

impl Snapshot {
    /// Copies the weights and the state. Changes nothing.
    ///
    /// # Errors
    /// [`Error::DamagedSnapshot`] if a state of the caller's own refuses to serialize.
    pub fn capture<T: Float, O: Optimizer<T> + Debug>(
        optimizer: &O,
        params: &ParamSet<'_, T>,
        state: &O::State,
    ) -> Result<Self, Error> {
        let tensors = params.iter().map(|param| (param.name().to_owned(), param.shape().to_owned())).collect();
        // tensors that have joined since the last step are seeded now, as that step would
        let mut state = state.clone();
        state.adopt(params);
        let payload = postcard::to_allocvec(&(params.to_vecs(), state)).map_err(damaged)?;
        let mut snapshot =
            Self { version: VERSION, optimizer: format!("{optimizer:?}"), tensors, payload, checksum: 0 };
        snapshot.checksum = snapshot.compute_checksum();
        Ok(snapshot)
    }

    /// Writes the fast weights into `params` and gives the optimizer's state. On an error `params` is as before.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`], [`Error::DamagedSnapshot`], [`Error::OtherOptimizer`] (both sets of hyperparameters are
    /// named) or [`Error::OtherParameters`] (the first tensor that differs is named).
    pub fn restore<T: Float, O: Optimizer<T> + Debug>(
        &self,
        optimizer: &O,
        params: &mut ParamSet<'_, T>,
    ) -> Result<O::State, Error> {
        if self.version != VERSION {
            return Err(Error::UnknownVersion { found: self.version, supported: VERSION });
        }
        if self.checksum != self.compute_checksum() {
            return Err(damaged("the checksum does not agree with the content"));
        }
        let expected = format!("{optimizer:?}");
        if expected != self.optimizer {
            return Err(Error::OtherOptimizer { expected, found: self.optimizer.clone() });
        }
        self.compare_tensors(params)?;
        let (weights, state): (Vec<Vec<T>>, O::State) = postcard::from_bytes(&self.payload).map_err(damaged)?;
        crate::inner_state::lengths_fit("the weights", weights.iter().map(Vec::len), params)?;
        state.fits(params)?;
        for (param, weights) in params.iter_mut().zip(&weights) {
            param.values_mut().copy_from_slice(weights);
        }
        Ok(state)
    }

    /// The snapshot in its own compact form.
    ///
    /// # Errors
    /// [`Error::DamagedSnapshot`] if it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        postcard::to_allocvec(self).map_err(damaged)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::DamagedSnapshot`] where the bytes are cut off, changed or something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match postcard::take_from_bytes::<Self>(bytes).map_err(damaged)? {
            (snapshot, []) if snapshot.checksum == snapshot.compute_checksum() => Ok(snapshot),
            (_, []) => Err(damaged("the checksum does not agree with the content")),
            (_, rest) => Err(damaged(format!("{} bytes follow its end", rest.len()))),
        }
    }

    fn compare_tensors<T: Float>(&self, params: &ParamSet<'_, T>) -> Result<(), Error> {
        let other = |reason| Err(Error::OtherParameters { reason });
        for (param, (name, shape)) in params.iter().zip(&self.tensors) {
            if param.name() != name || param.shape() != shape {
                let (here, its) = (param.name(), param.shape());
                return other(format!(
                    "it holds tensor {name:?} of shape {shape:?} where {here:?} of shape {its:?} stands"
                ));
            }
        }
        crate::inner_state::counts_fit("weights", self.tensors.len(), params)
    }

    fn compute_checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.version.to_le_bytes());
        hasher.update(self.optimizer.as_bytes());
        for (name, shape) in &self.tensors {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            shape.iter().for_each(|&extent| hasher.update(&(extent as u64).to_le_bytes()));
        }
        hasher.update(&self.payload);
        hasher.finalize()
    }
}

fn damaged(reason: impl ToString) -> Error {
    Error::DamagedSnapshot { reason: reason.to_string() }
}
