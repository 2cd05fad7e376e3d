//! Averaged gradients: a mean at each step, after which every replica takes the same step and keeps the same bits.

use lookahead::Float;
use lookahead::collective::{Collective, MeanInFlight};

use crate::Error;

/// How many elements travel together at least, but for the last: 1 MB of f32.
const BUCKET: usize = 1 << 18;

/// Replaces gradients by their mean over the workers. All ranks give as many tensors of the same lengths: a tensor that has no
/// gradient on one of them comes as zeros.
///
/// Tensors travel in buckets; `ready` is given each tensor by its index, in order, with its mean, while the next bucket
/// travels. Around the mean any optimizer is the same on every rank, a Lookahead too.
///
/// ```
/// use lookahead::collective::OneProcess;
/// let (mut weight, mut bias) = (vec![1.0_f32, 2.0], vec![3.0]);
/// let mut applied = Vec::new();
/// let mut gradients = [&mut weight[..], &mut bias];
/// lookahead_mpi::average_gradients(&mut OneProcess::default(), &mut gradients, |tensor, gradient| {
///     applied.push((tensor, gradient.to_vec()));
/// })?;
/// assert_eq!(applied, [(0, vec![1.0, 2.0]), (1, vec![3.0])]);
/// # Ok::<(), lookahead_mpi::Error>(())
/// ```
///
/// # Errors
/// [`Error::Collective`].
pub fn average_gradients<T: Float>(
    workers: &mut dyn Collective,
    gradients: &mut [&mut [T]],
    mut ready: impl FnMut(usize, &mut [T]),
) -> Result<(), Error> {
    let mut travelling: Option<(usize, usize, MeanInFlight<T>)> = None;
    let mut first = 0;
    while first < gradients.len() || travelling.is_some() {
        let next = (first < gradients.len()).then(|| {
            let end = end_of_bucket(gradients, first);
            let values: Vec<T> = gradients[first..end].iter().flat_map(|tensor| tensor.iter().copied()).collect();
            MeanInFlight::start(workers, &values).map(|mean| (first, end, mean))
        });
        let next = next.transpose()?;
        if let Some((first, end, mean)) = travelling {
            let mean = mean.finish(workers)?;
            let mut rest = &mean[..];
            for (index, tensor) in gradients.iter_mut().enumerate().take(end).skip(first) {
                let (values, others) = rest.split_at(tensor.len());
                tensor.copy_from_slice(values);
                ready(index, tensor);
                rest = others;
            }
        }
        first = next.as_ref().map_or(first, |(_, end, _)| *end);
        travelling = next;
    }
    Ok(())
}

fn end_of_bucket<T>(gradients: &[&mut [T]], first: usize) -> usize {
    let mut elements = 0;
    let full = gradients[first..].iter().position(|tensor| {
        elements += tensor.len();
        elements >= BUCKET
    });
    full.map_or(gradients.len(), |place| first + place + 1)
}
