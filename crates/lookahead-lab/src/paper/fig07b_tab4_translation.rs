//! Fig. 7b and Table 4: a Transformer from English to German (Sec. 5.4, App. C.4).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig07b_tab4_translation",
    shows: "Fig. 7b, Table 4: Adam, AdaFactor, Lookahead on translation",
    needs: "small: Multi30k; paper: WMT14 En-De, a GPU",
    recorded: "records/fig07b_tab4_translation",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig07b_tab4_translation/config.toml"),
        paper: include_str!("../../experiments/fig07b_tab4_translation/paper.toml"),
    },
};
