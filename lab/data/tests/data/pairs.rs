//! Translations: aligned files in every form, what is left out, and what each damage is told.

use std::fs;
use std::path::Path;

use lookahead_data::config::{DataConfig, DataSource, ParallelConfig, SubwordsConfig};
use lookahead_data::{Data, DataError, Pair, Pairs, SkippedPairs, UNK, read_segments, token_batches};

use crate::support::{config, gzip};

const SOURCE: &str = "a dog runs .\nthe cat sleeps .\na cat runs .\n";
const TARGET: &str = "ein Hund rennt .\ndie Katze schläft .\neine Katze rennt .\n";

fn subwords(longest: u32) -> SubwordsConfig {
    let [vocabulary, longest] = [60, longest].map(|count| count.try_into().unwrap());
    SubwordsConfig { vocabulary, longest, subwords: None }
}

/// A configuration of four files.
fn files(dir: &Path, names: [&str; 4], longest: u32) -> DataConfig {
    let [source, target, valid_source, valid_target] = names.map(str::to_owned);
    let (test_source, test_target) = (None, None);
    let subwords = subwords(longest);
    let files = ParallelConfig { source, target, valid_source, valid_target, test_source, test_target, subwords };
    config(DataSource::ParallelText(files), Some(&dir.display().to_string()), [0, 0])
}

const NAMES: [&str; 4] = ["train.en", "train.de", "valid.en", "valid.de"];

/// The pairs of four files.
fn load(contents: [&[u8]; 4], longest: u32) -> Result<Pairs, DataError> {
    let folder = tempfile::tempdir().unwrap();
    NAMES.iter().zip(contents).for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
    Pairs::load(&files(folder.path(), NAMES, longest))
}

fn usual() -> [&'static [u8]; 4] {
    [SOURCE.as_bytes(), TARGET.as_bytes(), b"a dog sleeps .\n", "ein Hund schläft .\n".as_bytes()]
}

fn texts(pairs: &[Pair]) -> Vec<(&str, &str)> {
    pairs.iter().map(|pair| (pair.source_text.as_str(), pair.target_text.as_str())).collect()
}

#[test]
fn aligned_files_become_subwords_of_one_vocabulary() {
    let pairs = load(usual(), 100).unwrap();
    assert_eq!((pairs.train.len(), pairs.valid.len(), pairs.test.len()), (3, 1, 0));
    assert_eq!(pairs.skipped, SkippedPairs::default());
    assert!(pairs.subwords.len() <= 60);
    for (pair, (source, target)) in pairs.train.iter().zip(SOURCE.lines().zip(TARGET.lines())) {
        assert_eq!(
            (pairs.subwords.decode(&pair.source), pairs.subwords.decode(&pair.target)),
            (source.into(), target.into())
        );
        assert_eq!(pair.source, pairs.subwords.encode(source));
        assert_eq!((&*pair.source_text, &*pair.target_text), ("", ""));
    }
    assert_eq!(texts(&pairs.valid), [("a dog sleeps .", "ein Hund schläft .")]);
    let expected = format!("train.en and train.de, 3 + 1 pairs, {} subwords", pairs.subwords.len());
    assert_eq!(pairs.description, expected);
}

#[test]
fn files_may_be_compressed_and_end_their_lines_in_any_way() {
    let expected = load(usual(), 100).unwrap();
    let [source, target, valid_source, valid_target] = usual();
    let compressed = gzip(source);
    let windows = TARGET.replace('\n', "\r\n");
    let open = &valid_target[..valid_target.len() - 1];
    let marked = ["\u{feff}".as_bytes(), target].concat();
    for contents in [
        [&*compressed, target, valid_source, valid_target],
        [source, windows.as_bytes(), valid_source, valid_target],
        [source, target, valid_source, open],
        [source, &*marked, valid_source, valid_target],
    ] {
        assert_eq!(load(contents, 100).unwrap(), expected);
    }
}

#[test]
fn empty_and_long_pairs_are_left_out_and_counted() {
    let [source, target, ..] = usual();
    let source = [source, b"\nnothing\na dog runs . a cat runs . a dog runs . a cat runs .\n"].concat();
    let target = [target, b"nichts\n \nkurz\n"].concat();
    let valid_source = b"\nthe dog runs . the cat runs . the dog runs . the cat runs .\n";
    let pairs = load([&source, &target, valid_source, b"leer\nlang\n"], 16).unwrap();
    assert_eq!(pairs.skipped, SkippedPairs { empty: 3, too_long: 1 });
    assert_eq!(pairs.train.len(), 3);
    assert!(pairs.description.ends_with(", 3 empty and 1 too long left out"), "{}", pairs.description);
    // However long, what is evaluated on stays whole.
    assert!(pairs.valid.len() == 1 && pairs.valid[0].source.len() > 16);
}

