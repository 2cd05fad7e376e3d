//! The vector instructions of the CPU at hand, found when the program runs.

use pulp::WithSimd;

/// A set of vector instructions that kernels are compiled for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum InstructionSet {
    /// What every CPU of the target has, one number at a time as far as the compiler leaves it so.
    Portable,
    /// AVX2 with FMA (x86-64-v3): 8 numbers.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// AVX-512 (x86-64-v4): 16 numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// What the target offers: NEON on AArch64.
    #[cfg(not(target_arch = "x86_64"))]
    Native(pulp::Arch),
}

impl InstructionSet {
    /// Those that this CPU has, the widest last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(pulp::x86::V3::try_new().map(Self::Avx2));
            found.extend(pulp::x86::V4::try_new().map(Self::Avx512));
        }
        #[cfg(not(target_arch = "x86_64"))]
        found.push(Self::Native(pulp::Arch::new()));
        found
    }

    /// The widest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = pulp::x86::V4::try_new().map(Self::Avx512);
            avx512.or_else(|| pulp::x86::V3::try_new().map(Self::Avx2)).unwrap_or(Self::Portable)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::Native(pulp::Arch::new())
    }

    /// The widest that is not mostly empty with `channels` numbers in a row: AVX2 in place of AVX-512 for 8 or fewer.
    pub(crate) fn suited_to(self, channels: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let (Self::Avx512(_), true, Some(avx2)) = (self, channels <= 8, pulp::x86::V3::try_new()) {
            return Self::Avx2(avx2);
        }
        let _ = channels;
        self
    }

    /// Runs `work` compiled for these instructions.
    pub(crate) fn dispatch<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            Self::Portable => work.with_simd(pulp::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => pulp::Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => pulp::Simd::vectorize(simd, work),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Native(arch) => arch.dispatch(work),
        }
    }
}
