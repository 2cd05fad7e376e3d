//! The one error type of this crate: what was wrong, what was given, and what is accepted.

/// Why a shape or a slice was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size that must be at least 1 is 0.
    #[error("{name} is 0, but must be at least 1")]
    Zero {
        /// What the size is of.
        name: &'static str,
    },
    /// The channels cannot be divided among the groups.
    #[error("{channels} {name} cannot be divided into {groups} groups of equal size")]
    Groups {
        /// Which channels: "input channels" or "output channels".
        name: &'static str,
        /// How many there are.
        channels: usize,
        /// The number of groups.
        groups: usize,
    },
    /// The kernel, spread by its dilation, reaches beyond the padded image, so there would be no output.
    #[error("a kernel that spans {kernel} does not fit into a padded {name} of {padded}")]
    KernelTooLarge {
        /// Which side: "height" or "width".
        name: &'static str,
        /// From the first tap to the last, dilation included.
        kernel: usize,
        /// The image with its padding.
        padded: usize,
    },
    /// A buffer of this shape would have more numbers than can be counted.
    #[error("{name} would have more numbers than memory can hold")]
    TooLarge {
        /// Which buffer or size.
        name: &'static str,
    },
    /// A slice has another length than the shape says.
    #[error("{name} has {found} numbers, but its shape {shape:?} needs {expected}")]
    Length {
        /// Which slice.
        name: &'static str,
        /// What its axes are.
        shape: [usize; 4],
        /// The product of its axes.
        expected: usize,
        /// What was given.
        found: usize,
    },
}
