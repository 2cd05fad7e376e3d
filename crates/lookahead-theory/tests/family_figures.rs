//! The two figures of ours: progress of the family beside the public dynamics, and the borders of outer steps.

use lookahead::{InnerStatePolicy, OuterForm, OuterMomentum, OuterRate, SyncPeriod};
use lookahead_theory::family::Name;
use lookahead_theory::figures::{FamilyProgress, FamilyProgressData, NoisyProgress, OuterStability};
use lookahead_theory::{
    Average, AverageDynamics, Cycle, Dynamics, Error, Moments, Momentum, NoisyQuadratic, OuterCycle, OuterDynamics,
    OuterSystem, Spectrum,
};

const SPECTRUM: Spectrum = Spectrum::Harmonic { dim: 30 };

fn progress() -> FamilyProgress {
    FamilyProgress { spectrum: SPECTRUM, learning_rates: 40, ..FamilyProgress::default() }
}

/// Final loss and loss after the steps, of the public dynamics.
fn losses(problem: &NoisyQuadratic, figure: &FamilyProgress, name: Name, lr: f64) -> [f64; 2] {
    let start = Moments::at(figure.initial_mean);
    let average = |average: Average| {
        let dynamics = AverageDynamics::new(problem, lr, average).unwrap();
        [dynamics.final_loss(), dynamics.loss_after(start, figure.steps).unwrap()]
    };
    let cycle = match name {
        Name::InnerAlone => Cycle::inner_alone().into(),
        Name::Lookahead => figure.lookahead.into(),
        Name::Nesterov => figure.nesterov,
        Name::HeavyBall => figure.heavy_ball,
        Name::Exponential => return average(Average::exponential(figure.decay).unwrap()),
        _ => return average(Average::gpa(figure.gpa[0], figure.gpa[1]).unwrap()),
    };
    let dynamics = OuterDynamics::new(problem, lr, Momentum::NONE, cycle).unwrap();
    [dynamics.final_loss().unwrap(), dynamics.loss_after(start, figure.steps).unwrap()]
}

#[test]
fn points_and_slices_are_the_dynamics() {
    let figure = FamilyProgress { steps: 50, ..progress() };
    let problem = NoisyQuadratic::new(SPECTRUM.eigenvalues().unwrap(), &figure.noise).unwrap();
    let FamilyProgressData { curves, slices, claims } = figure.compute().unwrap();
    for curve in &curves {
        assert_eq!((curve.points.len() + curve.left_out, curve.left_out), (40, 0), "{:?}", curve.name);
        for point in &curve.points {
            let [end, loss] = losses(&problem, &figure, curve.name, point.lr);
            let final_loss = problem.least_loss() + point.final_above_least;
            assert!((final_loss - end).abs() < 1e-12 * end, "{:?} {point:?} {end}", curve.name);
            assert!((final_loss + point.excess - loss).abs() < 1e-12 * loss, "{:?} {point:?} {loss}", curve.name);
        }
    }
    assert!(slices.len() > 200);
    for slice in &slices {
        let [end, loss] = losses(&problem, &figure, slice.beside, slice.other.lr);
        let goal = slice.point.final_above_least;
        assert!((end - problem.least_loss() - goal).abs() < 1e-9 * goal.max(1e-3), "{slice:?} {end}");
        assert!((end + slice.other.excess - loss).abs() < 1e-12 * loss, "{slice:?} {loss}");
    }
    for claim in &claims {
        let of_it = || slices.iter().filter(|slice| (slice.name, slice.beside) == (claim.name, claim.beside));
        let ahead = of_it().filter(|slice| slice.point.excess.abs() < slice.other.excess.abs() * (1.0 - 1e-9));
        assert_eq!((claim.claim.of, claim.claim.count), (of_it().count(), ahead.count()));
    }
}

/// Lookahead's and SGD's numbers are those of Fig. 3.
#[test]
fn lookahead_beside_sgd_is_fig_3() {
    let data = progress().compute().unwrap();
    let fig03 = NoisyProgress { spectrum: SPECTRUM, learning_rates: 9, ..NoisyProgress::fig03() }.compute().unwrap();
    let of = |name| data.curves.iter().find(|curve| curve.name == name).unwrap();
    let problem = NoisyQuadratic::new(SPECTRUM.eigenvalues().unwrap(), &progress().noise).unwrap();
    for (curve, cycle) in [(of(Name::InnerAlone), Cycle::inner_alone()), (of(Name::Lookahead), Cycle::default())] {
        for point in &curve.points {
            let dynamics = Dynamics::new(&problem, point.lr, Momentum::NONE, cycle).unwrap();
            let expected = dynamics.progress(Moments::at(1.0), 1000).unwrap();
            assert!((expected.excess - point.excess).abs() < 1e-9 * expected.excess.abs() + 1e-14, "{point:?}");
        }
    }
    // It is ahead of SGD in every slice there, and so it is here.
    assert!(fig03.claims[4].holds_everywhere);
    let claim = data.claims.iter().find(|claim| (claim.name, claim.beside) == (Name::Lookahead, Name::InnerAlone));
    assert!(claim.unwrap().claim.holds, "{claim:?}");
}

