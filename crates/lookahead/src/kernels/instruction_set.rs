//! The vector instructions of the CPU at hand, found when the program runs.
//!
//! A kernel compiled for more than the baseline is called through `pulp`, which has seen that the CPU can run it: to do the
//! same here would take `unsafe`. Without the feature `simd` there is the baseline alone; the bits are the same.

/// A set of vector instructions that kernels can be compiled for.
///
/// ```
/// use lookahead::kernels::InstructionSet;
/// assert!(InstructionSet::available().contains(&InstructionSet::best()));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum InstructionSet {
    /// What every CPU of the target has: SSE2 on x86-64, NEON on AArch64.
    Baseline,
    /// AVX2 (x86-64-v3).
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    Avx2(pulp::x86::V3),
    /// AVX-512 (x86-64-v4).
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    Avx512(pulp::x86::V4),
}

impl PartialEq for InstructionSet {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for InstructionSet {}

impl InstructionSet {
    /// Those that this CPU has, the widest last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        let wider = pulp::x86::V3::try_new().map(Self::Avx2).into_iter();
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        let wider = wider.chain(pulp::x86::V4::try_new().map(Self::Avx512));
        #[cfg(not(all(feature = "simd", target_arch = "x86_64")))]
        let wider = std::iter::empty();
        std::iter::once(Self::Baseline).chain(wider).collect()
    }

    /// The widest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        {
            if let Some(found) = pulp::x86::V4::try_new() {
                return Self::Avx512(found);
            }
            if let Some(found) = pulp::x86::V3::try_new() {
                return Self::Avx2(found);
            }
        }
        Self::Baseline
    }

    /// Runs `work` compiled for these instructions, as far as it is inlined here.
    #[inline(always)]
    pub(crate) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            Self::Baseline => work(),
            #[cfg(all(feature = "simd", target_arch = "x86_64"))]
            Self::Avx2(simd) => simd.vectorize(work),
            #[cfg(all(feature = "simd", target_arch = "x86_64"))]
            Self::Avx512(simd) => simd.vectorize(work),
        }
    }
}
