//! The learning rate of each step, against values worked out by hand.

use lookahead_lab::config::RunConfig;
use lookahead_lab::schedule::Schedule;

/// The schedule of `[schedule]` keys, for 4 steps an epoch and 5 epochs.
fn schedule(keys: &str) -> Schedule {
    let text = format!("optimizer.name = 'sgd'\n[schedule]\nlearning_rate = 0.8\n{keys}");
    let config = RunConfig::parse(&text, "run.toml").unwrap();
    Schedule::new(&config.schedule, 20).unwrap()
}

fn rates(schedule: &Schedule, steps: impl IntoIterator<Item = u64>) -> Vec<f64> {
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
