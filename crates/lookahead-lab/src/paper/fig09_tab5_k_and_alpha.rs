//! Fig. 9 and Table 5: several k and alpha (Sec. 5.5).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig09_tab5_k_and_alpha",
    shows: "Fig. 9, Table 5: robustness to k and alpha",
    needs: "small: CIFAR-10; paper: CIFAR-100, a GPU",
    recorded: "records/fig09_tab5_k_and_alpha",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig09_tab5_k_and_alpha/config.toml"),
        paper: include_str!("../../experiments/fig09_tab5_k_and_alpha/paper.toml"),
    },
};
