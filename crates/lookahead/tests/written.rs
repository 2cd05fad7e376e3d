//! Hyperparameters as text: the keys of the lab's TOML, the same ones in JSON, checked like what is made in code.

use lookahead::{
    Adaptive, Alpha, Averaging, CurvaturePower, EmaNesterovConfig, Error, Gpa, InnerStatePolicy, LookaheadConfig,
    OuterStep, PowerWarmUp, PrimalAveraging, PublishedDecay, Schedule, ScheduleFree, SlowStorage, SyncPeriod,
};
use serde::de::DeserializeOwned;

fn read<V: DeserializeOwned>(json: &str) -> Result<V, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn what_is_read_is_checked_like_what_is_made() {
    assert!(read::<Alpha>("0.5").is_ok());
    for json in ["0.0", "-1.0", "1.5", "null"] {
        assert!(read::<Alpha>(json).is_err(), "alpha {json}");
    }
    assert!(read::<Alpha>("1.5").is_err_and(|error| error.contains("above 0 and at most 1")));
    assert!(read::<SyncPeriod>("0").is_err_and(|error| error.contains("at least 1")));
    assert!(read::<SyncPeriod>("-5").is_err());
    assert!(read::<Adaptive>("{}").is_ok_and(|adaptive| adaptive == Adaptive::default()));
    assert!(read::<Adaptive>(r#"{"low": 0.0}"#).is_err());
    assert!(read::<Adaptive>(r#"{"lowest": 0.5}"#).is_err_and(|error| error.contains("lowest")));
    assert!(read::<InnerStatePolicy>(r#""interpolate""#) == Ok(InnerStatePolicy::Interpolate));
    assert!(read::<InnerStatePolicy>(r#""forget""#).is_err());
    let averaging = |json| read::<Averaging>(json);
    let exponential = r#"{"kind": "exponential", "decay": 0.5}"#;
    for (more, refused) in
        [(r#""warmup": true"#, "warmup"), (r#""warm_up": true, "power": {}"#, "must be false (0) beside `power`")]
    {
        let written = exponential.replace('}', &format!(", {more}}}"));
        assert!(read::<Averaging>(&written).is_err_and(|error| error.contains(refused)), "{written}");
    }
    assert_eq!(averaging(exponential), Ok(Averaging::exponential(0.5).expect("valid")));
    assert!(
        averaging(&exponential.replace("0.5", "1.0")).is_err_and(|error| error.contains("decay is 1, but must be"))
    );
}

#[test]
fn averages_are_read_as_they_are_written() -> Result<(), Error> {
    let power = PowerWarmUp::new().with_gamma(2.0)?.with_power(1.0)?.with_min_decay(0.5)?.with_update_after_step(3);
    let [flat, rising] = [Averaging::exponential(0.5)?, Averaging::exponential_with_power_warm_up(0.9, power)?];
    let json = |averaging: &Averaging| serde_json::to_string(averaging).expect("JSON");
    assert_eq!(json(&flat), r#"{"kind":"exponential","decay":0.5,"warm_up":false}"#);
    let (running, stalled) = (Averaging::Running { start: 3 }, Averaging::NonMonotonic { patience: 5 });
    for averaging in [flat, rising, flat.with_initial_weights(), rising.with_initial_weights(), running, stalled] {
        assert_eq!(read(&json(&averaging)), Ok(averaging));
        assert_eq!(toml::from_str(&toml::to_string(&averaging).expect("TOML")), Ok(averaging));
    }
    let free = ScheduleFree::new().with_beta(0.8)?.with_power(1.0)?.with_rate_power(0.0)?.with_warm_up(9);
    let free = free.with_weight_decay(0.1)?.with_corrected_rate(0.99)?;
    let gpa = Gpa::new().with_coefficients(0.5, 0.25)?.with_published_decay(PublishedDecay::OnY(0.1))?;
    for averaging in [ScheduleFree::new().into(), free.into(), Gpa::new().into(), gpa.into()] {
        assert_eq!(read(&serde_json::to_string(&averaging).expect("JSON")), Ok::<PrimalAveraging, _>(averaging));
    }
    let primal = |json| read::<PrimalAveraging>(json);
    assert_eq!(primal(r#"{"kind": "gpa"}"#), Ok(Gpa::new().into()));
    for (json, words) in [
        (r#"{"kind": "schedule_free", "beta": 0}"#, "beta is 0, but must be"),
        (r#"{"kind": "gpa", "mu_x": 1}"#, "mu_x is 1, but must be"),
        (r#"{"kind": "gpa", "mu_z": 1}"#, "unknown field `mu_z`"),
        (r#"{"kind": "gpa", "published_decay": {"on_z": -1}}"#, "weight_decay is -1, but must be"),
    ] {
        assert!(primal(json).is_err_and(|error| error.contains(words)), "{json}: {:?}", primal(json));
    }
    Ok(())
}

#[test]
fn a_schedule_that_is_read_is_in_order() -> Result<(), String> {
    let written = |changes: &str| format!(r#"{{"first": 0.5, "changes": {changes}}}"#);
    let read_in_order: Schedule<Alpha> = read(&written("[[3, 0.25], [7, 1.0]]"))?;
    assert_eq!(read_in_order.at(6).get(), 0.25);
    assert!(read::<Schedule<Alpha>>(&written("[[7, 0.25], [3, 1.0]]")).is_err());
    assert!(read::<Schedule<Alpha>>(&written("[[0, 0.25]]")).is_err());
    Ok(())
}

/// What is read, and a key that it does not have.
struct Stranger {
    json: &'static str,
    key: &'static str,
    refused_by: fn(&str) -> Result<(), String>,
}

impl Stranger {
    fn to<V: DeserializeOwned>(json: &'static str, key: &'static str) -> Self {
        Self { json, key, refused_by: |json| read::<V>(json).map(|_| ()) }
    }

    fn written(&self) -> String {
        self.json.replace('?', &format!("{:?}: 1", self.key))
    }
}

/// Each kind is read without the key that stands in place of `?`, and with it is refused by its name.
#[test]
fn a_key_that_nobody_knows_is_refused_by_its_name() {
    let strangers = [
        Stranger::to::<Averaging>(r#"{"kind": "running", "start": 3, ?}"#, "decay"),
        Stranger::to::<Averaging>(r#"{"kind": "non_monotonic", "patience": 5, ?}"#, "patient"),
        Stranger::to::<Averaging>(r#"{"kind": "exponential", "decay": 0.5, ?}"#, "start"),
        Stranger::to::<Averaging>(r#"{"kind": "exponential", "decay": 0.5, "power": {"gamma": 1, ?}}"#, "decay"),
        Stranger::to::<PowerWarmUp>(r#"{"power": 1, ?}"#, "min"),
        Stranger::to::<PrimalAveraging>(r#"{"kind": "schedule_free", "beta": 0.5, ?}"#, "mu_y"),
        Stranger::to::<PrimalAveraging>(r#"{"kind": "gpa", "mu_y": 0.5, ?}"#, "beta"),
        Stranger::to::<ScheduleFree>(r#"{"beta": 0.5, ?}"#, "warmup"),
        Stranger::to::<Gpa>(r#"{"mu_x": 0.5, ?}"#, "kind"),
        Stranger::to::<EmaNesterovConfig>(r#"{"beta": 0.5, ?}"#, "prefil"),
        Stranger::to::<OuterStep>(r#"{"rate": 0.5, "momentum": 0.5, ?}"#, "unit"),
        Stranger::to::<Schedule<Alpha>>(r#"{"first": 0.5, "changes": [[3, 1.0]], ?}"#, "change"),
        Stranger::to::<Schedule<SyncPeriod>>(r#"{"first": 5, "changes": [], ?}"#, "last"),
        Stranger::to::<Adaptive>(r#"{"low": 0.5, ?}"#, "high"),
        Stranger::to::<SlowStorage>(r#"{"bf16": {"seed": 1, ?}}"#, "seeds"),
        Stranger::to::<SlowStorage>(r#"{"bf16": {"seed": 1}, ?}"#, "f16"),
        Stranger::to::<LookaheadConfig>(r#"{"alpha": 0.5, ?}"#, "k"),
        Stranger::to::<LookaheadConfig>(r#"{"outer": {"rate": 0.5, "momentum": 0.5, ?}}"#, "mu"),
        Stranger::to::<LookaheadConfig>(r#"{"sync_period": {"first": 5, "changes": [], ?}}"#, "second"),
        Stranger::to::<LookaheadConfig>(r#"{"slow_weights": {"bf16": {"seed": 1}, ?}}"#, "seed"),
    ];
    for stranger in &strangers {
        let without = stranger.json.replace(", ?", "");
        assert_eq!((stranger.refused_by)(&without), Ok(()), "{without}");
        let (json, named) = (stranger.written(), format!("unknown field `{}`", stranger.key));
        let refused = (stranger.refused_by)(&json);
        assert!(refused.as_ref().is_err_and(|error| error.contains(&named)), "{json}: {refused:?}");
    }
    let toml = "kind = 'running'\nstart = 3\ndecay = 0.9";
    let refused = toml::from_str::<Averaging>(toml).map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("unknown field `decay`")), "{refused:?}");
    let two = r#"{"kind": "gpa", "published_decay": {"on_z": 0.1, "on_y": 0.1}}"#;
    assert!(read::<PrimalAveraging>(two).is_err(), "two decays at once");
}

fn period(steps: u32) -> Result<SyncPeriod, Error> {
    SyncPeriod::new(steps)
}

#[test]
fn a_config_reads_like_the_labs() -> Result<(), Error> {
    let json = |config: &LookaheadConfig| serde_json::to_string(config).expect("JSON");
    let plain = r#"{"sync_period":5,"alpha":0.5,"inner_state":"maintain","slow_weights":"full"}"#;
    assert_eq!(json(&LookaheadConfig::new()), plain);

    let changing = Schedule::steps(period(5)?, [(100, period(10)?)])?;
    let adaptive = Adaptive::new().with_low(Alpha::new(0.25)?).with_curvature(CurvaturePower::Root);
    let everything = LookaheadConfig::new()
        .with_sync_period(changing)
        .with_adaptive_alpha(adaptive)
        .with_inner_state(InnerStatePolicy::Reset);
    let rounded = |seed| LookaheadConfig::new().with_slow_storage(SlowStorage::Bf16 { seed });
    for (config, toml) in [
        (LookaheadConfig::new(), ""),
        (LookaheadConfig::new(), "sync_period = 5\nalpha = 0.5\ninner_state = 'maintain'\nslow_weights = 'full'"),
        (LookaheadConfig::new().with_alpha(Alpha::ONE), "alpha = 1"),
        (rounded(0), "slow_weights = 'bf16'"),
        (rounded(3), "slow_weights = { bf16 = { seed = 3 } }"),
        (
            everything,
            "sync_period = { first = 5, changes = [[100, 10]] }\nadaptive = { low = 0.25, curvature = 'root' }\n\
             inner_state = 'reset'",
        ),
    ] {
        assert_eq!(toml::from_str(toml), Ok(config.clone()), "{toml}");
        assert_eq!(read(&json(&config)), Ok(config.clone()), "{}", json(&config));
        let toml = toml::to_string(&config).expect("TOML");
        assert_eq!(toml::from_str(&toml), Ok(config), "{toml}");
    }
    Ok(())
}

#[test]
fn a_config_that_makes_no_sense_is_refused() {
    for (json, reason) in [
        (r#"{"sync_period": 0}"#, "sync_period is 0, but must be at least 1"),
        (r#"{"alpha": 1.5}"#, "alpha is 1.5, but must be above 0 and at most 1"),
        (r#"{"alpha": "half"}"#, "a number, or a map of `first` and `changes`"),
        (r#"{"alpha": 0.5, "adaptive": {}}"#, "`alpha` and `adaptive` exclude each other"),
        (r#"{"adaptive": {}, "slow_weights": "bf16"}"#, "full precision"),
        (r#"{"slow_weights": "f8"}"#, "\"full\", \"bf16\" or"),
        (r#"{"inner_state": "forget"}"#, "maintain"),
        (r#"{"period": 5}"#, "sync_period"),
    ] {
        let refused = read::<LookaheadConfig>(json);
        assert!(refused.as_ref().is_err_and(|error| error.contains(reason)), "{json}: {refused:?}");
    }
}

/// A format without keys would write what it cannot read: it is refused when writing.
#[test]
fn a_format_without_keys_is_refused() {
    assert!(postcard::to_allocvec(&LookaheadConfig::new()).is_err());
}
