//! The law of data sets: a flipped bit, a cut or a missing file leads to the same data or to an error or to another hash,
//! on which a run that was begun refuses to go on, but never to other data under the same hash.

use std::fs;
use std::path::Path;

use lookahead_data::config::{DataConfig, DataSource, OnCorrupt, ParallelConfig, SubwordsConfig};
use lookahead_data::{Data, DataError};

use crate::support::{config, gzip, idx_images, idx_labels, pixels_of, solid_jpeg, tar, zip};

type File = (String, Vec<u8>);

/// What a run would be done with.
#[derive(Debug, PartialEq)]
struct Loaded {
    sha256: String,
    numbers: Vec<f32>,
    words: Vec<String>,
}

fn load(config: &DataConfig) -> Result<Loaded, DataError> {
    let data = Data::load(config)?;
    let mut loaded = Loaded { sha256: data.sha256(), numbers: Vec::new(), words: Vec::new() };
    match &data {
        Data::Images(images) => {
            for part in [&images.train, &images.valid] {
                loaded.numbers.extend(pixels_of(part)?);
                loaded.numbers.extend(part.labels().iter().map(|&label| f32::from(label)));
            }
        }
        Data::Text(text) => {
            for part in [&text.train, &text.valid, &text.test] {
                loaded.words.extend(part.iter().map(|&id| text.vocabulary.word(id).unwrap().to_owned()));
            }
        }
        Data::Pairs(pairs) => loaded.words.push(format!("{:?}", [&pairs.train, &pairs.valid, &pairs.test])),
        _ => unreachable!(),
    }
    Ok(loaded)
}

/// Numbers that look random (Knuth's multiplier), always the same.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// Writes the files and damages each in every way; how many damages were found.
fn holds(source: DataSource, place: &str, files: &[File]) -> usize {
    const FLIPS: usize = 40;
    const CUTS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join(place);
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let config = config(source, Some(dir.to_str().unwrap()), [0, 0]);
    let whole = load(&config).unwrap();
    let (mut draws, mut found) = (Draws(7), 0);
    let mut damaged = |path: &Path, bytes: Option<&[u8]>, keeps_time: bool, what: &str| {
        let time = fs::metadata(path).unwrap().modified().unwrap();
        bytes.map_or_else(|| fs::remove_file(path), |bytes| fs::write(path, bytes)).unwrap();
        if keeps_time {
            fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
        match load(&config) {
            Ok(loaded) if loaded.sha256 == whole.sha256 => {
                assert!(loaded == whole, "{}: {what} gives other data under the same hash", path.display());
            }
            _ => found += 1,
        }
    };
    for (name, content) in files {
        let path = folder.path().join(name);
        for number in 0..FLIPS {
            let (place, bit) = (draws.below(content.len()), draws.below(8));
            if number % 2 == 0 {
                // So that the hash of what is whole is known under this very time.
                let _ = load(&config).unwrap();
            }
            let mut bytes = content.clone();
            bytes[place] ^= 1 << bit;
            // As a copy does it: the time stays.
            damaged(&path, Some(&bytes), number % 2 == 0, &format!("bit {bit} of byte {place}"));
            fs::write(&path, content).unwrap();
        }
        for _ in 0..CUTS {
            let length = draws.below(content.len());
            damaged(&path, Some(&content[..length]), false, &format!("a cut to {length} bytes"));
        }
        damaged(&path, None, false, "a file less");
        fs::write(&path, content).unwrap();
    }
    assert!(load(&config).unwrap() == whole);
    found
}

fn text(lines: usize, seed: usize) -> Vec<u8> {
    const WORDS: [&str; 7] = ["the", "cat", "sat", "<unk>", "on", "Löwe", "."];
    let line =
        |line: usize| (0..5).map(|word| WORDS[(line * 3 + word * word + seed) % 7]).collect::<Vec<_>>().join(" ");
    (0..lines).map(|number| line(number) + "\n").collect::<String>().into_bytes()
}

#[test]
fn of_cifar() {
    let record = |label: u8| [vec![label], (0..3072_u32).map(|place| (place * 31 + u32::from(label)) as u8).collect()];
    let names = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];
    let file =
        |(label, name): (u8, &str)| (format!("{name}.bin"), [record(label), record(label + 3)].concat().concat());
    let files: Vec<File> = (0..).zip(names).map(file).collect();
    assert!(holds(DataSource::Cifar10, "", &files) > 300);
    let inside: Vec<File> = files.into_iter().map(|(name, content)| (format!("bin/{name}"), content)).collect();
    let archive = |name: &str, bytes| vec![(name.to_owned(), bytes)];
    assert!(holds(DataSource::Cifar10, "a.tar", &archive("a.tar", tar(&inside))) > 20);
    assert!(holds(DataSource::Cifar10, "a.tar.gz", &archive("a.tar.gz", gzip(&tar(&inside)))) > 40);
}

