//! The lab's readers of texts: lines, compressed or not, SGML, aligned files, vocabularies and tokenizers.

use std::fs;
use std::io::Write;
use std::path::Path;

use bolero::check;
use flate2::{Compression, write::GzEncoder};
use lookahead_data::config::{DataConfig, DataSource, ParallelConfig, SubwordsConfig};
use lookahead_data::{Corpus, Pairs, Subwords, read_segments};
use lookahead_fuzz::{damaged, edits};

const ITERATIONS: usize = 20_000;
/// Where each one writes files, or reads a tokenizer.
const FEW: usize = 2000;

const TEXT: &str = "the cat sat\nthe <unk> hat\n\nder Löwe <eos>\r\n";
const SGML: &str =
    "<srcset>\n<doc>\n<seg id=\"1\">Salt &amp; pepper</seg>\n<seg id=\"2\">&#228; \n b</seg></doc></srcset>";

#[test]
fn any_text_as_sgml() {
    check!().with_iterations(ITERATIONS).for_each(|bytes| segments(&String::from_utf8_lossy(bytes)));
}

#[test]
fn damaged_sgml() {
    check!()
        .with_iterations(ITERATIONS)
        .with_generator(edits())
        .for_each(|edits| segments(&String::from_utf8_lossy(&damaged(SGML.as_bytes(), edits))));
}

/// Each segment is one line, and written again it reads as itself.
fn segments(text: &str) {
    let Ok(segments) = read_segments(text, "test.sgm") else { return };
    let escaped = |segment: &String| segment.replace('&', "&amp;").replace('<', "&lt;");
    let again: String = segments.iter().map(|segment| format!("<seg>{}</seg>\n", escaped(segment))).collect();
    assert_eq!(read_segments(&again, "again.sgm").unwrap(), segments);
    assert!(segments.iter().all(|segment| segment.lines().count() <= 1));
}

#[test]
fn a_damaged_text() {
    let folder = tempfile::tempdir().unwrap();
    check!()
        .with_iterations(FEW)
        .with_generator(edits())
        .for_each(|edits| corpus(folder.path(), &damaged(TEXT.as_bytes(), edits)));
}

#[test]
fn a_damaged_compressed_text() {
    let (folder, whole) = (tempfile::tempdir().unwrap(), compressed(TEXT.as_bytes()));
    check!()
        .with_iterations(FEW)
        .with_generator(edits())
        .for_each(|edits| corpus(folder.path(), &damaged(&whole, edits)));
}

/// Either the error names the file, or all tokens are words of the vocabulary.
fn corpus(folder: &Path, train: &[u8]) {
    fs::write(folder.join("train.txt"), train).unwrap();
    fs::write(folder.join("valid.txt"), TEXT).unwrap();
    let source = DataSource::TextFiles {
        train: "train.txt".to_owned(),
        valid: "valid.txt".to_owned(),
        test: None,
        vocabulary: 6.try_into().unwrap(),
    };
    match Corpus::load(&config(source, folder)) {
        Err(error) => assert!(error.to_string().contains("train.txt"), "{error}"),
        Ok(corpus) => {
            assert!(corpus.vocabulary.len() <= 6);
            assert!(corpus.train.iter().chain(&corpus.valid).all(|&id| corpus.vocabulary.word(id).is_some()));
        }
    }
}

#[test]
fn damaged_aligned_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    check!().with_iterations(FEW).with_generator((edits(), edits())).for_each(|(source, target)| {
        fs::write(path.join("train.en"), damaged(TEXT.as_bytes(), source)).unwrap();
        fs::write(path.join("train.de.sgm"), damaged(SGML.as_bytes(), target)).unwrap();
        let [source, valid_source] = ["train.en", "train.en"].map(str::to_owned);
        let [target, valid_target] = ["train.de.sgm", "train.de.sgm"].map(str::to_owned);
        let (test_source, test_target) = (None, None);
        let [vocabulary, longest] = [40, 20].map(|count| count.try_into().unwrap());
        let subwords = SubwordsConfig { vocabulary, longest, subwords: None };
        let files = ParallelConfig { source, target, valid_source, valid_target, test_source, test_target, subwords };
        match Pairs::load(&config(DataSource::ParallelText(files), path)) {
            Err(error) => assert!(error.to_string().contains("train."), "{error}"),
            Ok(pairs) => {
                assert_eq!(pairs.train.len() as u64 + pairs.skipped.too_long, pairs.valid.len() as u64);
                assert!(pairs.train.iter().all(|pair| pair.source.len().max(pair.target.len()) <= 20));
                let mut ids = pairs.valid.iter().flat_map(|pair| pair.source.iter().chain(&pair.target));
                assert!(ids.all(|&id| (id as usize) < pairs.subwords.len()));
            }
        }
    });
}

#[test]
fn a_damaged_tokenizer() {
    let json = Subwords::train(TEXT.lines().map(str::to_owned), 40).unwrap().to_json();
    check!().with_iterations(FEW).with_generator(edits()).for_each(|edits| {
        let json = String::from_utf8_lossy(&damaged(json.as_bytes(), edits)).into_owned();
        let Ok(subwords) = Subwords::from_json(&json, "subwords.json") else { return };
        let ids = subwords.encode("the Löwe sat </s> 字");
        assert!(ids.iter().all(|&id| (id as usize) < subwords.len()), "{ids:?}");
        let _ = subwords.decode(&ids);
    });
}

fn config(source: DataSource, folder: &Path) -> DataConfig {
    DataConfig { dir: Some(folder.display().to_string()), ..DataConfig::new(source) }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