#[test]
fn what_cannot_be_read_is_told() {
    let [source, target, valid_source, valid_target] = usual();
    let told = |contents| load(contents, 100).unwrap_err().to_string();
    let short = "ein Hund rennt .\n".as_bytes();
    for (contents, counts) in [
        ([source, short, valid_source, valid_target], ["train.en has 3 lines", "train.de has 1:"]),
        ([short, target, valid_source, valid_target], ["train.en has 1 line,", "train.de has 3:"]),
        ([source, target, valid_source, b""], ["valid.en has 1 line,", "valid.de has 0:"]),
    ] {
        let error = told(contents);
        assert!(counts.iter().all(|count| error.contains(count)), "{error}");
    }
    assert!(told([source, b"ein\nzwei\n\xff\n", valid_source, valid_target]).ends_with("train.de:3: not valid UTF-8"));
    // Which side is empty is not known from the pairs: both are named.
    for (contents, names, part) in [
        ([b"".as_slice(), b"", valid_source, valid_target], ["train.en with ", "train.de: "], "no training examples"),
        ([source, target, b"\n", b"\n"], ["valid.en with ", "valid.de: "], "no validation examples"),
        ([source, target, b"a dog\n", b" \n"], ["valid.en with ", "valid.de: "], "no validation examples"),
    ] {
        let error = told(contents);
        assert!(names.iter().all(|name| error.contains(name)) && error.ends_with(part), "{error}");
    }
    let compressed = gzip(source);
    let damaged = &compressed[..compressed.len() - 4];
    assert!(told([damaged, target, valid_source, valid_target]).ends_with("train.en: damaged gzip data"));
    let too_long = load(usual(), 1).unwrap_err().to_string();
    let expected = "train.en: all 3 pairs have more than 1 subwords on a side (data.longest), none is left";
    assert!(too_long.ends_with(expected), "{too_long}");
}

#[test]
fn what_cannot_be_evaluated_on_is_told_before_subwords_are_learned() {
    let [source, target, valid_source, valid_target] = usual();
    // Learning subwords reads all of the training part: what is wrong at its end is told later.
    let damaged = b"ein Hund rennt .\ndie Katze\n\xff\n".as_slice();
    assert!(load([source, damaged, valid_source, valid_target], 100).unwrap_err().to_string().contains("train.de:3"));
    for (valid, expected) in [
        ([b"a dog sleeps .\n\xff\n".as_slice(), b"eins\nzwei\n"], "valid.en:2"),
        ([valid_source, b"eins\nzwei\n"], "valid.de"),
        ([b"\n", b"\n"], "valid.en"),
    ] {
        for train in [target, damaged] {
            let error = load([source, train, valid[0], valid[1]], 100).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[test]
fn a_sentence_of_any_length_does_not_fill_the_memory() {
    let [source, target, valid_source, valid_target] = usual();
    let long = b"a ".repeat((1 << 19) + 1);
    for contents in [[&long[..], target, valid_source, valid_target], [source, target, &gzip(&long), valid_target]]
        .map(|it| load(it, 100))
    {
        let error = contents.unwrap_err().to_string();
        assert!(
            error.ends_with("en:1: this line has more than 1048576 bytes, the most that are read of one"),
            "{error}"
        );
    }
}

#[test]
fn the_share_of_unknown_subwords_is_said() {
    // A vocabulary of 60 keeps 56 characters, and the space before each word is one of them.
    let characters: String = (0..1100_u32).map(|n| format!("{}\n", char::from_u32(0x4e00 + n).unwrap())).collect();
    let pairs = load([characters.as_bytes(), characters.as_bytes(), b"x\n", b"x\n"], 100).unwrap();
    let source: Vec<u32> = pairs.train.iter().flat_map(|pair| pair.source.clone()).collect();
    let unknown = source.iter().filter(|&&id| id == UNK).count();
    assert!(unknown > 1000, "{unknown}");
    let share = 100.0 * unknown as f64 / source.len() as f64;
    assert!(pairs.description.contains(&format!(" subwords, {share:.2} + ")), "{}", pairs.description);
    assert!(pairs.description.ends_with(" % unknown"), "{}", pairs.description);
}

#[test]
fn files_that_are_missing_are_named_with_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display().to_string();
    let told = |source: DataSource| Pairs::load(&config(source, Some(&dir), [0, 0])).unwrap_err().to_string();
    for (source, places) in [
        (DataSource::Multi30k(subwords(100)), ["train.en.gz", "multi30k/train.en"]),
        (DataSource::Wmt14EnDe(subwords(100)), ["europarl-v7.de-en.en", "wmt14-en-de/europarl-v7.de-en.en"]),
    ] {
        let name = source.name();
        let error = told(source);
        assert!(error.starts_with(&format!("{name} is not here; looked for {dir}/")), "{error}");
        assert!(places.iter().all(|place| error.contains(&format!("{dir}/{place}"))), "{error}");
        assert!(error.contains(&format!("`lookahead data fetch {name}` gets it")), "{error}");
    }
    let absent = files(folder.path(), NAMES, 100);
    let advice = "train.en is missing (the configuration's [data] names it; such paths are relative to `dir`, without it all \
                  to the configuration's file, or all to `data`)";
    for error in [Pairs::load(&absent).map(drop), Data::find(&absent).map(drop)] {
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with(advice), "{error}");
    }
}

#[test]
fn limits_keep_the_first_pairs_but_all_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let [source, target, valid_source, valid_target] = NAMES;
    write(source, SOURCE);
    write(target, TARGET);
    write(valid_source, SOURCE);
    write(valid_target, TARGET);
    let mut config = files(folder.path(), NAMES, 100);
    config.train_limit = Some(2.try_into().unwrap());
    config.valid_limit = Some(1.try_into().unwrap());
    let pairs = Pairs::load(&config).unwrap();
    assert_eq!((pairs.train.len(), pairs.valid.len()), (2, 1));
    // The subwords are of the two pairs: the third has the only "eine".
    assert!(pairs.subwords.encode("eine").len() > 1);
    write(target, &TARGET.replace("rennt .\n", "rennt ."));
    assert!(matches!(Pairs::load(&config), Err(DataError::LineCounts { source_lines: 3, target_lines: 2, .. })));
}

