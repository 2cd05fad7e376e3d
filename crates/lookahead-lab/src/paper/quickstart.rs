//! The main job: Lookahead beside its inner optimizers on the UCI digits, three seeds each, differences paired.

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "quickstart",
    shows: "SGD, AdamW, Lookahead around each, Polyak(SGD) on real digits",
    needs: "nothing: the data is embedded; seconds on 2 cores",
    recorded: "records/quickstart",
    kind: Kind::Training { config: include_str!("../../experiments/quickstart/config.toml"), paper: "" },
};
