//! Fig. 8: inner SGD with several learning rates and momenta (Sec. 5.5).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig08_inner_optimizer",
    shows: "Fig. 8: robustness to the inner learning rate and momentum",
    needs: "small: CIFAR-10; paper: CIFAR-10, a GPU",
    recorded: "records/fig08_inner_optimizer",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig08_inner_optimizer/config.toml"),
        paper: include_str!("../../experiments/fig08_inner_optimizer/paper.toml"),
    },
};
