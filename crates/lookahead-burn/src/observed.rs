//! What a trainer sees of an optimizer and tells it, whatever is nested in it.

use burn::optim::Optimizer;
use lookahead::SyncReport;

use crate::{Averaged, BlackBox, EmaNesterov, InnerOptimizer, Lookahead, PrimalAveraged, RuleSet};

/// What a trainer sees of an optimizer and tells it. Each layer of a nesting passes on what is the inner ones' to know, so
/// that a trainer need not know what it trains with; the trait is object-safe.
///
/// ```
/// use lookahead_burn::lookahead::Averaging;
/// use lookahead_burn::{Averaged, Lookahead, Observed, Sgd};
///
/// // NT-ASGD around a Lookahead hears of validation losses.
/// let mut optimizer = Averaged::new(Lookahead::new(Sgd::new()), Averaging::NonMonotonic { patience: 1 });
/// let observed: &mut dyn Observed = &mut optimizer;
/// assert_eq!(observed.averages_began(), Some(false));
/// for loss in [1.0, 0.9, 1.1, 1.2] {
///     observed.observe_loss(loss);
/// }
/// assert!(observed.latest_sync().is_none());
/// ```
pub trait Observed {
    /// The last sync of the outermost Lookahead; `None` without one, and before its first. Waits for the device.
    fn latest_sync(&self) -> Option<SyncReport> {
        None
    }

    /// The elements that syncs of all Lookaheads refused as not finite. Waits for the device.
    fn all_refused(&self) -> u64 {
        0
    }

    /// Whether all averages that are evaluated have begun; `None` without any. Those inside a Lookahead are not: its slow
    /// weights are.
    fn averages_began(&self) -> Option<bool> {
        None
    }

    /// Tells every average a validation loss (NT-ASGD).
    fn observe_loss(&mut self, _loss: f64) {}
}

impl<O: Optimizer> Observed for RuleSet<O> {}

impl Observed for BlackBox {}

impl<I: InnerOptimizer + Observed> Observed for Lookahead<I> {
    fn latest_sync(&self) -> Option<SyncReport> {
        self.last_sync()
    }

    fn all_refused(&self) -> u64 {
        self.refused().saturating_add(self.inner().all_refused())
    }

    fn observe_loss(&mut self, loss: f64) {
        self.inner_mut().observe_loss(loss);
    }
}

impl<I: InnerOptimizer + Observed> Observed for Averaged<I> {
    fn latest_sync(&self) -> Option<SyncReport> {
        self.inner().latest_sync()
    }

    fn all_refused(&self) -> u64 {
        self.inner().all_refused()
    }

    fn averages_began(&self) -> Option<bool> {
        Some(self.has_begun() && self.inner().averages_began().unwrap_or(true))
    }

    fn observe_loss(&mut self, loss: f64) {
        self.observe_validation_loss(loss);
        self.inner_mut().observe_loss(loss);
    }
}

/// All of it is the inner optimizer's to know.
macro_rules! passes_on {
    ($($optimizer:ident),*) => {
        $(
            impl<I: InnerOptimizer + Observed> Observed for $optimizer<I> {
                fn latest_sync(&self) -> Option<SyncReport> {
                    self.inner().latest_sync()
                }

                fn all_refused(&self) -> u64 {
                    self.inner().all_refused()
                }

                fn averages_began(&self) -> Option<bool> {
                    self.inner().averages_began()
                }

                fn observe_loss(&mut self, loss: f64) {
                    self.inner_mut().observe_loss(loss);
                }
            }
        )*
    };
}

passes_on!(PrimalAveraged, EmaNesterov);
