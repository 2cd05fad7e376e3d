//! Several workers around one outer step: saved, and refused where they do not belong together.

use lookahead::{BufferUnit, Error, OuterMomentum, OuterRate, OuterStep, ParamSet, Schedule, Workers};

fn params(values: &[f64]) -> Result<ParamSet<'static, f64>, Error> {
    let mut params = ParamSet::new();
    params.push("w", [values.len()], values.to_vec())?;
    Ok(params)
}

fn step() -> Result<OuterStep, Error> {
    let eta = Schedule::steps(OuterRate::new(0.7)?, [(2, OuterRate::new(0.5)?)])?;
    let step = OuterStep::nesterov(eta, OuterMomentum::new(0.9)?).with_buffer_unit(BufferUnit::OuterStep);
    step.with_restarts(5)
}

/// Two workers take their ways, in opposite directions and not equally far, and sync.
fn cycle(state: &mut Workers<f64>, workers: &mut [ParamSet<'static, f64>; 2]) -> usize {
    for (worker, way) in workers.iter_mut().zip([0.3, -0.1]) {
        worker.slice_mut(0).iter_mut().for_each(|weight| *weight += way * *weight);
    }
    state.sync(0.1, workers)
}

#[test]
fn a_saved_state_goes_on_in_text_and_in_bytes() -> Result<(), Error> {
    let constant = OuterStep::heavy_ball(OuterRate::new(0.7)?, OuterMomentum::new(0.9)?);
    for step in [step()?, constant] {
        let start = params(&[0.1, -0.7])?;
        let mut state = Workers::new(step, &start);
        let mut workers = [params(&[0.1, -0.7])?, params(&[0.1, -0.7])?];
        for _ in 0..8 {
            let bytes = postcard::to_allocvec(&state).expect("bytes");
            assert_eq!(postcard::from_bytes(&bytes), Ok(state.clone()));
            let json = serde_json::to_string(&state).expect("JSON");
            assert_eq!(
                serde_json::from_str::<Workers<f64>>(&json).map_err(|error| error.to_string()),
                Ok(state.clone())
            );
            assert_eq!(cycle(&mut state, &mut workers), 0);
        }
    }
    Ok(())
}

#[test]
fn workers_of_other_tensors_are_refused() -> Result<(), Error> {
    for (first, second) in [(1, 2), (2, 1)] {
        let worker = |tensors: usize| {
            let mut params = ParamSet::new();
            for index in 0..tensors {
                params.push(index.to_string(), [1], vec![1.0])?;
            }
            Ok::<_, Error>(params)
        };
        let mut workers = [worker(first)?, worker(second)?];
        let mut state = Workers::new(step()?, &workers[0]);
        let sync = std::panic::AssertUnwindSafe(|| state.sync(0.1, &mut workers));
        assert!(std::panic::catch_unwind(sync).is_err(), "{first} tensors and {second}");
    }
    Ok(())
}

/// It begins at the mean of 1 and 2, and its next cycle is like the first of any other.
#[test]
fn a_tensor_joins_at_its_mean() -> Result<(), Error> {
    let start = params(&[1.5])?;
    let mut state = Workers::new(step()?, &start);
    let mut workers = [params(&[1.0])?, params(&[2.0])?];
    for (worker, value) in workers.iter_mut().zip([1.0, 2.0]) {
        worker.push("late", [1], vec![value])?;
    }
    assert_eq!(state.sync(0.1, &mut workers), 0);
    assert!(workers.iter().all(|worker| worker.slice(0) == [1.5] && worker.slice(1) == [1.5]));
    // b = delta = 1, as in a first cycle
    workers.iter_mut().for_each(|worker| worker.slice_mut(1)[0] -= 1.0);
    state.sync(0.1, &mut workers);
    assert!(workers.iter().all(|worker| (worker.slice(1)[0] - (1.5 - 0.7 * 1.9)).abs() < 1e-12), "{workers:?}");
    Ok(())
}
