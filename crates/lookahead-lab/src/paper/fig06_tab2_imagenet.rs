//! Fig. 6 and Table 2: SGD and Lookahead on ImageNet, with two schedules (Sec. 5.2, App. C.2).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig06_tab2_imagenet",
    shows: "Fig. 6, Table 2: SGD and Lookahead on ImageNet, two schedules",
    needs: "small: Imagenette; paper: ImageNet, GPUs",
    recorded: "records/fig06_tab2_imagenet",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig06_tab2_imagenet/config.toml"),
        paper: include_str!("../../experiments/fig06_tab2_imagenet/paper.toml"),
    },
};
