//! Fig. 10: the accuracy after each of 60 fast updates (Sec. 5.5).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig10_inner_and_outer_loop",
    shows: "Fig. 10: accuracy after each fast and slow update",
    needs: "small: CIFAR-10; paper: CIFAR-10, a GPU",
    recorded: "records/fig10_inner_and_outer_loop",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig10_inner_and_outer_loop/config.toml"),
        paper: include_str!("../../experiments/fig10_inner_and_outer_loop/paper.toml"),
    },
};
