//! The running statistics of batch norm over workers: the variance of the mixture, as far as a mean can give it.

use lookahead::Float;
use lookahead::collective::{Collective, mean_over_workers};

use crate::Error;

/// Replaces running means m and variances v by those of all workers' batches together:
///
/// ```text
/// m' = avg(m),  v' = avg(v + m^2) - m'^2
/// ```
///
/// in doubles, and at least 0. The mean of the variances alone would miss how far the workers' means lie apart. One worker
/// keeps its bits. Averaging weights says nothing about these buffers: call it before an evaluation or a checkpoint.
///
/// # Errors
/// [`Error::WrongLength`] if there are not as many variances as means, and [`Error::Collective`].
pub fn average_batch_norm<T: Float>(
    workers: &mut dyn Collective,
    means: &mut [T],
    variances: &mut [T],
) -> Result<(), Error> {
    let (expected, found) = (means.len(), variances.len());
    if found != expected {
        return Err(Error::WrongLength { what: "the variances", expected, found });
    }
    if workers.size() == 1 {
        return Ok(());
    }
    let doubles = |values: &[T]| values.iter().map(|value| value.to_f64()).collect::<Vec<f64>>();
    let mut moments = doubles(means);
    moments.extend(doubles(variances).iter().zip(doubles(means)).map(|(v, m)| v + m * m));
    mean_over_workers(workers, &mut moments)?;
    for (((mean, variance), m), second) in means.iter_mut().zip(variances).zip(&moments).zip(&moments[expected..]) {
        (*mean, *variance) = (T::from_f64(*m), T::from_f64((second - m * m).max(0.0)));
    }
    Ok(())
}
