//! A versioned, checked copy of a run: fast weights and the optimizer's whole state, restored to the same bits.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Describe, Description, Error, Float, InnerState, Optimizer, ParamSet};

/// The layout that [`Snapshot`] writes.
const VERSION: u32 = 2;

/// Everything that the next steps depend on, at any step of a cycle: fast and slow weights, inner state, clock.
///
/// It serializes with serde into any format; [`to_bytes`](Self::to_bytes) is a compact one of its own. Numbers are kept
/// as their bits. A checksum guards them, and a snapshot goes back only into the optimizer and the tensors it is of; into
/// other hyperparameters by [`restore_under_new_hyperparameters`](Self::restore_under_new_hyperparameters).
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
    optimizer: Description,
    tensors: Vec<(String, Vec<usize>)>,
    payload: Vec<u8>,
    checksum: u32,
}

impl Snapshot {
    /// Copies the weights and the state. Changes nothing.
    ///
    /// # Errors
    /// [`Error::DamagedSnapshot`] if a state of the caller's own refuses to serialize.
    pub fn capture<T: Float, O: Optimizer<T> + Describe>(
        optimizer: &O,
        params: &ParamSet<'_, T>,
        state: &O::State,
    ) -> Result<Self, Error>
    where
        O::State: Serialize,
    {
        let tensors = params.iter().map(|param| (param.name().to_owned(), param.shape().to_owned())).collect();
        // tensors that have joined since the last step are seeded now, as that step would
        let mut state = state.clone();
        state.adopt(params);
        let payload = postcard::to_allocvec(&(params.to_vecs(), state)).map_err(damaged)?;
        let mut snapshot = Self { version: VERSION, optimizer: optimizer.describe(), tensors, payload, checksum: 0 };
        snapshot.checksum = snapshot.compute_checksum()?;
        Ok(snapshot)
    }

    /// The optimizer that it was taken of.
    #[must_use]
    pub fn optimizer(&self) -> &Description {
        &self.optimizer
    }

    /// Writes the fast weights into `params` and gives the optimizer's state. On an error `params` is as before.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`], [`Error::DamagedSnapshot`], [`Error::OtherOptimizer`] (the first hyperparameter that
    /// differs is named, with both values) or [`Error::OtherParameters`] (the first tensor that differs is named).
    pub fn restore<T: Float, O: Optimizer<T> + Describe>(
        &self,
        optimizer: &O,
        params: &mut ParamSet<'_, T>,
    ) -> Result<O::State, Error>
    where
        O::State: DeserializeOwned,
    {
        self.check()?;
        optimizer.describe().compare(&self.optimizer)?;
        let (weights, state) = self.read(optimizer, params)?;
        write(&weights, params);
        Ok(state)
    }

    /// [`restore`](Self::restore) into an optimizer of the same kinds with other hyperparameters, to go on under those: a
    /// fine-tuning with another alpha, say.
    ///
    /// The state stays what it is. Where the clock is beyond a new k, the sync comes with the next step; a velocity
    /// that was not kept begins at 0, an outer momentum too; "interpolate" begins from the inner state at hand; an
    /// average stays and goes on in the new way; the squared gradients of an adaptive alpha, where the rule keeps none,
    /// begin empty. Of a [`PrimalAveraged`](crate::PrimalAveraged) beta or mu_y stays, by which its average x is kept.
    ///
    /// # Errors
    /// Those of [`restore`](Self::restore), with [`Error::OtherOptimizer`] for another kind of optimizer, or for another
    /// storage of the slow weights or seed of their rounding.
    pub fn restore_under_new_hyperparameters<T: Float, O: Optimizer<T> + Describe>(
        &self,
        optimizer: &O,
        params: &mut ParamSet<'_, T>,
    ) -> Result<O::State, Error>
    where
        O::State: DeserializeOwned,
    {
        self.check()?;
        optimizer.describe().compare_form(&self.optimizer)?;
        let (weights, mut state) = self.read(optimizer, params)?;
        optimizer.adapt(params, &mut state)?;
        write(&weights, params);
        Ok(state)
    }

    fn check(&self) -> Result<(), Error> {
        if self.version != VERSION {
            return Err(Error::UnknownVersion { found: self.version, supported: VERSION });
        }
        match self.compute_checksum()? == self.checksum {
            true => Ok(()),
            false => Err(damaged("the checksum does not agree with the content")),
        }
    }

    fn read<T: Float, O: Optimizer<T>>(
        &self,
        _optimizer: &O,
        params: &ParamSet<'_, T>,
    ) -> Result<(Vec<Vec<T>>, O::State), Error>
    where
        O::State: DeserializeOwned,
    {
        self.compare_tensors(params)?;
        let (weights, state): (Vec<Vec<T>>, O::State) = postcard::from_bytes(&self.payload).map_err(damaged)?;
        crate::inner_state::lengths_fit("the weights", weights.iter().map(Vec::len), params)?;
        state.fits(params)?;
        Ok((weights, state))
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
    /// [`Error::UnknownVersion`] for another layout, [`Error::DamagedSnapshot`] where the bytes are cut off, changed or
    /// something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match postcard::take_from_bytes::<Self>(bytes) {
            Ok((snapshot, [])) if snapshot.compute_checksum()? == snapshot.checksum => {
                snapshot.check().map(|()| snapshot)
            }
            _ if is_version_1(bytes) => Err(Error::UnknownVersion { found: 1, supported: VERSION }),
            Ok((_, [])) => Err(damaged("the checksum does not agree with the content")),
            Ok((_, rest)) => Err(damaged(format!("{} bytes follow its end", rest.len()))),
            Err(error) => Err(damaged(error)),
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

    fn compute_checksum(&self) -> Result<u32, Error> {
        let head = postcard::to_allocvec(&(self.version, &self.optimizer, &self.tensors)).map_err(damaged)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head);
        hasher.update(&self.payload);
        Ok(hasher.finalize())
    }
}

fn write<T: Float>(weights: &[Vec<T>], params: &mut ParamSet<'_, T>) {
    params.iter_mut().zip(weights).for_each(|(param, weights)| param.values_mut().copy_from_slice(weights));
}

/// Whether the bytes are a snapshot as it was before it had a [`Description`].
fn is_version_1(bytes: &[u8]) -> bool {
    type Version1 = (u32, String, Vec<(String, Vec<usize>)>, Vec<u8>, u32);
    matches!(postcard::take_from_bytes::<Version1>(bytes), Ok(((1, ..), [])))
}

fn damaged(reason: impl ToString) -> Error {
    Error::DamagedSnapshot { reason: reason.to_string() }
}
