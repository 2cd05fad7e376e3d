//! Fig. 1: Lookahead through a test accuracy surface, in the plane of its fast weights (Sec. 2).

use super::{Entry, Kind};

/// The entry of `lookahead list`.
pub const ENTRY: Entry = Entry {
    name: "fig01_trajectory_plane",
    shows: "Fig. 1: fast and slow weights in a plane, over the test accuracy",
    needs: "small: CIFAR-10; paper: CIFAR-100, a GPU",
    recorded: "records/fig01_trajectory_plane",
    kind: Kind::Training {
        config: include_str!("../../experiments/fig01_trajectory_plane/config.toml"),
        paper: include_str!("../../experiments/fig01_trajectory_plane/paper.toml"),
    },
};
