//! Tensors that have joined since the last step: evaluated as they are, whatever is around the rule.

use lookahead::rules::Sgd;
use lookahead::{
    Averaged, Averaging, EmaNesterov, Error, Gpa, Grads, Lookahead, LookaheadConfig, Optimizer, OuterMomentum,
    OuterRate, OuterStep, ParamSet, PrimalAveraged, ScheduleFree, SlowStorage,
};

fn joins<A: Optimizer<f64>>(name: &str, optimizer: &A) -> Result<(), Error> {
    let mut params = ParamSet::new();
    params.push("known", [2], vec![4.0, 1.0])?;
    let mut state = optimizer.init(&params);
    for _ in 0..3 {
        let grads = Grads::new(&params, [Some(vec![1.0, -1.0])])?;
        optimizer.step(0.1, &mut params, &grads, &mut state);
    }
    let known = optimizer.evaluate(&params, &state)[0].to_vec();
    params.push("new", [3], vec![0.1, 0.2, 0.3])?;
    params.push("newer", [1], vec![-7.0])?;
    let expected = [known, vec![0.1, 0.2, 0.3], vec![-7.0]];
    assert_eq!(optimizer.evaluate(&params, &state), expected, "{name}");
    Ok(())
}

#[test]
fn what_joins_is_evaluated_as_it_is() -> Result<(), Error> {
    let lookahead = Lookahead::new(Sgd::new());
    let momentum = OuterStep::nesterov(OuterRate::new(0.7)?, OuterMomentum::new(0.9)?);
    let momentum = LookaheadConfig::new().with_outer_step(momentum);
    let rounded = LookaheadConfig::new().with_slow_storage(SlowStorage::Bf16 { seed: 1 });
    let [begun, later] = [0, 100].map(|start| Averaging::Running { start });
    joins("a rule", &Sgd::new())?;
    joins("Lookahead", &lookahead)?;
    joins("Lookahead in bf16", &Lookahead::with_config(Sgd::new(), rounded)?)?;
    joins("Lookahead with momentum", &Lookahead::with_config(Sgd::new(), momentum)?)?;
    joins("Lookahead around Lookahead", &Lookahead::new(lookahead.clone()))?;
    joins("an average", &Averaged::new(Sgd::new(), begun))?;
    joins("an average to come", &Averaged::new(Sgd::new(), later))?;
    joins("an average around Lookahead", &Averaged::new(lookahead.clone(), Averaging::exponential(0.9)?))?;
    joins("an average to come around Lookahead", &Averaged::new(lookahead.clone(), later))?;
    let schedule_free = PrimalAveraged::new(Sgd::new(), ScheduleFree::new());
    joins("an average to come around Schedule-Free", &Averaged::new(schedule_free, later))?;
    joins("EMA-Nesterov around Lookahead", &EmaNesterov::new(lookahead.clone()))?;
    joins("GPA around Lookahead", &PrimalAveraged::new(lookahead, Gpa::new()))
}
