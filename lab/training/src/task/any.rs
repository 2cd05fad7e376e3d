//! The task that a configuration and its data describe, for code that is written once for all of them.

use super::{Classification, LanguageModelling, Task, Translation};
use crate::Error;
use crate::config::RunConfig;
use lookahead_data::Data;
use lookahead_models::config::ModelConfig;

/// What is done with a task, whichever it is.
pub trait ForTask {
    /// What comes of it.
    type Output;

    /// Does it.
    fn with<T: Task>(self, task: &T) -> Self::Output;
}

/// Does something with the task of a configuration.
///
/// # Errors
/// [`Error::OtherKindOfData`] for data that the model is not for, never if the data is the configuration's; what
/// [`LanguageModelling::new`] and [`Translation::new`] refuse.
pub fn with_task<F: ForTask>(config: &RunConfig, data: &Data, what: F) -> Result<F::Output, Error> {
    match (&config.model, data) {
        (ModelConfig::Network(network), Data::Images(images)) => {
            Ok(what.with(&Classification::new(config, network, images)))
        }
        (ModelConfig::AwdLstm(model), Data::Text(corpus)) => {
            Ok(what.with(&LanguageModelling::new(config, model, corpus)?))
        }
        (ModelConfig::Transformer(model), Data::Pairs(pairs)) => {
            Ok(what.with(&Translation::new(config, model, pairs)?))
        }
        _ => Err(Error::OtherKindOfData),
    }
}
