//! Which blocks, how many and how wide: what tells one residual network from another.

use std::num::NonZeroU32;

use crate::config::{CifarDepth, StemConfig};

/// What a residual network is made of.
pub(crate) struct ResNetShape {
    /// What stands before the blocks.
    pub stem: StemConfig,
    /// What each block computes.
    pub kind: BlockKind,
    /// How a block's input is brought to the shape of its output.
    pub shortcut: ShortcutKind,
    /// The number of blocks of each stage.
    pub blocks: Vec<usize>,
    /// The channels of the 3x3 convolutions of the first stage; each further stage has twice as many.
    pub width: usize,
}

/// The two blocks of He et al. (2016), Fig. 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3 and 1x1 convolutions, the last to four times the channels.
    Bottleneck,
}

/// Two of the shortcuts of He et al. (2016), Sec. 4.1, where a block changes the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShortcutKind {
    /// Option A: every second pixel, further channels of zeros; no parameters.
    Padding,
    /// Option B: a 1x1 convolution with batch norm.
    Projection,
}

impl ResNetShape {
    /// The networks for CIFAR: three stages of (depth - 2) / 6 basic blocks (He et al. 2016, Sec. 4.2).
    pub(crate) fn cifar(depth: CifarDepth, width: NonZeroU32) -> Self {
        Self {
            stem: StemConfig::Small,
            kind: BlockKind::Basic,
            shortcut: ShortcutKind::Padding,
            blocks: vec![depth.blocks_per_stage(); 3],
            width: width.get() as usize,
        }
    }

    /// ResNet-18 with a 3x3 stem.
    pub(crate) fn resnet18(width: NonZeroU32) -> Self {
        Self {
            stem: StemConfig::Small,
            kind: BlockKind::Basic,
            shortcut: ShortcutKind::Projection,
            blocks: vec![2, 2, 2, 2],
            width: width.get() as usize,
        }
    }

    /// Four stages of bottleneck blocks: 3, 4, 6, 3 of them for ResNet-50, 3, 8, 36, 3 for ResNet-152.
    pub(crate) fn bottleneck(blocks: [usize; 4], width: NonZeroU32, stem: StemConfig) -> Self {
        Self {
            stem,
            kind: BlockKind::Bottleneck,
            shortcut: ShortcutKind::Projection,
            blocks: blocks.to_vec(),
            width: width.get() as usize,
        }
    }

    /// The channels that leave a block whose 3x3 convolutions have `inner`.
    pub(super) const fn outgoing(&self, inner: usize) -> usize {
        match self.kind {
            BlockKind::Basic => inner,
            BlockKind::Bottleneck => 4 * inner,
        }
    }
}
