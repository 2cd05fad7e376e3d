//! The keys of texts and of sentences with their translations.

use lookahead_data::config::{DataConfig, DataKind, DataSource};
use lookahead_training::config::RunConfig;

use super::{SMALLEST, parse};

/// Every key of every data set without images occurs in one of these.
const VALID: [&str; 7] = [
    "name = 'penn_treebank', vocabulary = 3, train_limit = 200000, valid_limit = 1, dir = 'ptb.zip'",
    "name = 'text_files', train = 'a.txt', valid = 'b.txt.gz', test = 'ä', vocabulary = 1048576, dir = 'x'",
    "name = 'made_text', tokens = 16777216, vocabulary = 10000, train_limit = 7",
    "name = 'multi30k', vocabulary = 8, longest = 10000, subwords = 'subwords.json', valid_limit = 5, dir = 'x'",
    "name = 'wmt14_en_de', vocabulary = 1048576, longest = 1, subwords = 's.json', train_limit = 4500000",
    "name = 'parallel_text', source = 'a', target = 'b', valid_source = 'c', valid_target = 'd', test_source = 'e.sgm',
     test_target = 'f.sgm', vocabulary = 9, longest = 5, subwords = 's.json', train_limit = 1, dir = 'x'",
    "name = 'made_pairs', train = 1048576, valid = 1, words = 1000, valid_limit = 1",
];

fn with_data(keys: &str) -> String {
    // An inline table is one line before TOML 1.1.
    format!("{SMALLEST}data = {{ {} }}", keys.replace('\n', " "))
}

fn data(keys: &str) -> DataConfig {
    parse(&with_data(keys)).data
}

#[test]
fn what_is_written_reads_as_the_same() {
    for keys in VALID {
        let config = parse(&with_data(keys));
        let written = config.to_toml();
        let again = RunConfig::parse(&written, "written").unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!((&again, again.id()), (&config, config.id()), "{written}");
    }
}

#[test]
fn a_name_is_enough_for_what_has_defaults() {
    for (name, kind) in [
        ("penn_treebank", DataKind::Text),
        ("made_text", DataKind::Text),
        ("multi30k", DataKind::Pairs),
        ("wmt14_en_de", DataKind::Pairs),
        ("made_pairs", DataKind::Pairs),
    ] {
        let source = DataSource::named(name).unwrap();
        assert_eq!((source.name(), source.kind()), (name, kind));
        assert_eq!(data(&format!("name = '{name}'")), DataConfig::new(source));
    }
    let sizes = |name: &str| match DataSource::named(name).unwrap() {
        DataSource::Multi30k(subwords) | DataSource::Wmt14EnDe(subwords) => {
            (subwords.vocabulary.get(), subwords.longest.get())
        }
        DataSource::PennTreebank { vocabulary } => (vocabulary.get(), 0),
        source => panic!("{source:?}"),
    };
    assert_eq!(["penn_treebank", "multi30k", "wmt14_en_de"].map(sizes), [(10_000, 0), (8000, 100), (37_000, 100)]);
    assert_eq!((DataSource::named("text_files"), DataSource::named("parallel_text")), (None, None));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let told = |keys: &str| RunConfig::parse(&with_data(keys), "run.toml").expect_err(keys).to_string();
    let text = "a whole number from 3 to 1048576";
    let pairs = "a whole number from 8 to 1048576";
    for (keys, column, key, accepted) in [
        ("name = 'penn_treebank', vocabulary = 2", 47, "`data.vocabulary` is 2", text),
        ("name = 'penn_treebank', vocabulary = 1048577", 47, "`data.vocabulary` is 1048577", text),
        ("name = 'made_text', vocabulary = 10001", 43, "`data.vocabulary` is 10001", "a whole number from 3 to 10000"),
        ("name = 'made_text', tokens = 0", 39, "`data.tokens` is 0", "a whole number from 1 to 16777216"),
        ("name = 'multi30k', vocabulary = 7", 42, "`data.vocabulary` is 7", pairs),
        ("name = 'wmt14_en_de', vocabulary = '37k'", 45, "`data.vocabulary` is \"37k\"", pairs),
        ("name = 'multi30k', longest = 0", 39, "`data.longest` is 0", "a whole number from 1 to 10000"),
        (
            "name = 'multi30k', subwords = 1",
            40,
            "`data.subwords` is 1",
            "the path of a tokenizer's JSON file, as a string",
        ),
        ("name = 'made_pairs', words = 1001", 39, "`data.words` is 1001", "a whole number from 1 to 1000"),
        (
            "name = 'text_files', valid = 'b', train = 1",
            52,
            "`data.train` is 1",
            "the path of a text file, as a string",
        ),
    ] {
        assert_eq!(told(keys), format!("run.toml:3:{column}: {key}, but must be {accepted}"));
    }
    for (keys, missing) in [
        ("name = 'text_files', train = 'a'", "data.valid"),
        ("name = 'parallel_text', target = 'b', valid_source = 'c', valid_target = 'd'", "data.source"),
        // One side of a test part without the other.
        (
            "name = 'parallel_text', source = 'a', target = 'b', valid_source = 'c', valid_target = 'd', test_source = 'e'",
            "data.test_target",
        ),
    ] {
        assert_eq!(told(keys), format!("run.toml: `{missing}` is missing; it has no default"));
    }
    for (keys, unknown) in [
        ("name = 'penn_treebank', augmentation = 'crop_flip'", "`data.augmentation`"),
        ("name = 'made_text', dir = 'x'", "`data.dir`"),
        ("name = 'made_pairs', vocabulary = 100", "`data.vocabulary`"),
    ] {
        let error = told(keys);
        assert!(error.starts_with("run.toml:3:") && error.contains(&format!("unknown key {unknown}")), "{error}");
    }
}
