//! The step of all tensors, fused with the sync that ends a cycle: everything is read once and written once.

use super::pull_back::settle;
use super::{Pass, Slow, Task, TensorSync, interpolate};
use crate::{Alpha, Float};

impl Pass {
    /// One step of all tensors by `rule(theta, gradient, moments, coefficients)`, which gives an element's new weight and
    /// moments, and the sync of each task that has one. Gives the number of elements that the syncs refused as not finite.
    ///
    /// A closure needs `#[inline(always)]` before it to be compiled for the vector instructions of this CPU.
    ///
    /// ```
    /// use lookahead::kernels::{Pass, Task};
    /// let (mut weights, gradient) = ([1.0_f32; 40], [0.5; 40]);
    /// let task = Task { weights: &mut weights, gradient: Some(&gradient), moments: [], coefficients: 0.1, sync: None };
    /// Pass::new().step(40, [task].into_iter(), #[inline(always)] |theta, g, [], lr| (theta - lr * g, []));
    /// assert_eq!(weights, [0.95; 40]);
    /// ```
    ///
    /// # Panics
    /// If the slices of a task differ in length.
    pub fn step<'a, T: Float, C: Copy + Send, const M: usize>(
        &self,
        elements: usize,
        tasks: impl Iterator<Item = Task<'a, T, C, M>> + Send,
        rule: impl Fn(T, T, [T; M], C) -> (T, [T; M]) + Sync,
    ) -> usize
    where
        [&'a mut [T]; M]: Moments<T, M>,
    {
        self.for_each(
            elements,
            tasks.inspect(Task::assert_lengths),
            #[inline(always)]
            |task| step_block(task, &rule),
        )
    }
}

/// The plain form of [`Pass::step`] for one tensor: the rule, then the sync, one element after the other.
pub fn reference<T: Float, C: Copy, const M: usize>(
    task: Task<'_, T, C, M>,
    rule: impl Fn(T, T, [T; M], C) -> (T, [T; M]),
) -> usize {
    let Task { weights, gradient, mut moments, coefficients, sync } = task;
    for (i, &g) in gradient.into_iter().flatten().enumerate() {
        let (theta, new) = rule(weights[i], g, moments.each_ref().map(|moment| moment[i]), coefficients);
        weights[i] = theta;
        moments.iter_mut().zip(new).for_each(|(moment, new)| moment[i] = new);
    }
    let Some(TensorSync { slow, alpha, anchors }) = sync else { return 0 };
    for (moment, anchor) in moments.into_iter().zip(anchors.into_iter().flatten()) {
        interpolate(moment, anchor, alpha);
        anchor.copy_from_slice(moment);
    }
    slow.pull_back(weights, alpha)
}

