//! What rank 0 has come to alone, such as an evaluation, told to all.

use lookahead::collective::Collective;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

#[derive(Debug, Serialize, Deserialize)]
enum Told<T> {
    Done(T),
    Interrupted,
    Failed(String),
}

/// On rank 0 `own` is its result, which it gets back; the others get what it told them.
///
/// # Errors
/// On rank 0 its own; on others [`Error::Interrupted`] if that is rank 0's, else [`Error::OfRank0`]; [`Error::Workers`].
pub(crate) fn tell<T: Serialize + DeserializeOwned>(
    workers: &mut dyn Collective,
    own: Option<Result<T, Error>>,
) -> Result<T, Error> {
    let said = own.as_ref().map(|own| match own {
        Ok(value) => Told::Done(value),
        Err(Error::Interrupted) => Told::Interrupted,
        Err(error) => Told::Failed(error.to_string()),
    });
    let bytes = said.map_or(Ok(Vec::new()), |said| serde_json::to_vec(&said));
    let unreadable = |error: serde_json::Error| Error::OfRank0 { message: error.to_string() };
    let heard = workers.gather(bytes.map_err(unreadable)?)?.swap_remove(0);
    match (own, serde_json::from_slice(&heard)) {
        (Some(own), _) => own,
        (None, Ok(Told::Done(value))) => Ok(value),
        (None, Ok(Told::Interrupted)) => Err(Error::Interrupted),
        (None, Ok(Told::Failed(message))) => Err(Error::OfRank0 { message }),
        (None, Err(error)) => Err(unreadable(error)),
    }
}
