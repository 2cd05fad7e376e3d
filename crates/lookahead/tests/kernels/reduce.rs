//! The sums of Prop. 1: close to exact, and the same bits on any number of threads.

use lookahead::kernels::{AlphaSums, AlphaTerms, InstructionSet, Pass, SlowValues, bf16};
use lookahead::{CurvaturePower, Float};

use crate::numbers::{LENGTHS, ordinary_values};

struct Tensors<T> {
    slow: Vec<Vec<T>>,
    fast: Vec<Vec<T>>,
    gradient: Vec<Vec<T>>,
    moments: Vec<Vec<T>>,
}

impl<T: Float> Tensors<T> {
    fn new(lengths: &[usize]) -> Self {
        let list = |seed| lengths.iter().zip(seed..).map(|(&length, seed)| ordinary_values(length, seed)).collect();
        let mut tensors = Self { slow: list(11), fast: list(21), gradient: list(31), moments: list(41) };
        tensors.moments.iter_mut().flatten().for_each(|v| *v = *v * *v);
        tensors
    }

    /// The second tensor has no gradient, the third no curvature.
    fn terms(&self, index: usize) -> Option<AlphaTerms<'_, T>> {
        (index != 2).then(|| AlphaTerms {
            slow: SlowValues::Full(&self.slow[index]),
            fast: &self.fast[index],
            gradient: (index != 1).then_some(&self.gradient[index][..]),
            moments: &self.moments[index],
            weight: 0.25,
        })
    }

    /// With every addition compensated (Neumaier).
    fn exact(&self, power: CurvaturePower) -> AlphaSums {
        let (mut slope, mut curvature) = ((0.0, 0.0), (0.0, 0.0));
        let add = |(sum, rest): &mut (f64, f64), term: f64| {
            let total = *sum + term;
            *rest += if sum.abs() >= term.abs() { (*sum - total) + term } else { (term - total) + *sum };
            *sum = total;
        };
        for index in (0..self.slow.len()).filter(|&index| index != 2) {
            for i in 0..self.slow[index].len() {
                let d = self.slow[index][i].to_f64() - self.fast[index][i].to_f64();
                if index != 1 {
                    add(&mut slope, self.gradient[index][i].to_f64() * d);
                }
                add(&mut curvature, d * d * power.of(self.moments[index][i].to_f64() / 0.25));
            }
        }
        AlphaSums { slope: slope.0 + slope.1, curvature: curvature.0 + curvature.1 }
    }
}

fn check<T: Float>(lengths: &[usize]) {
    let tensors = Tensors::<T>::new(lengths);
    for power in [CurvaturePower::SecondMoment, CurvaturePower::Root] {
        let exact = tensors.exact(power);
        for instructions in InstructionSet::available() {
            let pass = Pass::new().with_instructions(instructions);
            let sums = |pass: Pass| pass.alpha_sums(lengths.len(), power, |index| tensors.terms(index));
            let one = sums(pass.with_threads(1));
            assert!((one.slope - exact.slope).abs() <= 1e-12 * exact.curvature.abs(), "{one:?} and {exact:?}");
            assert!((one.curvature - exact.curvature).abs() <= 1e-14 * exact.curvature, "{one:?} and {exact:?}");
            for threads in [2, 3, 8] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                let found = pool.install(|| sums(Pass::new().with_instructions(instructions)));
                assert_eq!(found, one, "{threads} threads, {instructions:?}");
            }
        }
    }
}

#[test]
fn the_sums_are_exact_to_rounding_and_do_not_depend_on_threads() {
    check::<f32>(&LENGTHS);
    check::<f64>(&LENGTHS);
    check::<f32>(&[100_003, 7, 5, 300_000]);
}

#[test]
fn slow_weights_in_bf16_count_as_what_they_stand_for() {
    let rounded: Vec<u16> = (0..10_000_u32).map(|i| (0x3e00 + i % 0x180) as u16).collect();
    let widened: Vec<f32> = rounded.iter().map(|&bits| bf16::widen(bits)).collect();
    let (fast, moments) = (ordinary_values(10_000, 5), vec![0.5; 10_000]);
    let sums = |slow| {
        let terms = AlphaTerms { slow, fast: &fast, gradient: Some(&fast), moments: &moments, weight: 1.0 };
        Pass::new().alpha_sums(1, CurvaturePower::SecondMoment, |_| Some(terms))
    };
    assert_eq!(sums(SlowValues::Bf16(&rounded)), sums(SlowValues::Full(&widened)));
    assert_ne!(sums(SlowValues::Bf16(&rounded)), AlphaSums::default());
}

#[test]
fn no_tensors_give_no_sum() {
    let none = |_| None::<AlphaTerms<'_, f32>>;
    assert_eq!(Pass::new().alpha_sums(0, CurvaturePower::Root, none), AlphaSums::default());
    assert_eq!(Pass::new().alpha_sums(3, CurvaturePower::Root, none), AlphaSums::default());
}
