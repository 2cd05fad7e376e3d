//! Fig. 2: fixed and adaptive slow step size beside Adam (Sec. 2.1).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig02_adaptive_alpha",
    shows: "Fig. 2: fixed and adaptive alpha around Adam",
    needs: "small: CIFAR-10; paper: CIFAR-10, a GPU",
    recorded: "records/fig02_adaptive_alpha",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig02_adaptive_alpha/config.toml"),
        paper: include_str!("../../experiments/fig02_adaptive_alpha/paper.toml"),
    },
};
