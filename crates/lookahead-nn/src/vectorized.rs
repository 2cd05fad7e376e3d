//! Calls compiled for the widest vectors of the CPU at hand, found when the program runs.

use pulp::{Arch, Simd, WithSimd};

/// `work(argument)`, with all that is inlined in `work` compiled for the CPU's vectors. So `work` has to be
/// `#[inline(always)]`, and so has all that it calls.
///
/// It is called by reference because a closure called by value goes through a shim of the compiler that is not inlined.
#[inline(always)]
pub(crate) fn vectorized<A, R>(work: &impl Fn(A) -> R, argument: A) -> R {
    Arch::new().dispatch(Call { work, argument })
}

struct Call<'a, W, A> {
    work: &'a W,
    argument: A,
}

impl<A, R, W: Fn(A) -> R> WithSimd for Call<'_, W, A> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> R {
        (self.work)(self.argument)
    }
}
