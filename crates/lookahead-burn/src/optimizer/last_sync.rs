//! What the last sync did, read from the device when somebody asks.

use lookahead::{Alpha, ChosenAlpha, StepSize, SyncReport};

use super::Lookahead;
use crate::curvature::{Chosen, read_chosen};
use crate::{Error, InnerOptimizer, Refused};

/// A sync, as far as it is known without waiting for a device.
#[derive(Debug, Clone)]
pub(super) struct LastSync {
    pub(super) outer: u64,
    pub(super) chosen: Chosen,
    pub(super) refused: Refused,
}

impl<I: InnerOptimizer> Lookahead<I> {
    /// The last sync: its alpha, whether that was clipped, and the elements refused as not finite. Waits for the device, if
    /// it is none that the host itself computes on.
    ///
    /// # Panics
    /// If the device fails, as Burn's own reads do.
    #[must_use]
    pub fn last_sync(&self) -> Option<SyncReport> {
        self.report().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn report(&self) -> Result<Option<SyncReport>, Error> {
        let report = |LastSync { outer, chosen, refused }: &LastSync| {
            Ok(SyncReport::new(*outer, self.known(chosen)?, refused.total()?))
        };
        self.last_sync.as_ref().map(report).transpose()
    }

    /// The number of elements that any sync so far refused as not finite. Waits as [`last_sync`](Self::last_sync) does.
    ///
    /// # Panics
    /// If the device fails, as Burn's own reads do.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.saturating_add(self.unseen.total_or_panic())
    }

    /// The alpha in numbers, waiting for the device that has it.
    pub(super) fn known(&self, chosen: &Chosen) -> Result<ChosenAlpha, Error> {
        match (chosen, self.config.step_size()) {
            (Chosen::OnDevice { slope, curvature, .. }, StepSize::Adaptive(adaptive)) => {
                read_chosen(adaptive, slope, curvature)
            }
            // only an adaptive alpha is measured
            (Chosen::OnDevice { .. }, _) => Ok(Alpha::ONE.into()),
            (Chosen::Known(chosen), _) => Ok(*chosen),
        }
    }
}
