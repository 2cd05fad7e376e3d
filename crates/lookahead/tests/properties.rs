//! The laws over many shapes, periods, step sizes and nestings, and the clock against a count written out.

mod slices;

use lookahead::rules::Sgd;
use lookahead::{
    Alpha, Averaged, Averaging, Grads, InnerStatePolicy, Lookahead, LookaheadConfig, Optimizer, ParamSet, Schedule,
    SyncClock, SyncPeriod, Tick,
};
use lookahead_laws::{Case, Law, Rule, Setup, Tensor, initial_value};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use slices::Slices;

/// The same cases in every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2019), failure_persistence: None, ..ProptestConfig::default() }
}

fn alphas() -> impl Strategy<Value = Alpha> + Clone {
    let values = prop_oneof![Just(1.0), Just(0.5), 0.05..1.0];
    values.prop_map(|value| Alpha::new(value).expect("in (0, 1]"))
}

fn periods(least: u32, most: u32) -> impl Strategy<Value = SyncPeriod> + Clone {
    (least..=most).prop_map(|steps| SyncPeriod::new(steps).expect("at least 1"))
}

fn policies() -> impl Strategy<Value = InnerStatePolicy> {
    prop_oneof![Just(InnerStatePolicy::Maintain), Just(InnerStatePolicy::Interpolate), Just(InnerStatePolicy::Reset)]
}

fn rules() -> impl Strategy<Value = Rule> {
    use Rule::{AdaFactor, Adam, AdamW, HeavyBall, Nesterov, Sgd};
    prop::sample::select(vec![Sgd, HeavyBall, Nesterov, Adam, AdamW, AdaFactor])
}

/// Scalars, empty tensors, vectors, matrices and more, at least one of them with a value.
fn tensors() -> impl Strategy<Value = Vec<Tensor>> {
    let shape = prop::collection::vec(0..4_usize, 0..4);
    prop::collection::vec(shape, 1..5).prop_map(|mut shapes| {
        if shapes.iter().all(|shape| shape.contains(&0)) {
            shapes.push(Vec::new());
        }
        let tensor = |(index, shape): (usize, Vec<usize>)| {
            let name = format!("tensor {index}");
            let values = (0..shape.iter().product()).map(|i| initial_value(&name, i)).collect();
            Tensor::new(&name, &shape, values)
        };
        shapes.into_iter().enumerate().map(tensor).collect()
    })
}

/// A case with a bare rule, or a rule with a Lookahead whose period divides the outer one.
fn cases() -> impl Strategy<Value = Case> {
    let inside = prop::option::of((periods(1, 3), alphas(), policies()));
    (rules(), inside, tensors(), 1..4_u32, alphas()).prop_map(|(rule, inside, tensors, times, alpha)| {
        let inner_period = inside.map_or(1, |(period, ..)| period.get());
        let lookaheads = inside.map(|(period, alpha, policy)| {
            LookaheadConfig::new().with_sync_period(period).with_alpha(alpha).with_inner_state(policy)
        });
        let base = Setup { lookaheads: lookaheads.into_iter().collect(), ..Setup::bare(rule) };
        let sync_period = SyncPeriod::new(times * inner_period).expect("at least 1");
        Case { base, tensors, sync_period, alpha }
    })
}