#[test]
fn a_test_set_in_sgml_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("train.en", SOURCE.as_bytes());
    write("train.de", TARGET.as_bytes());
    let sgml = |texts: [&str; 2]| {
        let [first, second] = texts;
        let segments = format!("<seg id=\"1\">{first}</seg>\n</p>\n<SEG id=\"2\" >{second}</SEG>\n");
        format!("<srcset setid=\"x\">\n<doc docid=\"d\">\n<hl>\n{segments}</hl></doc>\n</srcset>\n")
    };
    write("valid.en.sgm", sgml(["Salt &amp; pepper", " two\n  lines "]).as_bytes());
    write("valid.de.SGM.gz", &gzip(sgml(["Salz &amp; Pfeffer", "zwei Zeilen"]).as_bytes()));
    let names = ["train.en", "train.de", "valid.en.sgm", "valid.de.SGM.gz"];
    let pairs = Pairs::load(&files(folder.path(), names, 100)).unwrap();
    assert_eq!(texts(&pairs.valid), [("Salt & pepper", "Salz & Pfeffer"), ("two lines", "zwei Zeilen")]);

    let line = |text: &str| match read_segments(text, "x.sgm") {
        Err(DataError::Sgml { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line("<doc>\n</doc>\n"), 1);
    assert_eq!(line("<doc>\n\n<seg id=\"1\">text\n"), 3);
    assert_eq!(line("<seg>a</seg>\n<seg id=\"2\""), 2);
    assert_eq!(line("<seg>a\n<seg>b</seg>"), 1);
    assert_eq!(read_segments("<segment>no</segment><seg></seg>", "x").unwrap(), [""]);
    let entities = "<seg>&lt;b&gt; &quot;&apos;&#228;&#xE4; &amp;lt; R&D &unknown; &#xD800;</seg>";
    assert_eq!(read_segments(entities, "x").unwrap(), ["<b> \"'ää &lt; R&D &unknown; &#xD800;"]);
    assert_eq!(read_segments("<seg>one&#10;line &#32; only&#160;</seg>", "x").unwrap(), ["one line only"]);
}

/// The files of Multi30k in a folder, some of them compressed.
fn multi30k(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, lines) in [("train", 3), ("val", 2), ("test_2016_flickr", 1)] {
        for (language, text) in [("en", SOURCE), ("de", TARGET)] {
            let text: String = text.split_inclusive('\n').take(lines).collect();
            fs::write(folder.join(format!("{part}.{language}.gz")), gzip(text.as_bytes())).unwrap();
        }
    }
    fs::remove_file(folder.join("val.en.gz")).unwrap();
    fs::write(folder.join("val.en"), SOURCE.lines().take(2).collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn multi30k_is_found_in_either_place() {
    for below in ["", "multi30k"] {
        let folder = tempfile::tempdir().unwrap();
        let source = DataSource::Multi30k(subwords(100));
        let config = config(source, Some(&folder.path().display().to_string()), [0, 0]);
        let absent = Pairs::load(&config).unwrap_err().to_string();
        assert!(absent.contains("train.en.gz") && absent.contains("lookahead data fetch multi30k"), "{absent}");
        let place = folder.path().join(below);
        multi30k(&place);
        let pairs = Pairs::load(&config).unwrap();
        assert!(pairs.description.starts_with("Multi30k English-German, 3 + 2 + 1 pairs, "), "{}", pairs.description);
        assert_eq!(texts(&pairs.test), [("a dog runs .", "ein Hund rennt .")]);
        assert!(Data::find(&config).unwrap().is_some());
        fs::remove_file(place.join("val.de.gz")).unwrap();
        assert!(matches!(Pairs::load(&config), Err(DataError::MissingFile { .. })));
    }
}

#[test]
fn wmt14_is_three_texts_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    for name in ["europarl-v7.de-en", "commoncrawl.de-en", "news-commentary-v9.de-en"] {
        write(&format!("{name}.en"), SOURCE);
        write(&format!("{name}.de"), TARGET);
    }
    write("newstest2013-src.en.sgm", "<seg>a dog</seg>");
    write("newstest2013-ref.de.sgm", "<seg>ein Hund</seg>");
    write("newstest2014-deen-src.en.sgm", "<seg>a cat</seg>");
    write("newstest2014-deen-ref.de.sgm", "<seg>eine Katze</seg>");
    let config = config(DataSource::Wmt14EnDe(subwords(100)), Some(&folder.path().display().to_string()), [0, 0]);
    let pairs = Pairs::load(&config).unwrap();
    assert_eq!(pairs.train.len(), 9);
    assert_eq!((texts(&pairs.valid), texts(&pairs.test)), (vec![("a dog", "ein Hund")], vec![("a cat", "eine Katze")]));
    // The test set of 2013 may also be plain text.
    for language in ["en", "de"] {
        write(&format!("newstest2013.{language}"), &format!("2013 {language}"));
    }
    assert_eq!(texts(&Pairs::load(&config).unwrap().valid), [("2013 en", "2013 de")]);
    // Each text has to match its own translation.
    write("commoncrawl.de-en.de", "eins\n");
    let error = Pairs::load(&config).unwrap_err();
    assert!(matches!(error, DataError::LineCounts { source_lines: 3, target_lines: 1, .. }), "{error}");
}

#[test]
fn made_pairs_are_always_the_same_and_translate_word_by_word() {
    let source = DataSource::named("made_pairs").unwrap();
    let load = |limits| Pairs::load(&config(source.clone(), None, limits)).unwrap();
    let pairs = load([0, 0]);
    assert_eq!(pairs, load([0, 0]));
    let limited = load([10, 5]);
    assert_eq!([limited.train.len(), limited.valid.len(), limited.test.len()], [10, 5, 5]);
    for pair in pairs.train.iter().chain(&pairs.valid) {
        // Every word is one subword.
        assert_eq!(pair.source.len(), pair.target.len());
        assert!((3..=8).contains(&pair.source.len()));
    }
    let translation = |pair: &Pair| -> Vec<(u32, u32)> {
        pair.source.iter().copied().zip(pair.target.iter().rev().copied()).collect()
    };
    let mut dictionary: Vec<(u32, u32)> = pairs.train.iter().flat_map(translation).collect();
    dictionary.sort();
    dictionary.dedup();
    assert_eq!(dictionary.len(), 30);
    assert!(pairs.valid.iter().flat_map(translation).all(|entry| dictionary.contains(&entry)));
}

#[test]
fn batches_are_within_their_tokens_and_depend_on_the_seed_alone() {
    let pairs =
        load([SOURCE.repeat(40).as_bytes(), TARGET.repeat(40).as_bytes(), b"a\n", b"ein\n"], 100).unwrap().train;
    let batches = token_batches(&pairs, 64, 7);
    assert_eq!(batches, token_batches(&pairs, 64, 7));
    assert_ne!(batches, token_batches(&pairs, 64, 8));
    let longest =
        |batch: &[u32]| batch.iter().map(|&i| &pairs[i as usize]).map(|p| p.source.len().max(p.target.len())).max();
    for batch in &batches {
        assert!(batch.len() * (longest(batch).unwrap() + 1) <= 64);
    }
    assert!(batches.is_sorted_by_key(|batch| longest(batch)));
    let mut all: Vec<u32> = batches.concat();
    all.sort();
    assert_eq!(all, (0..pairs.len() as u32).collect::<Vec<_>>());
    // With fewer tokens than a pair has, each is alone.
    assert_eq!(token_batches(&pairs, 1, 0).len(), pairs.len());
    assert_eq!(token_batches(&[], 64, 0), [[0_u32; 0]; 0]);
}
