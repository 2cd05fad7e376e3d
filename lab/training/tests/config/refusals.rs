//! What each mistake in a configuration is told.

use lookahead_settings::{ConfigError, Place};
use lookahead_training::config::RunConfig;

use super::{SMALLEST, VALID, parse};

pub fn refusal(text: &str) -> ConfigError {
    RunConfig::parse(text, "run.toml").expect_err(text)
}

/// The error's message for `line` put below the smallest configuration, as its third line.
fn third_line(line: &str) -> String {
    refusal(&format!("{SMALLEST}{line}")).to_string()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let text = "seed = 1\n\n[schedule]\nlearning_rate = 0.1\n\n[optimizer]\nname = 'lookahead'\n\n  [optimizer.inner]\n  \
                name = 'sgd'\n  momentun = 0.9\n";
    let ConfigError::UnknownKey { place, key, nearest, accepted } = refusal(text) else { panic!() };
    assert_eq!(place, Place::File { file: "run.toml".to_owned(), line: 11, column: 3 });
    assert_eq!((key.as_str(), nearest), ("optimizer.inner.momentun", Some("momentum")));
    assert_eq!(accepted, ["name", "momentum", "dampening", "nesterov", "weight_decay"]);
    assert_eq!(
        refusal(text).to_string(),
        "run.toml:11:3: unknown key `optimizer.inner.momentun` (did you mean `momentum`?); \
         accepted here: name, momentum, dampening, nesterov, weight_decay"
    );
    // In an inline table, as a dotted key, as a table of its own, and at the root.
    assert!(
        third_line("data = { nam = 'digits' }")
            .starts_with("run.toml:3:10: unknown key `data.nam` (did you mean `name`?)")
    );
    assert!(
        third_line("optimizer.nestrov = true")
            .starts_with("run.toml:3:11: unknown key `optimizer.nestrov` (did you mean `nesterov`?)")
    );
    assert!(
        third_line("[shedule]\nlr = 1").starts_with("run.toml:3:2: unknown key `shedule` (did you mean `schedule`?)")
    );
    assert!(third_line("epoch = 5").starts_with("run.toml:3:1: unknown key `epoch` (did you mean `epochs`?)"));
    // A key of another choice, and one that is like nothing.
    assert!(
        third_line("model.channels = [8]")
            .starts_with("run.toml:3:7: unknown key `model.channels`; accepted here: name, hidden")
    );
    assert!(third_line("zzz = 1").starts_with("run.toml:3:1: unknown key `zzz`; accepted here: seed, epochs, "));
    // The first in the text is told, not the first in the alphabet.
    assert!(third_line("zzz = 1\naaa = 1").contains("`zzz`"));
    // A misspelt key that is required is told as such, not as missing.
    assert!(
        refusal("optimizer.name = 'sgd'\nschedule.learningrate = 1")
            .to_string()
            .contains("did you mean `learning_rate`?")
    );
    // Columns count characters, not bytes.
    assert!(third_line("'ä' = 1").starts_with("run.toml:3:1: unknown key `ä`"));
    assert!(third_line("data = { dir = 'ä', name = 'fashion_mnist', dirr = 1 }").starts_with("run.toml:3:45: "));
}