#[test]
fn of_idx() {
    let pixels: Vec<u8> = (0..4 * 784_u32).map(|place| (place * 7) as u8).collect();
    let part = |prefix: &str, compress: &dyn Fn(&[u8]) -> Vec<u8>, ending: &str| {
        let images = compress(&idx_images(4, 28, 28, &pixels));
        let labels = compress(&idx_labels(4, &[0, 3, 6, 9]));
        [
            (format!("{prefix}-images-idx3-ubyte{ending}"), images),
            (format!("{prefix}-labels-idx1-ubyte{ending}"), labels),
        ]
    };
    let files = [part("train", &gzip, ".gz"), part("t10k", &|bytes| bytes.to_vec(), "")].concat();
    assert!(holds(DataSource::FashionMnist, "", &files) > 150);
}

#[test]
fn of_pictures() {
    let source = || DataSource::ImageFolders { size: 8.try_into().unwrap(), on_corrupt: OnCorrupt::Refuse };
    let png = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8, y as u8, 7]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    };
    let mut files = vec![("train/a/2.JPEG".to_owned(), png)];
    for (name, shade) in [("train/a/1", 10), ("train/b/1", 60), ("val/a/1", 110), ("val/b/1", 160)] {
        files.push((format!("{name}.jpg"), solid_jpeg([shade; 3], 9, 9)));
    }
    // Every damage is another content, so every one is found; here also where damaged pictures are to be skipped.
    let all = files.len() * 53;
    assert_eq!(holds(source(), "", &files), all);
    let skipping = DataSource::ImageFolders { size: 8.try_into().unwrap(), on_corrupt: OnCorrupt::Skip };
    assert_eq!(holds(skipping, "", &files), all);
    let inside: Vec<File> = files.into_iter().map(|(name, content)| (format!("set/{name}"), content)).collect();
    assert!(holds(source(), "a.tar", &[("a.tar".to_owned(), tar(&inside))]) > 25);
}

#[test]
fn of_texts() {
    let names = |train: &str| DataSource::TextFiles {
        train: train.to_owned(),
        valid: "valid.txt".to_owned(),
        test: Some("test.txt.gz".to_owned()),
        vocabulary: 6.try_into().unwrap(),
    };
    let file = |name: &str, bytes| (name.to_owned(), bytes);
    let files = [file("train.txt", text(40, 0)), file("valid.txt", text(8, 1)), file("test.txt.gz", gzip(&text(8, 2)))];
    assert!(holds(names("train.txt"), "", &files) > 80);
    let zipped = zip(&[("ptb.train.txt", text(40, 0)), ("ptb.valid.txt", text(8, 1)), ("ptb.test.txt", text(8, 2))]);
    let treebank = DataSource::named("penn_treebank").unwrap();
    assert!(holds(treebank, "ptb.zip", &[file("ptb.zip", zipped)]) > 20);
}

#[test]
fn of_pairs() {
    let segments = |bytes: Vec<u8>| -> Vec<u8> {
        let text = String::from_utf8(bytes).unwrap().replace('<', "&lt;");
        let segments = text.lines().enumerate().map(|(id, line)| format!("<seg id=\"{id}\">{line}</seg>\n"));
        format!("<srcset><doc>\n{}</doc></srcset>\n", segments.collect::<String>()).into_bytes()
    };
    let [source, target, valid_source, valid_target] =
        ["train.en", "train.de.gz", "valid.en.sgm", "valid.de.sgm.gz"].map(str::to_owned);
    let [vocabulary, longest] = [40, 20].map(|count| count.try_into().unwrap());
    let files = [
        (source.clone(), text(30, 0)),
        (target.clone(), gzip(&text(30, 3))),
        (valid_source.clone(), segments(text(6, 1))),
        (valid_target.clone(), gzip(&segments(text(6, 2)))),
    ];
    let subwords = SubwordsConfig { vocabulary, longest, subwords: None };
    let (test_source, test_target) = (None, None);
    let names = ParallelConfig { source, target, valid_source, valid_target, test_source, test_target, subwords };
    assert!(holds(DataSource::ParallelText(names), "", &files) > 100);
}
