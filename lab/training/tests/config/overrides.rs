//! Overrides of single keys.

use lookahead_training::config::{AdamConfig, AverageConfig, DecayConfig, OptimizerConfig, WarmUp};

use super::{SMALLEST, parse};

#[test]
fn overrides_change_single_keys() {
    let lookahead =
        "schedule.learning_rate = 0.1\noptimizer = { name = 'lookahead', inner = { name = 'sgd', momentum = 0.9 } }";
    let after = |overrides: &[&str]| {
        let mut config = parse(lookahead);
        overrides.iter().for_each(|text| config.set(text).unwrap());
        config
    };
    assert_eq!(after(&["epochs=5"]), parse(&format!("epochs = 5\n{lookahead}")));
    assert_eq!(after(&["optimizer.inner.momentum = 0.8"]), parse(&lookahead.replace("0.9", "0.8")));
    assert_eq!(after(&["clip_norm=0.25"]).clip_norm, Some(0.25));
    assert_eq!(after(&["device=cpu", "device=\"cpu\"", "data.name=digits"]), parse(lookahead));
    assert_eq!(after(&["data.name=fashion_mnist", "data.dir=/a b/c=d"]).data.dir.as_deref(), Some("/a b/c=d"));
    // The first of a kind is that kind.
    assert_eq!(after(&["device=cuda:0"]), after(&["device=cuda"]));
    let second = after(&["device=\"cuda:1\""]);
    assert_eq!((second.device.to_string().as_str(), parse(&second.to_toml())), ("cuda:1", second.clone()));
    // The other step size, and back.
    let adaptive = after(&["optimizer.alpha=0.8", "optimizer.adaptive.low=0.3"]);
    assert_eq!(adaptive, parse(&lookahead.replace("inner", "adaptive = { low = 0.3 }, inner")));
    assert_eq!(after(&["optimizer.adaptive={}", "optimizer.alpha=0.8"]), after(&["optimizer.alpha=0.8"]));
    // Another alpha from an epoch on.
    let then = after(&["optimizer.then={epoch=3, alpha=1.0}"]);
    assert_eq!(then, parse(&lookahead.replace("inner", "then = { epoch = 3, alpha = 1 }, inner")));
    assert_eq!((parse(&then.to_toml()), then.optimizer.until_then()), (then.clone(), parse(lookahead).optimizer));
    assert_ne!(then.id(), parse(lookahead).id());
    // Another rule brings its own defaults; the averaging kind keeps what is inside.
    let OptimizerConfig::Lookahead(outer) = after(&["optimizer.inner.name=adamw"]).optimizer else { panic!() };
    assert_eq!(*outer.inner, OptimizerConfig::AdamW(AdamConfig::ADAMW));
    assert_eq!(after(&["optimizer.name=averaged"]).optimizer.label(), "Polyak(SGD)");
    let OptimizerConfig::Averaged(ema) = after(&["optimizer.name=averaged", "optimizer.kind=exponential"]).optimizer
    else {
        panic!()
    };
    assert_eq!(
        (ema.average, ema.inner),
        (
            AverageConfig::Exponential { decay: 0.999, warm_up: WarmUp::None, initial_weights: false },
            outer_inner(lookahead)
        )
    );
    assert_eq!(after(&["optimizer.name=sgd"]).optimizer.label(), "SGD");
    assert_eq!(after(&["optimizer={name='lookahead',inner={name='adam'}}"]).optimizer.label(), "Lookahead(Adam)");
    assert_eq!(after(&["optimizer.inner.name=sgd"]), parse(lookahead));
    // The warm-up belongs to every schedule.
    let warm = after(&["schedule.warmup_steps=9", "schedule.name=inverse_sqrt", "schedule.width=64"]).schedule;
    let (width, decay_from) = (64.try_into().unwrap(), 4000.try_into().unwrap());
    assert_eq!((warm.warmup_steps, warm.decay), (9, DecayConfig::InverseSqrt { width, decay_from }));
}

fn outer_inner(text: &str) -> Box<OptimizerConfig> {
    let OptimizerConfig::Lookahead(lookahead) = parse(text).optimizer else { panic!() };
    lookahead.inner
}

#[test]
fn a_wrong_override_says_so_and_changes_nothing() {
    let mut config = parse(SMALLEST);
    let before = config.clone();
    let mut refused = |text: &str| {
        let error = config.set(text).expect_err(text).to_string();
        assert_eq!(config, before, "{text}");
        error
    };
    assert_eq!(
        refused("optimizer.momentun=0.8"),
        "override \"optimizer.momentun=0.8\": unknown key `optimizer.momentun` (did you mean `momentum`?); \
         accepted here: name, momentum, dampening, nesterov, weight_decay"
    );
    assert_eq!(
        refused("optimizer.momentum=x"),
        "override \"optimizer.momentum=x\": `optimizer.momentum` is \"x\", but must be a number at least 0 and below 1"
    );
    assert_eq!(
        refused("optimizer.name=lookahead"),
        "override \"optimizer.name=lookahead\": `optimizer.inner.name` is missing; it has no default"
    );
    assert!(refused("epochs.x=1").ends_with("`epochs` is a table, but must be a whole number from 1 to 1000000"));
    let deep = "a.".repeat(100_000);
    for malformed in ["", "epochs", "=1", ".=1", "a..b=1", "a b=1", &format!("{deep}a=1")] {
        assert!(refused(malformed).ends_with("expected KEY=VALUE with a dotted key, such as optimizer.alpha=0.8"));
    }
    assert!(refused("epochs=").contains("`epochs` is \"\", but must be a whole number"));
}

#[test]
fn data_of_another_kind_put_the_model_to_its_default() {
    let mut config = parse(
        "data = { name = 'made' }\nmodel = { name = 'mlp', hidden = [4] }\noptimizer.name = 'sgd'\n\
         schedule.learning_rate = 0.1",
    );
    for (data, model) in [
        ("data={name='made_text', tokens=300}", "awd_lstm"),
        ("data.name=made_pairs", "transformer"),
        ("data.name=digits", "mlp"),
    ] {
        config.set(data).unwrap();
        assert!(config.to_toml().contains(&format!("name = \"{model}\"")), "{data}\n{}", config.to_toml());
    }
    // Data of the same kind leave it as it is.
    config.set("model={name='mlp', hidden=[7]}").unwrap();
    config.set("data.name=made").unwrap();
    assert!(config.to_toml().contains("hidden = [7]"));
    assert!(config.set("data.name=maid").unwrap_err().to_string().contains("made"));
}