#[test]
fn a_value_out_of_its_range_is_quoted_with_the_range() {
    let wrong = |line: &str| third_line(line).strip_prefix("run.toml:3:").unwrap_or("not on line 3").to_owned();
    assert_eq!(wrong("epochs = 0"), "10: `epochs` is 0, but must be a whole number from 1 to 1000000");
    assert_eq!(wrong("epochs = -1"), "10: `epochs` is -1, but must be a whole number from 1 to 1000000");
    assert_eq!(wrong("epochs = 2.0"), "10: `epochs` is 2.0, but must be a whole number from 1 to 1000000");
    assert_eq!(
        wrong("epochs = 99999999999999999999999999999999999999999999"),
        "10: `epochs` is 99999999999999999999999999999999999999999999, but must be a whole number from 1 to 1000000"
    );
    assert_eq!(wrong("seed = -1"), "8: `seed` is -1, but must be a whole number from 0 to 18446744073709551615");
    assert_eq!(wrong("clip_norm = 0"), "13: `clip_norm` is 0, but must be a number above 0 and finite");
    assert_eq!(wrong("clip_norm = inf"), "13: `clip_norm` is inf, but must be a number above 0 and finite");
    assert_eq!(wrong("clip_norm = 1e999"), "13: `clip_norm` is 1e999, but must be a number above 0 and finite");
    assert_eq!(wrong("stop_on_non_finite = 1"), "22: `stop_on_non_finite` is 1, but must be true or false");
    for device in ["gpu", "cuda:", "cuda:-1", "cuda:+1", "wgpu:1:2", ":1", "CUDA", ""] {
        let refused = format!(
            "10: `device` is {device:?}, but must be \"cpu\", \"cuda\", \"vulkan\" or \"wgpu\", the second of a kind"
        );
        let told = wrong(&format!("device = {device:?}"));
        assert!(told.starts_with(&refused), "{told}");
    }
    assert_eq!(wrong("data = 'digits'"), "8: `data` is \"digits\", but must be a table");
    assert_eq!(
        wrong("[[model]]\nname = 'mlp'").split_once(": ").unwrap().1,
        "`model` is a list of 1, but must be a table"
    );
    assert_eq!(
        wrong("data.name = 'digit'"),
        "13: `data.name` is \"digit\", but must be \"digits\" or \"fashion_mnist\" or \"cifar10\" or \
         \"cifar100\" or \"image_folders\" or \"made\" or \"penn_treebank\" or \"text_files\" or \"made_text\" or \
         \"multi30k\" or \"wmt14_en_de\" or \"parallel_text\" or \"made_pairs\" (did you mean `digits`?)"
    );
    assert_eq!(
        wrong("data = { name = 'fashion_mnist', dir = 1 }"),
        "40: `data.dir` is 1, but must be the path of a folder or an archive, as a string"
    );
    assert_eq!(
        wrong("model.hidden = [8, 0]"),
        "20: `model.hidden[1]` is 0, but must be a whole number from 1 to 16384"
    );
    assert_eq!(wrong("model.hidden = 8"), "16: `model.hidden` is 8, but must be a list of at most 16 widths");
    assert_eq!(
        wrong("model = { name = 'cnn', channels = [] }"),
        "36: `model.channels` is a list of 0, but must be a list of 1 to 8 numbers of channels"
    );
    assert_eq!(
        wrong("optimizer.momentum = 1.0"),
        "22: `optimizer.momentum` is 1.0, but must be a number at least 0 and below 1"
    );
    assert_eq!(
        wrong("optimizer.momentum = nan"),
        "22: `optimizer.momentum` is nan, but must be a number at least 0 and below 1"
    );
    assert_eq!(
        wrong("optimizer.momentum = '0.9'"),
        "22: `optimizer.momentum` is \"0.9\", but must be a number at least 0 and below 1"
    );
    assert_eq!(
        wrong("optimizer.nesterov = true"),
        "11: `optimizer.nesterov` is true, but must be false unless momentum is above 0 and dampening is 0"
    );
    assert_eq!(
        wrong("schedule.name = 'cosin'"),
        "17: `schedule.name` is \"cosin\", but must be \"constant\" or \"cosine\" or \"step\" or \"plateau\" or \"inverse_sqrt\" (did you mean `cosine`?)"
    );
    assert_eq!(
        wrong("epochs = 1979-05-27"),
        "10: `epochs` is a date or time, but must be a whole number from 1 to 1000000"
    );
    let long = wrong(&format!("device = '{}'", "x".repeat(1000)));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn hyperparameters_have_the_core_s_ranges() {
    let refused =
        |optimizer: &str| refusal(&format!("[schedule]\nlearning_rate = 1\n[optimizer]\n{optimizer}")).to_string();
    let lookahead = |line: &str| refused(&format!("name = 'lookahead'\ninner.name = 'sgd'\n{line}"));
    let range = "but must be a number above 0 and at most 1";
    assert_eq!(lookahead("alpha = 0.0"), format!("run.toml:6:9: `optimizer.alpha` is 0.0, {range}"));
    assert_eq!(lookahead("alpha = 1.5"), format!("run.toml:6:9: `optimizer.alpha` is 1.5, {range}"));
    assert_eq!(lookahead("alpha = nan"), format!("run.toml:6:9: `optimizer.alpha` is nan, {range}"));
    assert_eq!(
        lookahead("[optimizer.adaptive]\nlow = -0.5"),
        format!("run.toml:7:7: `optimizer.adaptive.low` is -0.5, {range}")
    );
    assert!(lookahead("adaptive = { curvature = 'sqrt' }").ends_with("but must be \"second_moment\" or \"root\""));
    assert_eq!(
        lookahead("sync_period = 0"),
        "run.toml:6:15: `optimizer.sync_period` is 0, but must be a whole number from 1 to 4294967295"
    );
    assert_eq!(
        lookahead("alpha = 0.5\nadaptive = {}"),
        "run.toml:6:1: `optimizer.alpha` cannot be given together with `optimizer.adaptive`"
    );
    assert_eq!(
        lookahead("adaptive = {}\nthen = { epoch = 2, alpha = 1 }"),
        "run.toml:7:1: `optimizer.then` cannot be given together with `optimizer.adaptive`"
    );
    for (then, key, value, accepted) in [
        ("epoch = 1, alpha = 1", "epoch", "1", "a whole number from 2 to 4294967295"),
        ("epoch = 2, alpha = 0", "alpha", "0", "a number above 0 and at most 1"),
    ] {
        let error = lookahead(&format!("then = {{ {then} }}"));
        assert!(error.ends_with(&format!("`optimizer.then.{key}` is {value}, but must be {accepted}")), "{error}");
    }
    assert!(lookahead("then = { epoch = 2 }").contains("`optimizer.then.alpha` is missing"), "no default");
    for (line, range) in [
        ("beta1 = 1.0", "at least 0 and below 1"),
        ("beta2 = -0.1", "at least 0 and below 1"),
        ("epsilon = inf", "finite and not negative"),
        ("weight_decay = -1", "finite and not negative"),
    ] {
        let error = refused(&format!("name = 'adamw'\n{line}"));
        let (key, value) = line.split_once(" = ").unwrap();
        assert!(error.starts_with("run.toml:5:"), "{error}");
        assert!(error.ends_with(&format!("`optimizer.{key}` is {value}, but must be a number {range}")), "{error}");
    }
    for (line, range) in [
        ("beta2_decay = 0.1", "finite and at most 0"),
        ("beta2_decay = -inf", "finite and at most 0"),
        ("clipping = 0.99", "finite and at least 1"),
        ("weight_decay = -1", "finite and not negative"),
        ("smallest_scale = 0", "above 0 and finite"),
    ] {
        let error = refused(&format!("name = 'adafactor'\n{line}"));
        let (key, value) = line.split_once(" = ").unwrap();
        assert!(error.ends_with(&format!("`optimizer.{key}` is {value}, but must be a number {range}")), "{error}");
    }
    assert!(lookahead("slow_weights = 'half'").ends_with("is \"half\", but must be \"full\" or \"bf16\""));
    let rounded = lookahead("slow_weights = 'bf16'\nadaptive = {}");
    assert!(
        rounded.contains("`optimizer.slow_weights` is bf16, but must be \"full\" where alpha is adaptive"),
        "{rounded}"
    );
    let averaged = refused("name = 'averaged'\nkind = 'exponential'\ndecay = 1.0\ninner.name = 'sgd'");
    assert_eq!(averaged, "run.toml:6:9: `optimizer.decay` is 1.0, but must be a number at least 0 and below 1");
}

#[test]
fn schedules_have_ranges() {
    let refused = |lines: &str| refusal(&format!("optimizer.name = 'sgd'\n[schedule]\n{lines}")).to_string();
    for rate in ["0", "-0.1", "nan", "inf", "-inf"] {
        let expected =
            format!("run.toml:3:17: `schedule.learning_rate` is {rate}, but must be a number above 0 and finite");
        assert_eq!(refused(&format!("learning_rate = {rate}")), expected);
    }
    let rate = "learning_rate = 1\nname = ";
    assert!(refused(&format!("{rate}'cosine'\nfinal_fraction = 1.1")).contains("run.toml:5:18: "));
    assert!(refused(&format!("{rate}'plateau'\nfactor = 1")).contains("must be a number above 0 and below 1"));
    assert!(refused(&format!("{rate}'step'\nfactor = 0")).contains("must be a number above 0 and at most 1"));
    for key in ["width", "decay_from"] {
        let error = refused(&format!("{rate}'inverse_sqrt'\n{key} = 0"));
        assert!(error.ends_with(&format!("`schedule.{key}` is 0, but must be a whole number from 1 to 4294967295")));
    }
    let milestones = refused(&format!("{rate}'step'\nmilestones = [5, 5]"));
    assert_eq!(
        milestones,
        "run.toml:5:14: `schedule.milestones` is a list of 2, but must be in rising order, each epoch once"
    );
}

#[test]
fn what_has_no_default_must_be_there() {
    let missing = |text: &str| refusal(text).to_string();
    assert_eq!(missing(""), "run.toml: `optimizer.name` is missing; it has no default");
    assert_eq!(missing("optimizer.name = 'sgd'"), "run.toml: `schedule.learning_rate` is missing; it has no default");
    assert_eq!(
        missing("optimizer.name = 'lookahead'"),
        "run.toml: `optimizer.inner.name` is missing; it has no default"
    );
    assert_eq!(missing("[optimizer]\nmomentum = 0.9"), "run.toml: `optimizer.name` is missing; it has no default");
}

#[test]
fn nested_lookaheads_must_sync_together() {
    let nested = |outer: &str, inner: &str| {
        format!(
            "schedule.learning_rate = 1\n[optimizer]\nname = 'lookahead'\n{outer}\n[optimizer.inner]\nname = 'averaged'\n\
                 [optimizer.inner.inner]\nname = 'lookahead'\n{inner}\ninner.name = 'sgd'"
        )
    };
    parse(&nested("sync_period = 6", "sync_period = 3"));
    assert_eq!(
        refusal(&nested("sync_period = 7", "sync_period = 3")).to_string(),
        "run.toml:4:1: `optimizer.sync_period` is 7, but must be a multiple of 3, the cycle of what is inside"
    );
    // The default counts too; it has no line, so the table's is given.
    assert!(
        refusal(&nested("", "sync_period = 3")).to_string().starts_with("run.toml:2:2: `optimizer.sync_period` is 5, ")
    );
    assert!(refusal(&nested("sync_period = 6", "")).to_string().contains("a multiple of 5"));
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        let keys = |i: usize| format!("optimizer{}", ".inner".repeat(i));
        let outer: String = (0..depth - 1).map(|i| format!("{}.name = 'lookahead'\n", keys(i))).collect();
        format!("{outer}{}.name = 'sgd'\nschedule.learning_rate = 1\n", keys(depth - 1))
    };
    assert_eq!(parse(&nested(8)).optimizer.label(), "Lookahead(".repeat(7) + "SGD" + &")".repeat(7));
    let error = refusal(&nested(9));
    assert!(matches!(&error, ConfigError::TooDeep { place: Place::File { line: 9, .. }, limit: 8, .. }), "{error:?}");
    assert!(
        error.to_string().ends_with("is the optimizer number 9 from the outside; at most 8 can be nested"),
        "{error}"
    );
    // Deeper than the TOML parser goes, in both spellings: an error, no overflow of the stack.
    refusal(&format!("optimizer = {}", "{inner=".repeat(100_000)));
    refusal(&format!("optimizer{}.name = 'sgd'", ".inner".repeat(100_000)));
}

