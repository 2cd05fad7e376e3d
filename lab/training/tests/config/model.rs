//! The residual networks in a configuration: defaults, what is written back, and what each mistake is told.

use lookahead_models::config::{ModelConfig, NetworkConfig, StemConfig};
use lookahead_settings::ConfigError;
use lookahead_training::config::RunConfig;

use super::{SMALLEST, parse};

fn model(table: &str) -> NetworkConfig {
    match parse(&format!("{SMALLEST}model = {table}")).model {
        ModelConfig::Network(network) => network,
        other => panic!("not a network for images: {other:?}"),
    }
}

fn refusal(table: &str) -> ConfigError {
    RunConfig::parse(&format!("{SMALLEST}model = {table}"), "run.toml").expect_err(table)
}

#[test]
fn defaults_are_the_networks_as_published() {
    let NetworkConfig::ResNet { depth, width } = model("{ name = 'resnet' }") else {
        panic!("not the network asked for")
    };
    assert_eq!((depth.get(), width.get()), (20, 16));
    assert_eq!(model("{ name = 'resnet18' }"), NetworkConfig::ResNet18 { width: 64.try_into().unwrap() });
    let (width, stem) = (64.try_into().unwrap(), StemConfig::Imagenet);
    assert_eq!(model("{ name = 'resnet50' }"), NetworkConfig::ResNet50 { width, stem });
    assert_eq!(model("{ name = 'resnet152' }"), NetworkConfig::ResNet152 { width, stem });
}

#[test]
fn the_written_network_reads_as_the_same_one() {
    for (table, written) in [
        ("{ name = 'resnet', depth = 8 }", "name = \"resnet\"\ndepth = 8\nwidth = 16\n"),
        ("{ name = 'resnet', depth = 110, width = 1 }", "name = \"resnet\"\ndepth = 110\nwidth = 1\n"),
        ("{ name = 'resnet18', width = 1024 }", "name = \"resnet18\"\nwidth = 1024\n"),
        ("{ name = 'resnet50', stem = 'small' }", "name = \"resnet50\"\nwidth = 64\nstem = \"small\"\n"),
        ("{ name = 'resnet152', width = 8 }", "name = \"resnet152\"\nwidth = 8\nstem = \"imagenet\"\n"),
    ] {
        let config = parse(&format!("{SMALLEST}model = {table}"));
        let text = config.to_toml();
        assert!(text.contains(&format!("[model]\n{written}")), "{text}");
        assert_eq!(RunConfig::parse(&text, "written").unwrap(), config);
    }
}

#[test]
fn a_depth_is_6n_plus_2() {
    for depth in ["7", "9", "2", "0", "-2", "18", "104.0", "116", "4294967298", "18446744073709551616", "'20'"] {
        let error = refusal(&format!("{{ name = 'resnet', depth = {depth} }}")).to_string();
        let depth = depth.replace('\'', "\"");
        let expected = format!(
            "run.toml:3:36: `model.depth` is {depth}, but must be a whole number from 8 to 110 that is 6n + 2, \
             such as 8, 20, 32, 56 or 110"
        );
        assert_eq!(error, expected);
    }
    for depth in (8..=110).step_by(6) {
        let NetworkConfig::ResNet { depth: read, .. } = model(&format!("{{ name = 'resnet', depth = {depth} }}"))
        else {
            panic!("not the network asked for")
        };
        assert_eq!(read.get(), depth);
        assert_eq!(6 * read.blocks_per_stage() + 2, depth as usize);
    }
}

#[test]
fn widths_stems_and_names_are_checked() {
    for name in ["resnet", "resnet18", "resnet50", "resnet152"] {
        for width in ["0", "1025", "-1", "16.0"] {
            let error = refusal(&format!("{{ name = '{name}', width = {width} }}")).to_string();
            let expected = format!("`model.width` is {width}, but must be a whole number from 1 to 1024");
            assert!(error.ends_with(&expected), "{error}");
        }
    }
    let error = refusal("{ name = 'resnet50', stem = 'cifar' }").to_string();
    assert!(error.ends_with("`model.stem` is \"cifar\", but must be \"imagenet\" or \"small\""), "{error}");
    let error = refusal("{ name = 'resnet34' }").to_string();
    assert!(
        error.contains(
            "\"mlp\" or \"cnn\" or \"resnet\" or \"resnet18\" or \"resnet50\" or \"resnet152\" (did you mean `resnet"
        ),
        "{error}"
    );
}

#[test]
fn each_network_takes_its_own_keys_alone() {
    for (table, key, accepted) in [
        ("{ name = 'resnet', stem = 'small' }", "model.stem", &["name", "depth", "width"][..]),
        ("{ name = 'resnet18', stem = 'small' }", "model.stem", &["name", "width"]),
        ("{ name = 'resnet50', depth = 50 }", "model.depth", &["name", "width", "stem"]),
        ("{ name = 'resnet152', hidden = [8] }", "model.hidden", &["name", "width", "stem"]),
        ("{ depth = 20 }", "model.depth", &["name", "hidden"]),
    ] {
        let ConfigError::UnknownKey { key: unknown, accepted: known, .. } = refusal(table) else { panic!("{table}") };
        assert_eq!((unknown.as_str(), known), (key, accepted), "{table}");
    }
}
