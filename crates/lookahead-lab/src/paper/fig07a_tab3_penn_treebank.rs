//! Fig. 7a and Table 3: an AWD-LSTM on the Penn Treebank (Sec. 5.3, App. C.3).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig07a_tab3_penn_treebank",
    shows: "Fig. 7a, Table 3: SGD, Adam, Polyak, Lookahead on the Penn Treebank",
    needs: "the Penn Treebank; paper: a GPU",
    recorded: "records/fig07a_tab3_penn_treebank",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig07a_tab3_penn_treebank/config.toml"),
        paper: include_str!("../../experiments/fig07a_tab3_penn_treebank/paper.toml"),
    },
};