#[test]
fn broken_toml_is_told_with_its_line() {
    for (text, line) in [
        ("seed = \n", 1),
        ("seed = 1\n[optimizer\nname = 'sgd'", 2),
        ("seed = 1\nseed = 2\n", 2),
        ("[optimizer]\nname = 'sgd'\n\n[optimizer]\n", 4),
        ("a = \"unclosed", 1),
        ("\0", 1),
    ] {
        let error = refusal(text);
        let ConfigError::Syntax { place: Place::File { line: found, file, .. }, message } = &error else {
            panic!("{error}")
        };
        assert_eq!((*found, file.as_str()), (line, "run.toml"), "{text:?}: {error}");
        assert!(!message.is_empty() && !error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn no_text_makes_it_panic() {
    // Every prefix, and every text with one byte replaced, of texts that use all of the grammar.
    for text in VALID {
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            drop(RunConfig::parse(&text[..end], "run.toml"));
            for replacement in ["", "0", "'", "{", "]", ".", "\n", "é", "-"] {
                let next = (end + 1..=text.len()).find(|&next| text.is_char_boundary(next)).unwrap();
                drop(RunConfig::parse(&format!("{}{replacement}{}", &text[..end], &text[next..]), "run.toml"));
            }
        }
    }
}

#[test]
fn what_no_machine_could_hold_is_refused() {
    let wide = vec!["16384"; 16].join(", ");
    for (model, weights) in [
        (format!("{{ hidden = [{wide}] }}"), 15 * (1_u64 << 28)),
        ("{ name = 'resnet', depth = 110, width = 1024 }".to_owned(), 300 * 18 * (1 << 20)),
        ("{ name = 'resnet152', width = 1024 }".to_owned(), 13_000 * (1 << 20)),
    ] {
        let expected =
            format!("run.toml:3:1: `model` is of {weights} weights or more, but must be of at most 3000000000");
        assert_eq!(third_line(&format!("model = {model}")), expected);
    }
    let text = format!("{SMALLEST}data = {{ name = 'made_pairs' }}\nmodel = {{ layers = 64, width = 16384 }}");
    assert!(refusal(&text).to_string().starts_with("run.toml:4:1: `model` is of "));
    let text = format!("{SMALLEST}data = {{ name = 'made_text' }}\nmodel = {{ layers = 16, hidden = 16384 }}");
    assert!(refusal(&text).to_string().starts_with("run.toml:4:1: `model` is of "));
    // The largest models of the paper are far below.
    for model in ["data = { name = 'made_pairs' }", "data = { name = 'made_text' }", "model = { name = 'resnet152' }"] {
        parse(&format!("{SMALLEST}{model}"));
    }
}

#[test]
fn texts_are_bounded() {
    let error = third_line(&format!("data = {{ name = 'fashion_mnist', dir = '{}' }}", "a".repeat(10_001)));
    assert!(error.ends_with("of at most 10000 letters") && error.len() < 300, "{error}");
    let error = third_line(&format!("{} = 1", "a".repeat(100_000)));
    assert!(error.starts_with("run.toml:3:1: unknown key `aaa") && error.len() < 600, "{error}");
    // Nesting is bounded by the reader of TOML.
    for deep in [format!("a = {}1{}", "[".repeat(60_000), "]".repeat(60_000)), format!("{}a = 1", "a.".repeat(60_000))]
    {
        assert!(third_line(&deep).len() < 600);
    }
}
