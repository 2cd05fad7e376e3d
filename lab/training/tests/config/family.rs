//! Lookahead's descendants in a configuration.

use lookahead::{BufferUnit, LookaheadConfig, OuterForm, SyncPeriod, family};
use lookahead_training::config::OptimizerConfig;

use super::parse;
use super::refusals::refusal;

fn optimizer(optimizer: &str) -> String {
    format!("schedule.learning_rate = 1\noptimizer = {optimizer}")
}

fn outer(text: &str) -> LookaheadConfig {
    match parse(&optimizer(text)).optimizer {
        OptimizerConfig::Snoo(outer)
        | OptimizerConfig::MuLoCo(outer)
        | OptimizerConfig::DiLoCo(outer)
        | OptimizerConfig::SlowMo(outer) => outer.config().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_are_those_of_the_sources() {
    assert_eq!(outer("{name = 'snoo', inner.name = 'adamw'}"), family::snoo());
    assert_eq!(outer("{name = 'snoo', first_sync = 1, inner.name = 'sgd'}"), family::snoo_of_the_speedrun());
    assert_eq!(outer("{name = 'muloco', inner.name = 'sgd'}"), family::muloco());
    assert_eq!(outer("{name = 'diloco', inner.name = 'adamw'}"), family::diloco());
    assert_eq!(outer("{name = 'slowmo', inner.name = 'sgd'}"), family::slowmo());
}

#[test]
fn numbers_of_ones_own_keep_the_form_of_the_source() {
    let config = outer("{name = 'slowmo', k = 7, eta = 2.5, mu = 0.25, restart_every = 3, inner.name = 'sgd'}");
    assert_eq!(config.sync_period().at(0), SyncPeriod::new(7).unwrap());
    let step = config.outer_step().expect("a momentum");
    assert_eq!((step.rate().at(9).get(), step.momentum().at(9).get(), step.restart_every()), (2.5, 0.25, Some(3)));
    assert_eq!((step.form(), step.buffer_unit()), (OuterForm::HeavyBall, BufferUnit::DeltaOverLearningRate));
    let without = outer("{name = 'snoo', eta = 0.5, mu = 0, inner.name = 'sgd'}");
    assert!(without.outer_step().is_none(), "it is Lookahead with alpha = 0.5");
}

#[test]
fn labels_are_the_names_of_the_sources() {
    for (text, label) in [
        ("{name = 'snoo', inner.name = 'adamw'}", "SNOO(AdamW)"),
        ("{name = 'muloco', inner.name = 'sgd'}", "MuLoCo(SGD)"),
        ("{name = 'diloco', inner = {name = 'snoo', k = 5, inner.name = 'sgd'}}", "DiLoCo(SNOO(SGD))"),
        ("{name = 'slowmo', inner.name = 'adam'}", "SlowMo(Adam)"),
        ("{name = 'schedule_free', inner.name = 'sgd'}", "Schedule-Free(SGD)"),
        ("{name = 'gpa', inner.name = 'adamw'}", "GPA(AdamW)"),
        ("{name = 'ema_nesterov', inner.name = 'adamw'}", "EMA-Nesterov(AdamW)"),
    ] {
        assert_eq!(parse(&optimizer(text)).optimizer.label(), label);
    }
}

#[test]
fn a_trace_begins_with_a_cycle() {
    let snoo = "{name = 'snoo', k = 10, first_sync = 1, inner.name = 'sgd'}\ndata.name = 'made'\n[trace]\nepoch = 2";
    let error = refusal(&optimizer(snoo)).to_string();
    assert!(error.contains("`trace` is") && error.contains("left out beside first_sync"), "{error}");
}

#[test]
fn what_is_out_of_range_is_named_with_its_place() {
    for (text, refused) in [
        (
            "{name = 'snoo', eta = 0, inner.name = 'sgd'}",
            "`optimizer.eta` is 0, but must be a number above 0 and finite",
        ),
        (
            "{name = 'snoo', mu = 1.0, inner.name = 'sgd'}",
            "`optimizer.mu` is 1.0, but must be a number at least 0 and below",
        ),
        ("{name = 'snoo', k = 0, inner.name = 'sgd'}", "`optimizer.k` is 0, but must be a whole number from 1 to"),
        (
            "{name = 'snoo', restart_every = 0, inner.name = 'sgd'}",
            "`optimizer.restart_every` is 0, but must be a whole",
        ),
        ("{name = 'snoo', alpha = 0.5, inner.name = 'sgd'}", "unknown key `optimizer.alpha`"),
        (
            "{name = 'slowmo', k = 7, inner = {name = 'lookahead', inner.name = 'sgd'}}",
            "`optimizer.k` is 7, but must be a",
        ),
        (
            "{name = 'snoo', k = 10, first_sync = 3, inner = {name = 'lookahead', inner.name = 'sgd'}}",
            "`optimizer.first_sync` is 3, but must be a multiple of 5",
        ),
        (
            "{name = 'lookahead', sync_period = 56, inner = {name = 'snoo', first_sync = 1, inner.name = 'sgd'}}",
            "`optimizer.inner.first_sync` is 1, but must be left out inside of another optimizer that syncs",
        ),
        (
            "{name = 'lookahead', inner = {name = 'gpa', inner = {name = 'snoo', k = 5, first_sync = 1, inner.name = 'sgd'}}}",
            "`optimizer.inner.inner.first_sync` is 1, but must be left out",
        ),
        (
            "{name = 'lookahead', inner = {name = 'gpa', inner = {name = 'snoo', k = 3, inner.name = 'sgd'}}}",
            "`optimizer.sync_period` is 5, but must be a multiple of 3",
        ),
        (
            "{name = 'schedule_free', beta = 0, inner.name = 'sgd'}",
            "`optimizer.beta` is 0, but must be a number at least 0.01",
        ),
        (
            "{name = 'gpa', mu_x = 1, inner.name = 'sgd'}",
            "`optimizer.mu_x` is 1, but must be a number at least 0 and below",
        ),
        (
            "{name = 'ema_nesterov', beta = 1, inner.name = 'sgd'}",
            "`optimizer.beta` is 1, but must be a number at least 0 and below",
        ),
        (
            "{name = 'ema_nesterov', prefill = 9, rest = 9, inner.name = 'sgd'}",
            "`optimizer.rest` is 9, but must be above prefill, which is 9",
        ),
        (
            "{name = 'lookahead', inner = {name = 'ema_nesterov', inner = {name = 'snoo', k = 3, inner.name = 'sgd'}}}",
            "`optimizer.sync_period` is 5, but must be a multiple of 3",
        ),
        ("{name = 'gpa'}", "`optimizer.inner.name` is missing"),
        ("{name = 'snu', inner.name = 'sgd'}", "`optimizer.name` is \"snu\""),
    ] {
        let error = refusal(&optimizer(text)).to_string();
        assert!(error.contains(refused), "{error}\nnot\n{refused}");
    }
}