#[inline(always)]
fn step_block<'a, T: Float, C: Copy, const M: usize>(
    Task { weights, gradient, mut moments, coefficients, sync }: Task<'a, T, C, M>,
    rule: &impl Fn(T, T, [T; M], C) -> (T, [T; M]),
) -> usize
where
    [&'a mut [T]; M]: Moments<T, M>,
{
    match (gradient, sync) {
        (Some(gradient), Some(TensorSync { slow: Slow::Full(slow), alpha, anchors: None })) => {
            let (copy, alpha) = (alpha == Alpha::ONE, T::from_f64(alpha.get()));
            moments.step_and_settle(
                (weights, gradient, slow),
                #[inline(always)]
                |theta, g, moments| rule(theta, g, moments, coefficients),
                #[inline(always)]
                |phi, theta| settle(phi, theta, alpha, copy),
            )
        }
        (gradient, sync) => {
            if let Some(gradient) = gradient {
                moments.step(
                    weights,
                    gradient,
                    #[inline(always)]
                    |theta, g, moments| rule(theta, g, moments, coefficients),
                );
            }
            // What the rule has just written is still in the cache: no traffic but that of the sync's own buffers.
            let Some(TensorSync { slow, alpha, anchors }) = sync else { return 0 };
            if let Some(anchors) = anchors {
                for (moment, anchor) in moments.into_iter().zip(anchors) {
                    interpolate(moment, anchor, alpha);
                    anchor.copy_from_slice(moment);
                }
            }
            slow.pull_back(weights, alpha)
        }
    }
}

/// The loops over the elements of a block. Each buffer has to be a parameter of a function of its own: so the compiler
/// knows that they do not overlap, without which it vectorises nothing. Hence one pair of loops for each number of
/// moments, up to two.
pub trait Moments<T, const M: usize> {
    /// The rule alone.
    fn step(&mut self, weights: &mut [T], gradient: &[T], rule: impl Fn(T, T, [T; M]) -> (T, [T; M]));

    /// The rule, then Eq. 1, element by element: `buffers` are theta, the gradient and phi, `settle(phi, theta)` gives the
    /// new phi and whether it was finite. Gives the number of elements that were not.
    fn step_and_settle(
        &mut self,
        buffers: (&mut [T], &[T], &mut [T]),
        rule: impl Fn(T, T, [T; M]) -> (T, [T; M]),
        settle: impl Fn(T, T) -> (T, bool),
    ) -> usize;
}

macro_rules! loops {
    ($count:literal, $step:ident, $settle:ident, $($moment:ident = $new:ident),*) => {
        impl<T: Float> Moments<T, $count> for [&mut [T]; $count] {
            #[inline(always)]
            fn step(
                &mut self,
                weights: &mut [T],
                gradient: &[T],
                rule: impl Fn(T, T, [T; $count]) -> (T, [T; $count]),
            ) {
                let [$($moment),*] = self;
                $step(weights, gradient, $($moment,)* rule);
            }

            #[inline(always)]
            fn step_and_settle(
                &mut self,
                (weights, gradient, slow): (&mut [T], &[T], &mut [T]),
                rule: impl Fn(T, T, [T; $count]) -> (T, [T; $count]),
                settle: impl Fn(T, T) -> (T, bool),
            ) -> usize {
                let [$($moment),*] = self;
                $settle(weights, gradient, slow, $($moment,)* rule, settle)
            }
        }

        #[inline(always)]
        fn $step<T: Float>(
            weights: &mut [T],
            gradient: &[T],
            $($moment: &mut [T],)*
            rule: impl Fn(T, T, [T; $count]) -> (T, [T; $count]),
        ) {
            let length = weights.len();
            let gradient = &gradient[..length];
            $(let $moment = &mut $moment[..length];)*
            for i in 0..length {
                let (theta, [$($new),*]) = rule(weights[i], gradient[i], [$($moment[i]),*]);
                weights[i] = theta;
                $($moment[i] = $new;)*
            }
        }

        #[inline(always)]
        fn $settle<T: Float>(
            weights: &mut [T],
            gradient: &[T],
            slow: &mut [T],
            $($moment: &mut [T],)*
            rule: impl Fn(T, T, [T; $count]) -> (T, [T; $count]),
            settle: impl Fn(T, T) -> (T, bool),
        ) -> usize {
            let length = weights.len();
            let (gradient, slow) = (&gradient[..length], &mut slow[..length]);
            $(let $moment = &mut $moment[..length];)*
            let mut refused = 0_u32;
            for i in 0..length {
                let (theta, [$($new),*]) = rule(weights[i], gradient[i], [$($moment[i]),*]);
                let (phi, finite) = settle(slow[i], theta);
                refused += u32::from(!finite);
                (slow[i], weights[i]) = (phi, phi);
                $($moment[i] = $new;)*
            }
            refused as usize
        }
    };
}

loops!(0, step_0, step_and_settle_0,);
loops!(1, step_1, step_and_settle_1, first = new_first);
loops!(2, step_2, step_and_settle_2, first = new_first, second = new_second);