#[test]
fn borders_are_where_the_matrices_leave_the_unit_circle() {
    let figure = OuterStability {
        spectrum: Spectrum::Harmonic { dim: 12 },
        sync_periods: [1, 5, 30].map(|k| SyncPeriod::new(k).unwrap()).into(),
        rates: [0.3, 0.7, 1.2].map(|eta| OuterRate::new(eta).unwrap()).into(),
        outer_momenta: [0.0, 0.6, 0.9].map(|mu| OuterMomentum::new(mu).unwrap()).into(),
        border_points: 7,
        ..OuterStability::default()
    };
    let eigenvalues = figure.spectrum.eigenvalues().unwrap();
    let is_stable = |cycle: &OuterCycle| {
        eigenvalues.as_slice().iter().all(|&a| OuterSystem::new(1.0, a, figure.momentum, cycle).unwrap().is_stable())
    };
    let data = figure.compute().unwrap();
    assert_eq!((data.maps.len(), data.in_use.len()), (12, 30));
    let (mut stable, mut unstable) = (0, 0);
    for map in &data.maps {
        for (row, &rate) in map.rates.iter().zip(&figure.rates) {
            for (cell, &momentum) in row.iter().zip(&figure.outer_momenta) {
                let (form, inner_state, sync_period) = (map.form, map.inner_state, map.sync_period);
                let cycle = OuterCycle { sync_period, rate, momentum, form, inner_state };
                let converges = cell.unwrap() > 0.0;
                assert_eq!(converges, is_stable(&cycle), "{cycle:?}");
                if converges { stable += 1 } else { unstable += 1 }
            }
        }
    }
    let mut crossed = 0;
    for map in &data.maps {
        assert_eq!((map.border.len(), map.border[0][0], map.border[6][0]), (7, 0.0, 0.9));
        for &[mu, border] in map.border.iter().filter(|[_, border]| *border > 0.0 && border.is_finite()) {
            let at = |rate: f64| OuterCycle {
                form: map.form,
                inner_state: map.inner_state,
                ..OuterCycle::new(map.sync_period.get(), rate, mu).unwrap()
            };
            assert!(is_stable(&at(0.999 * border)) && !is_stable(&at(1.001 * border)), "{mu} {border}");
            crossed += 1;
        }
    }
    assert!(crossed > 60, "{crossed}");
    assert!(stable > 20 && unstable > 20, "{stable} {unstable}");
    for of in &data.in_use {
        let cycle = OuterCycle::new(of.sync_period.get(), of.rate, of.momentum).unwrap();
        let cycle = OuterCycle { form: of.form, inner_state: of.inner_state, ..cycle };
        assert_eq!(of.is_stable, is_stable(&cycle), "{of:?}");
        assert!(of.is_stable || of.rate >= of.largest_stable, "{of:?}");
    }
    let slowmo = data.in_use.iter().filter(|of| of.form == OuterForm::HeavyBall);
    assert!(slowmo.clone().all(|of| of.source == "SlowMo") && slowmo.count() == 6);
    let reset = data.in_use.iter().filter(|of| of.inner_state == InnerStatePolicy::Reset);
    assert!(reset.clone().all(|of| of.is_stable), "reset, all in use are stable");
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let refused = |figure: FamilyProgress| figure.compute().unwrap_err();
    assert!(matches!(refused(FamilyProgress { learning_rates: 1, ..progress() }), Error::OutOfRange { .. }));
    assert!(matches!(refused(FamilyProgress { steps: 0, ..progress() }), Error::OutOfRange { .. }));
    assert!(matches!(refused(FamilyProgress { steps: 7, ..progress() }), Error::StepsEndInsideCycle { .. }));
    assert!(matches!(refused(FamilyProgress { decay: 1.0, ..progress() }), Error::OutOfRange { .. }));
    assert!(matches!(refused(FamilyProgress { gpa: [0.5, 2.0], ..progress() }), Error::OutOfRange { .. }));
    assert!(matches!(refused(FamilyProgress { learning_rates: 1_000_000, ..progress() }), Error::TooMuchWork { .. }));
    let stability = OuterStability::default;
    let refused = |figure: OuterStability| figure.compute().unwrap_err();
    assert!(matches!(refused(OuterStability { rates: vec![], ..stability() }), Error::Empty { name: "eta" }));
    assert!(matches!(refused(OuterStability { learning_rate: 4.0, ..stability() }), Error::OutOfRange { .. }));
    let spectrum = Spectrum::Harmonic { dim: 100_000 };
    assert!(matches!(refused(OuterStability { spectrum, ..stability() }), Error::TooMuchWork { .. }));
}
