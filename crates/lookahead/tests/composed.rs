//! What sources do that no optimizer here does by itself, composed of an inner one and [`Workers`]: outer steps of one
//! fragment after the other, sent early and mixed in (Streaming DiLoCo), outer steps that are thrown away, and slow
//! weights made after the first step, against the runs of `testdata/family`.

use std::borrow::Cow;

use lookahead::{Error, Float, Grads, Optimizer, OuterStep, ParamSet, Workers};
use lookahead_laws::family::{self, InnerRule, Run, Source, assert_follows, gradients, initial};

/// In f64 both programs differ by rounding alone; f32 rounds each step.
fn tolerance<T: Float>() -> f64 {
    if size_of::<T>() == 8 { 1e-12 } else { 5e-5 }
}

/// How the outer steps of a source depart from a Lookahead's.
#[derive(Clone, Copy, Default)]
struct Departure {
    /// A slot of `k / 2` steps for each tensor in turn, rather than one of k for both.
    streams: bool,
    /// The slow weights are those after the first step.
    late: bool,
}

fn check(stem: &str, runs: usize, departure: Departure) -> Result<(), Error> {
    let source = Source::read(stem);
    assert_eq!(source.runs.len(), runs, "{stem}.json: the number of runs");
    for run in &source.runs {
        let (at, step) = (format!("{stem}.json, {}", run.name()), family::outer_step(stem, run)?);
        match run.inner.rule()? {
            InnerRule::Sgd(rule) => {
                follow::<f64>(&at, run, rule, &step, departure)?;
                follow::<f32>(&at, run, rule, &step, departure)?;
            }
            InnerRule::AdamW(rule) => {
                follow::<f64>(&at, run, rule, &step, departure)?;
                follow::<f32>(&at, run, rule, &step, departure)?;
            }
        }
    }
    Ok(())
}

/// One tensor by itself.
fn part<T: Float>(params: &ParamSet<'_, T>, tensor: usize) -> Result<ParamSet<'static, T>, Error> {
    let mut part = ParamSet::new();
    part.push("part", [params.slice(tensor).len()], params.slice(tensor).to_vec())?;
    Ok(part)
}

fn follow<T: Float>(
    at: &str,
    run: &Run,
    rule: impl Optimizer<T>,
    step: &OuterStep,
    Departure { streams, late }: Departure,
) -> Result<(), Error> {
    let mut params = initial::<T>()?;
    let mut state = rule.init(&params);
    let shared = |params: &ParamSet<'_, T>| -> Result<Vec<Workers<T>>, Error> {
        (0..2).map(|tensor| Ok(Workers::new(step.clone(), &part(params, tensor)?))).collect()
    };
    let mut slow = shared(&params)?;
    let slot = if streams { run.k / 2 } else { run.k };
    let early = run.number("delay").unwrap_or_default() as u32;
    // after its outer step a streamed fragment keeps so much of its own
    let kept = if streams { T::from_f64(run.number("alpha").expect("an alpha")) } else { T::ZERO };
    let (mut local, mut outer, mut sent) = (0, 0, Vec::new());
    for (t, expected) in run.fast.iter().enumerate() {
        let (at, grads) = (format!("{at}, after step {}", t + 1), Grads::new(&params, gradients(&params, t, 0))?);
        rule.step(run.lr(t), &mut params, &grads, &mut state);
        if late && t == 0 {
            slow = shared(&params)?;
        }
        let tensors = if streams { outer % 2..outer % 2 + 1 } else { 0..2 };
        local += 1;
        if local == slot - early {
            sent = tensors.clone().map(|tensor| part(&params, tensor)).collect::<Result<_, _>>()?;
        }
        if local == slot {
            for (tensor, sent) in tensors.zip(&mut sent) {
                if !run.discards(outer) {
                    assert_eq!(slow[tensor].sync_mean(run.lr(t), sent), 0);
                }
                let phi = slow[tensor].slow()[0].to_vec();
                params.slice_mut(tensor).iter_mut().zip(phi).for_each(|(y, x)| *y = x - kept * (x - *y));
            }
            // without momentum (mu = 0) no buffer is kept
            let buffers: Option<Vec<_>> = slow.iter().map(Workers::momentum).collect();
            if let (Some(expected), Some(buffers)) = (run.momentum.get(outer), buffers) {
                // SlowMo's buffer is one of ways over the learning rate
                let unit = if late { run.lr(t) } else { 1.0 };
                let expected: Vec<f64> = expected.iter().map(|u| u * unit).collect();
                let found: Vec<&[T]> = buffers.iter().map(|of| &of[0][..]).collect();
                assert_follows(&format!("{at}: the momentum"), &found, &expected, tolerance::<T>());
            }
            (local, outer) = (0, outer + 1);
        }
        let fast: Vec<&[T]> = params.iter().map(|param| param.values()).collect();
        assert_follows(&format!("{at}: fast weights"), &fast, expected, tolerance::<T>());
        if let Some(expected) = run.slow.get(t) {
            let phi: Vec<Cow<'_, [T]>> = slow.iter().flat_map(Workers::slow).collect();
            let phi: Vec<&[T]> = phi.iter().map(Cow::as_ref).collect();
            assert_follows(&format!("{at}: slow weights"), &phi, expected, tolerance::<T>());
        }
    }
    Ok(())
}

#[test]
fn fragments_take_turns() -> Result<(), Error> {
    check("streaming_diloco_torchft", 7, Departure { streams: true, late: false })
}

#[test]
fn an_outer_step_is_thrown_away() -> Result<(), Error> {
    check("diloco_torchft_discarded", 1, Departure::default())
}

#[test]
fn slow_weights_begin_after_the_first_step() -> Result<(), Error> {
    check("slowmo_fairscale_late", 17, Departure { streams: false, late: true })
}
