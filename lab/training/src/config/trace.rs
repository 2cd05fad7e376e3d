//! The part of a run that is looked at update by update (Fig. 1 and 10); the table `[trace]`.

use std::num::NonZeroU32;

use serde::Serialize;

use lookahead_settings::{Read, Table};

/// Which updates are evaluated one by one, into `trace.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TraceConfig {
    /// The epoch, counted from 1, at whose first step it begins; with Lookahead at the first one that begins a cycle.
    /// Default 65, as in Fig. 10.
    pub epoch: NonZeroU32,
    /// How many fast updates it covers. Default 60, as in Fig. 10.
    pub updates: NonZeroU32,
    /// Whether the weights after each update are kept too, in `path.safetensors`. Default false.
    pub keep_weights: bool,
}

impl TraceConfig {
    pub(super) fn read(table: &Table<'_>) -> Read<Self> {
        const EPOCH: NonZeroU32 = NonZeroU32::new(65).unwrap();
        const UPDATES: NonZeroU32 = NonZeroU32::new(60).unwrap();
        const MOST: u32 = 10_000;
        table.accept(&["epoch", "updates", "keep_weights"])?;
        Ok(Self {
            epoch: table.or("epoch", EPOCH, |e| e.count())?,
            updates: table.or("updates", UPDATES, |e| e.count_to(MOST))?,
            keep_weights: table.or("keep_weights", false, |e| e.flag())?,
        })
    }
}