/// Periods and step sizes that change a few times over the outer steps.
fn schedule<T: Copy + std::fmt::Debug>(values: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Schedule<T>> {
    let changes = prop::collection::btree_map(1..8_u64, values.clone(), 0..4);
    (values, changes).prop_map(|(first, changes)| Schedule::steps(first, changes).expect("the map's keys rise"))
}

/// Laws that need a problem of their own making, which not every case is.
const NEEDS_ITS_OWN_CASE: [Law; 1] = [Law::AdaptiveAlphaIsOneForAllTensors];

fn assert_all_laws<S: lookahead_laws::Subject>(case: &Case) {
    for law in Law::ALL.into_iter().filter(|law| law.concerns(case) && !NEEDS_ITS_OWN_CASE.contains(law)) {
        law.check::<S>(case);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn the_laws_hold(case in cases()) {
        assert_all_laws::<Slices<f32>>(&case);
        assert_all_laws::<Slices<f64>>(&case);
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn the_clock_counts_to_each_period(
        periods in schedule(periods(1, 5)),
        pushes in prop::collection::vec(prop::bool::weighted(0.1), 60),
    ) {
        let (mut clock, mut phase, mut outer) = (SyncClock::default(), 0, 0);
        for push in pushes {
            if push {
                let expected = (phase > 0).then_some(outer);
                prop_assert_eq!(clock.end_partial_cycle(), expected);
                (phase, outer) = (0, outer + u64::from(phase > 0));
            }
            phase += 1;
            let due = phase == periods.at(outer).get();
            let expected = if due { Tick::Sync { outer } } else { Tick::Inner };
            prop_assert_eq!(clock.tick(&periods), expected);
            if due {
                (phase, outer) = (0, outer + 1);
            }
            prop_assert_eq!((clock.phase(), clock.outer()), (phase, outer));
        }
    }

    #[test]
    fn a_schedule_gives_the_last_value_begun(
        first in 0..100_u32,
        changes in prop::collection::btree_map(1..30_u64, 0..100_u32, 0..6),
    ) {
        let schedule = Schedule::steps(first, changes.clone()).expect("the map's keys rise");
        for outer in 0..35 {
            let expected = changes.range(..=outer).next_back().map_or(first, |(_, &value)| value);
            prop_assert_eq!(schedule.at(outer), expected);
        }
        prop_assert_eq!(schedule.values().count(), changes.len() + 1);
    }

    /// SGD on a constant gradient of -1: each outer step goes alpha k gamma, whatever k and alpha are by then.
    #[test]
    fn schedules_are_followed(periods in schedule(periods(1, 5)), alphas in schedule(alphas())) {
        let config = LookaheadConfig::new().with_sync_period(periods.clone()).with_alpha(alphas.clone());
        let optimizer = Lookahead::with_config(Sgd::new(), config).expect("nothing nests");
        let mut params = ParamSet::new();
        params.push("w", [], vec![0.0_f64]).expect("a scalar");
        let mut state = optimizer.init(&params);
        let mut phi = 0.0;
        for outer in 0..12 {
            let k = periods.at(outer).get();
            for i in 1..=k {
                let grads = Grads::new(&params, [Some(vec![-1.0])]).expect("one gradient");
                optimizer.step(0.5, &mut params, &grads, &mut state);
                let fast = phi + 0.5 * f64::from(i);
                if i < k {
                    prop_assert!((params.slice(0)[0] - fast).abs() < 1e-12);
                }
            }
            let alpha = alphas.at(outer);
            phi += alpha.get() * 0.5 * f64::from(k);
            prop_assert!((params.slice(0)[0] - phi).abs() < 1e-12, "outer step {}", outer);
            let report = state.last_sync().expect("a sync");
            prop_assert_eq!((report.outer, report.alpha, state.clock().phase()), (outer, alpha, 0));
        }
    }

    /// Whatever the two schedules: when the outer Lookahead syncs, the inner one has none of its cycle left.
    #[test]
    fn nested_schedules_meet(
        inner in schedule(periods(1, 3)),
        factors in schedule(periods(1, 2)),
        policy in policies(),
        averaged in any::<bool>(),
    ) {
        let multiple = |factor: SyncPeriod| SyncPeriod::new(6 * factor.get()).expect("at least 6");
        let changes = (1..9).map(|outer| (outer, multiple(factors.at(outer))));
        let outer = Schedule::steps(multiple(factors.at(0)), changes).expect("in order");
        // changes after six cycles, which end a stretch of six steps whatever the period
        let changes = (1..9).map(|six| (6 * six, inner.at(six)));
        let inner = Schedule::steps(inner.at(0), changes).expect("in order");
        let inside = Lookahead::with_config(
            Sgd::new().with_momentum(0.5).expect("below 1"),
            LookaheadConfig::new().with_sync_period(inner),
        ).expect("nothing nests");
        let around = LookaheadConfig::new().with_sync_period(outer).with_inner_state(policy);
        if averaged {
            let between = Averaged::new(inside, Averaging::Running { start: 0 });
            let optimizer = Lookahead::with_config(between, around).expect("6 is a multiple of 1, 2 and 3");
            assert_cycles_meet(&optimizer, |state| state.inner());
        } else {
            let optimizer = Lookahead::with_config(inside, around).expect("6 is a multiple of 1, 2 and 3");
            assert_cycles_meet(&optimizer, |state| state);
        }
    }
}

type InnerLookahead = lookahead::LookaheadState<f64, lookahead::rules::SgdState<f64>>;

fn assert_cycles_meet<A: Optimizer<f64>>(optimizer: &Lookahead<A>, inside: impl Fn(&A::State) -> &InnerLookahead) {
    let mut params = ParamSet::new();
    params.push("w", [2], vec![1.0, -0.0]).expect("two values");
    let mut state = optimizer.init(&params);
    for step in 0..80 {
        let grads = Grads::new(&params, [Some(vec![0.3, f64::from(step) - 40.0])]).expect("one gradient");
        optimizer.step(0.1, &mut params, &grads, &mut state);
        if state.clock().phase() == 0 {
            let inner = inside(state.inner());
            assert_eq!(inner.clock().phase(), 0, "an outer sync in the middle of an inner cycle, step {step}");
            assert_eq!(state.slow(), inner.slow(), "step {step}");
            assert_eq!(state.slow(), params.to_vecs(), "step {step}");
        }
    }
}
