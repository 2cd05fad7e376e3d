//! Fig. 12 and Table 6: maintaining, interpolating and resetting the momentum (App. C.5).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig12_tab6_inner_state",
    shows: "Fig. 12, Table 6: what becomes of the inner state",
    needs: "small: CIFAR-10; paper: CIFAR-10, a GPU",
    recorded: "records/fig12_tab6_inner_state",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig12_tab6_inner_state/config.toml"),
        paper: include_str!("../../experiments/fig12_tab6_inner_state/paper.toml"),
    },
};
