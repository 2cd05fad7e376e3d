//! The beginning of a job: all ranks are of one version and configuration, and start from the weights of rank 0.

use lookahead::collective::{Collective, CollectiveError, fingerprint};
use lookahead::{Float, ParamSet};

use crate::Error;
use crate::news::{differing, share_words};

/// How many bytes travel together.
const BUCKET: usize = 1 << 22;

/// Checks that all ranks have this package's version, the same configuration (any text: line by line the first difference is
/// told) and the same tensors; then gives all of them the weights of rank 0.
///
/// ```
/// use lookahead::{ParamSet, collective::OneProcess};
/// let mut params = ParamSet::new();
/// params.push("w", [2], vec![1.0_f32, 2.0])?;
/// lookahead_mpi::begin_together(&mut OneProcess::default(), "k = 5\nlearning_rate = 0.1", &mut params)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`CollectiveError::Differs`] on every rank, with what differs, on which rank, and how.
pub fn begin_together<T: Float>(
    workers: &mut dyn Collective,
    configuration: &str,
    params: &mut ParamSet<'_, T>,
) -> Result<(), Error> {
    workers.agree("the version of lookahead-mpi", env!("CARGO_PKG_VERSION"))?;
    workers.agree("the configuration", configuration)?;
    let shapes =
        params.iter().map(|param| format!("{} {:?} of {} bytes\n", param.name(), param.shape(), size_of::<T>()));
    workers.agree("a tensor", &shapes.collect::<String>())?;
    for param in params.iter_mut() {
        let bytes: Vec<u8> = param.values().iter().flat_map(|value| value.to_f64().to_le_bytes()).collect();
        let received = broadcast(workers, &bytes)?;
        let values = received.as_chunks().0.iter().map(|bytes| T::from_f64(f64::from_le_bytes(*bytes)));
        param.values_mut().iter_mut().zip(values).for_each(|(to, from)| *to = from);
    }
    Ok(())
}

/// The bytes of rank 0, as many as all have, in buckets: MPI counts what travels at once in 31 bits.
pub(crate) fn broadcast(workers: &mut dyn Collective, bytes: &[u8]) -> Result<Vec<u8>, CollectiveError> {
    let mut received = Vec::with_capacity(bytes.len());
    for bucket in bytes.chunks(BUCKET) {
        received.extend(workers.broadcast(bucket.to_vec())?);
    }
    Ok(received)
}

/// Checks that the tensors have the same bits on every rank, by one number of 64 bits each.
///
/// # Errors
/// [`CollectiveError::Differs`] on every rank, with the first that differs.
pub fn check_replicas<'v, T: Float>(
    workers: &mut dyn Collective,
    tensors: impl IntoIterator<Item = &'v [T]>,
) -> Result<(), Error> {
    let hashes = share_words(workers, &[fingerprint(tensors)])?;
    same_replicas(&hashes, 0)
}

/// The error for the first rank whose hash, at this place of its words, is not that of rank 0.
pub(crate) fn same_replicas(ranks: &[Vec<u64>], place: usize) -> Result<(), Error> {
    let Some(rank) = differing(ranks, place) else { return Ok(()) };
    let hash = |rank: usize| format!("{:016x}", ranks[rank][place]);
    let what = "the hash of the weights".to_owned();
    Err(CollectiveError::Differs { what, rank, expected: hash(0), found: hash(rank) }.into())
}
