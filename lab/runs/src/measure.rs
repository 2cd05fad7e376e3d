//! What is measured: one table in which each measure of an evaluation, or of a run, is one entry.

mod value;

use serde::{Deserialize, Serialize};

use crate::Quantity;
use crate::trace::Changes;

/// What the table says of a measure.
struct Entry {
    key: &'static str,
    name: &'static str,
    quantity: Quantity,
    origin: Origin,
}

/// How a measure comes about.
enum Origin {
    /// A run writes it down.
    Measured,
    /// The exponential of a loss in nats.
    Exponential(Measure),
    /// The mean over the evaluations of a run.
    Mean(Measure),
    /// A change over the traced cycles of a run: a difference by itself.
    Traced(fn(&Changes) -> f64),
}

macro_rules! measures {
    ($($(#[$doc:meta])* $measure:ident = $key:literal, $name:literal, $quantity:ident, $origin:expr;)*) => {
        /// A number of an evaluation, or of a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Measure {
            $($(#[$doc])* #[serde(rename = $key)] $measure,)*
        }

        impl Measure {
            /// All of them, in the order in which files hold them.
            pub const ALL: &[Self] = &[$(Self::$measure,)*];

            /// The keys of all of them.
            pub(crate) const KEYS: &[&str] = &[$($key,)*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$measure => {
                        Entry { key: $key, name: $name, quantity: Quantity::$quantity, origin: $origin }
                    })*
                }
            }
        }
    };
}

use Origin::{Exponential, Mean, Measured, Traced};

// Its key in files, its name for people with a capital, what it is a number of, and how it comes about.
measures! {
    /// Loss over the training set.
    TrainLoss = "train_loss", "Training loss", Loss, Measured;
    /// Loss over the validation set.
    ValidLoss = "valid_loss", "Validation loss", Loss, Measured;
    /// Share of validation examples that are right; of tasks with classes.
    ValidAccuracy = "valid_accuracy", "Validation accuracy", Accuracy, Measured;
    /// Share of validation examples whose class is among the five most likely; only where there are more classes.
    ValidTop5 = "valid_top5", "Top-5 accuracy", Accuracy, Measured;
    /// BLEU on the validation set, at the end of a run; of translations.
    ValidBleu = "valid_bleu", "Validation BLEU", Bleu, Measured;
    /// Loss over the test set, at the end of a run, where there is one.
    TestLoss = "test_loss", "Test loss", Loss, Measured;
    /// BLEU on the test set, at the end of a run; of translations.
    TestBleu = "test_bleu", "Test BLEU", Bleu, Measured;
    /// Exponential of the loss over the training set.
    TrainPerplexity = "train_perplexity", "Training perplexity", Perplexity, Exponential(Measure::TrainLoss);
    /// Exponential of the loss over the validation set.
    ValidPerplexity = "valid_perplexity", "Validation perplexity", Perplexity, Exponential(Measure::ValidLoss);
    /// Exponential of the loss over the test set, at the end of a run.
    TestPerplexity = "test_perplexity", "Test perplexity", Perplexity, Exponential(Measure::TestLoss);
    /// Mean over the evaluations of the loss over the training set: how fast a run converges.
    MeanTrainLoss = "mean_train_loss", "Training loss, mean over epochs", Loss, Mean(Measure::TrainLoss);
    /// Change of the validation accuracy over an inner loop, the mean of a run's traced cycles.
    InnerLoopChange = "inner_loop_change", "Change of the accuracy over an inner loop", Accuracy, Traced(|of| of.inner);
    /// Change of the validation accuracy at a sync, the mean of a run's traced cycles.
    SyncChange = "sync_change", "Change of the accuracy at a sync", Accuracy, Traced(|of| of.outer);
}

impl Measure {
    /// Its key in files.
    pub fn key(self) -> &'static str {
        self.entry().key
    }

    /// Its name for people, with a capital.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Its name within a sentence.
    pub fn in_sentence(self) -> String {
        let name = self.name();
        name[..1].to_lowercase() + &name[1..]
    }

    /// Its name with the unit of its values.
    pub fn with_unit(self) -> String {
        format!("{}{}", self.name(), self.unit())
    }

    /// The unit of its values, after a comma; empty where it has none.
    pub fn unit(self) -> &'static str {
        let facts = self.quantity().facts();
        if self.is_change() { facts.unit_of_difference } else { facts.unit }
    }

    /// What it is a number of, and so how it is shown, which way is better, and what counts as alike.
    pub fn quantity(self) -> Quantity {
        self.entry().quantity
    }

    /// Whether it is a share of examples.
    pub fn is_accuracy(self) -> bool {
        self.quantity() == Quantity::Accuracy
    }

    /// Whether it is a difference by itself, compared with no other group.
    pub fn is_change(self) -> bool {
        matches!(self.entry().origin, Traced(_))
    }

    /// Whether a run writes it down; if not, it follows from others.
    pub fn is_measured(self) -> bool {
        matches!(self.entry().origin, Measured)
    }

    /// Whether a single evaluation has it.
    pub fn is_of_evaluation(self) -> bool {
        matches!(self.entry().origin, Measured | Exponential(_))
    }

    /// What runs are compared by: a perplexity by its logarithm, the loss, so that differences are ratios and no large
    /// value outweighs all others; anything else by itself.
    pub fn to_compare(self) -> Self {
        match self.entry().origin {
            Exponential(loss) => loss,
            _ => self,
        }
    }
}
