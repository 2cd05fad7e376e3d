//! Fig. 5 and Table 1: SGD, Polyak averaging, AdamW and Lookahead on CIFAR (Sec. 5.1, App. C.1).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig05_tab1_cifar",
    shows: "Fig. 5, Table 1: SGD, Polyak, AdamW, Lookahead on CIFAR",
    needs: "small: CIFAR-10; paper: CIFAR-10 and CIFAR-100, a GPU",
    recorded: "records/fig05_tab1_cifar",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig05_tab1_cifar/config.toml"),
        paper: include_str!("../../experiments/fig05_tab1_cifar/paper.toml"),
    },
};
