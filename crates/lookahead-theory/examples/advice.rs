//! Which k and alpha for a noisy quadratic of one's own: a model's answer, and whether Lookahead pays at all.

use lookahead_theory::{
    AdviceGrid, ConditionNumber, Cycle, Error, Momentum, Noise, NoisyQuadratic, Spectrum, advise, convergence_rate,
};

fn main() -> Result<(), Error> {
    let spectrum = Spectrum::Log { dim: 20, condition_number: ConditionNumber::new(100.0)? };
    let eigenvalues = spectrum.eigenvalues()?;
    let problem = NoisyQuadratic::new(eigenvalues.clone(), &Noise::InverseCurvature)?;

    let (lr, momentum) = (0.1, Momentum::new(0.9)?);
    let advice = advise(&problem, lr, momentum, &AdviceGrid::default())?;
    let (best, alone) = (advice.best, advice.inner_alone);
    println!(
        "learning rate {lr}: loss {:.4} alone, {:.4} with k = {}, alpha = {}",
        alone.loss,
        best.loss,
        best.sync_period.get(),
        best.alpha.get()
    );
    let (tuned, inner) = (advice.best_tuned, advice.inner_tuned);
    println!(
        "each at its own best one: {:.4} alone, {:.4} with Lookahead: it {}",
        inner.point.loss,
        tuned.point.loss,
        if advice.pays { "pays" } else { "does not pay" }
    );
    assert!(best.loss <= alone.loss, "k = 1, alpha = 1 is among the pairs, or beaten by them");

    let rate = convergence_rate(&eigenvalues, lr, momentum, &Cycle::new(5, 0.5)?)?;
    println!("without noise k = 5, alpha = 0.5 takes {:.2} % off the distance in each step", 100.0 * rate);
    Ok(())
}
