//! The task that a configuration and its data describe, for code that is written once for all of them.

use super::{Classification, LanguageModelling, Task, Translation};
use crate::Error;
use crate::config::RunConfig;
use crate::workers::Share;
use lookahead_data::Data;
use lookahead_models::config::ModelConfig;

/// What is done with a task, whichever it is.
pub trait ForTask {
    /// What comes of it.
    type Output;

    /// Does it.
    fn with<T: Task>(self, task: &T) -> Self::Output;
}

/// Does something with the task of a configuration, as one of its workers has it.
///
/// # Errors
/// [`Error::TooFewForWorkers`] for data that does not suffice for all workers.
/// [`Error::OtherKindOfData`] for data that the model is not for, never if the data is the configuration's; what
/// [`LanguageModelling::new`] and [`Translation::new`] refuse.
pub fn with_task<F: ForTask>(config: &RunConfig, data: &Data, share: Share, what: F) -> Result<F::Output, Error> {
    match (&config.model, data) {
        (ModelConfig::Network(network), Data::Images(images)) => {
            share.check(images.train.len(), "training images")?;
            Ok(what.with(&Classification::new(config, network, images).for_worker(share)))
        }
        (ModelConfig::AwdLstm(model), Data::Text(corpus)) => {
            Ok(what.with(&LanguageModelling::for_worker(config, model, corpus, share)?))
        }
        (ModelConfig::Transformer(model), Data::Pairs(pairs)) => {
            let task = Translation::new(config, model, pairs)?.for_worker(share);
            share.check(task.all_batches(), "batches of pairs")?;
            Ok(what.with(&task))
        }
        _ => Err(Error::OtherKindOfData),
    }
}
