//! The learning rate of each step, against values worked out by hand.

use lookahead_training::config::RunConfig;
use lookahead_training::schedule::LearningRate;

/// The schedule of `[schedule]` keys, for 4 steps an epoch and 5 epochs.
fn schedule(keys: &str) -> LearningRate {
    let text = format!("optimizer.name = 'sgd'\n[schedule]\nlearning_rate = 0.8\n{keys}");
    let config = RunConfig::parse(&text, "run.toml").unwrap();
    LearningRate::new(&config.schedule, 20).unwrap()
}

fn rates(schedule: &LearningRate, steps: impl IntoIterator<Item = u64>) -> Vec<f64> {
    let round = |rate: f64| (rate * 1e12).round() / 1e12;
    steps.into_iter().map(|step| round(schedule.learning_rate(step, (step / 4) as u32))).collect()
}

#[test]
fn a_constant_rate_stays() {
    assert_eq!(rates(&schedule(""), [0, 7, 19]), [0.8; 3]);
}

#[test]
fn warm_up_rises_linearly_to_the_rate() {
    assert_eq!(rates(&schedule("warmup_steps = 4"), 0..6), [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]);
}

#[test]
fn a_cosine_falls_from_the_rate_to_its_final_fraction() {
    // 0.8 (1 + cos(pi t / 20)) / 2
    assert_eq!(rates(&schedule("name = 'cosine'"), [0, 10, 20]), [0.8, 0.4, 0.0]);
    // Halfway between 0.8 and 0.2, over the 16 steps after the warm-up.
    let warm = schedule("name = 'cosine'\nfinal_fraction = 0.25\nwarmup_steps = 4");
    assert_eq!(rates(&warm, [3, 4, 12, 20]), [0.8, 0.8, 0.5, 0.2]);
}

#[test]
fn steps_fall_after_their_epochs() {
    let steps = schedule("name = 'step'\nmilestones = [1, 3]\nfactor = 0.5");
    assert_eq!(rates(&steps, [0, 3, 4, 11, 12, 19]), [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]);
}

/// Vaswani's schedule, `factor d^-0.5 min(t^-0.5, t warmup^-1.5)`, written out for d = 4 and 9 steps of warm-up.
#[test]
fn an_inverse_square_root_with_warm_up_is_that_of_vaswani() {
    let vaswani = schedule("name = 'inverse_sqrt'\nwidth = 4\ndecay_from = 9\nwarmup_steps = 9");
    let expected = |t: f64| 0.8 * 4_f64.powf(-0.5) * t.powf(-0.5).min(t * 9_f64.powf(-1.5));
    for step in 0..200 {
        let found = vaswani.learning_rate(step, (step / 4) as u32);
        assert!((found / expected(step as f64 + 1.0) - 1.0).abs() < 1e-14, "step {step}: {found}");
    }
    // 0.8 / 2 / 3 at the top, in step 9; a third of it in step 3, half of it in step 36
    assert_eq!(rates(&vaswani, [8, 2, 35]), [0.133333333333, 0.044444444444, 0.066666666667]);
}

#[test]
fn an_inverse_square_root_without_warm_up_is_constant_at_first() {
    let without = schedule("name = 'inverse_sqrt'\nwidth = 4\ndecay_from = 4");
    assert_eq!(rates(&without, [0, 1, 3, 15, 99]), [0.2, 0.2, 0.2, 0.1, 0.04]);
    // A rise that is over later than the fall begins: half of 0.4 / sqrt(8), then 0.4 / sqrt(16).
    let late = schedule("name = 'inverse_sqrt'\nwidth = 4\ndecay_from = 4\nwarmup_steps = 16");
    assert_eq!(rates(&late, [7, 15, 63]), [0.070710678119, 0.1, 0.05]);
    // tensor2tensor's base model: 0.4 of 512^-0.5 4000^-0.5.
    let text = "optimizer.name = 'adafactor'\nschedule = { name = 'inverse_sqrt', learning_rate = 0.4 }";
    let default = LearningRate::new(&RunConfig::parse(text, "run.toml").unwrap().schedule, 250_000).unwrap();
    assert!((default.learning_rate(0, 0) - 0.4 / 2_048_000_f64.sqrt()).abs() < 1e-18);
}

/// PyTorch's patience: 15 evaluations in a row without a lower loss are borne, the 16th halves the rate; a loss that is
/// less than a ten-thousandth below the lowest is not lower.
#[test]
fn a_plateau_of_the_paper_halves_after_the_patience() {
    let mut plateau = schedule("name = 'plateau'");
    plateau.observe_validation_loss(5.0);
    for _ in 0..15 {
        plateau.observe_validation_loss(4.9996);
        assert_eq!(rates(&plateau, [0]), [0.8]);
    }
    plateau.observe_validation_loss(5.0);
    assert_eq!(rates(&plateau, [0]), [0.4]);
    for _ in 0..15 {
        plateau.observe_validation_loss(5.0);
        assert_eq!(rates(&plateau, [0]), [0.4]);
    }
    plateau.observe_validation_loss(4.9);
    plateau.observe_validation_loss(5.0);
    assert_eq!(rates(&plateau, [0]), [0.4], "a lower loss starts the count anew");
}

#[test]
fn a_plateau_falls_after_its_patience_and_its_memory_can_be_kept() {
    let mut plateau = schedule("name = 'plateau'\nfactor = 0.5\npatience = 2");
    // The first loss is the best; the third without a lower one is one too many.
    for loss in [1.0, 1.5, 1.5] {
        plateau.observe_validation_loss(loss);
        assert_eq!(rates(&plateau, [0]), [0.8]);
    }
    let mut resumed = schedule("name = 'plateau'\nfactor = 0.5\npatience = 2");
    resumed.restore(plateau.memory().cloned());
    for schedule in [&mut plateau, &mut resumed] {
        schedule.observe_validation_loss(1.5);
        assert_eq!(rates(schedule, [0]), [0.4]);
    }
}
