//! Where the data sets come from, and what their files must be.

use std::ops::RangeInclusive;

/// A data set by its name in a configuration, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Official {
    /// The name, as in a configuration.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// How many images, tokens or pairs its parts have: training, validation, test. Empty where any number will do, and
    /// for what is a part of the program.
    pub counts: &'static [RangeInclusive<usize>],
}

/// Where a data set comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// It is a part of the program.
    Embedded,
    /// It can be downloaded.
    Download {
        /// Where the files go below the data folder; empty for the data folder itself.
        folder: &'static str,
        /// What is downloaded.
        files: &'static [OfficialFile],
        /// What the files unpack to, if they are archives.
        unpacked: Option<Unpacked>,
    },
    /// It has to be put in place by hand.
    ByHand {
        /// How to get it, and what to put where.
        advice: &'static str,
    },
}

/// A file to download.
#[derive(Debug, Clone, Copy)]
pub struct OfficialFile {
    /// Its name.
    pub name: &'static str,
    /// The official address, up to the name and with the `/` before it.
    pub base: &'static str,
    /// The MD5 of its content, which its publisher gives, in hexadecimal digits. `None` where none is published: then
    /// it is compressed with gzip, whose own checksum is compared.
    pub md5: Option<&'static str>,
}

/// The folder that archives (.tar.gz) are unpacked to.
#[derive(Debug, Clone, Copy)]
pub struct Unpacked {
    /// Its name.
    pub folder: &'static str,
    /// The files that are needed, from whichever folder of whichever archive, and how many bytes each has if that is
    /// known.
    pub files: &'static [(&'static str, Option<u64>)],
}

const CIFAR: &str = "https://www.cs.toronto.edu/~kriz/";
const FASHION: &str = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

/// 10,000 records of a label and 32 x 32 x 3 pixels.
const CIFAR10_BATCH: Option<u64> = Some(10_000 * 3073);
/// A record of CIFAR-100 has two labels.
const CIFAR100_RECORD: u64 = 3074;

const MULTI30K: &str = "https://github.com/multi30k/dataset/raw/master/data/task1/raw/";
const WMT13: &str = "https://www.statmt.org/wmt13/";
const WMT14: &str = "https://www.statmt.org/wmt14/";

const fn exactly(count: usize) -> RangeInclusive<usize> {
    count..=count
}

const CIFAR_COUNTS: &[RangeInclusive<usize>] = &[exactly(50_000), exactly(10_000)];

const fn without_md5(base: &'static str, name: &'static str) -> OfficialFile {
    OfficialFile { name, base, md5: None }
}

/// All data sets, in the order of the configuration's names.
pub const DATA_SETS: [Official; 11] = [
    Official {
        name: "digits",
        what: "UCI optical digits: 1,442 + 355 grey images of 8 x 8, 10 classes",
        origin: Origin::Embedded,
        counts: &[],
    },
    Official {
        name: "fashion_mnist",
        what: "Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28, 10 classes; 30 MB",
        origin: Origin::Download {
            folder: super::fashion_mnist::FOLDER,
            files: &[
                OfficialFile {
                    name: "train-images-idx3-ubyte.gz",
                    base: FASHION,
                    md5: Some("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                },
                OfficialFile {
                    name: "train-labels-idx1-ubyte.gz",
                    base: FASHION,
                    md5: Some("25c81989df183df01b3e8a0aad5dffbe"),
                },
                OfficialFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    base: FASHION,
                    md5: Some("bef4ecab320f06d8554ea6380940ec79"),
                },
                OfficialFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    base: FASHION,
                    md5: Some("bb300cfdad3c16e7a12a480ee83cd310"),
                },
            ],
            unpacked: None,
        },
        counts: &[exactly(60_000), exactly(10_000)],
    },
    Official {
        name: "cifar10",
        what: "CIFAR-10: 50,000 + 10,000 colour images of 32 x 32, 10 classes; 170 MB",
        origin: Origin::Download {
            folder: "",
            files: &[OfficialFile {
                name: "cifar-10-binary.tar.gz",
                base: CIFAR,
                md5: Some("c32a1d4ab5d03f1284b67883e8d87530"),
            }],
            unpacked: Some(Unpacked {
                folder: "cifar-10-batches-bin",
                files: &[
                    ("data_batch_1.bin", CIFAR10_BATCH),
                    ("data_batch_2.bin", CIFAR10_BATCH),
                    ("data_batch_3.bin", CIFAR10_BATCH),
                    ("data_batch_4.bin", CIFAR10_BATCH),
                    ("data_batch_5.bin", CIFAR10_BATCH),
                    ("test_batch.bin", CIFAR10_BATCH),
                ],
            }),
        },
        counts: CIFAR_COUNTS,
    },
    Official {
        name: "cifar100",
        what: "CIFAR-100: 50,000 + 10,000 colour images of 32 x 32, 100 classes; 169 MB",
        origin: Origin::Download {
            folder: "",
            files: &[OfficialFile {
                name: "cifar-100-binary.tar.gz",
                base: CIFAR,
                md5: Some("03b5dce01913d631647c71ecec9e9cb8"),
            }],
            unpacked: Some(Unpacked {
                folder: "cifar-100-binary",
                files: &[("train.bin", Some(50_000 * CIFAR100_RECORD)), ("test.bin", Some(10_000 * CIFAR100_RECORD))],
            }),
        },
        counts: CIFAR_COUNTS,
    },
    Official {
        name: "image_folders",
        what: "ImageNet (1,281,167 + 50,000 JPEG images, 1000 classes; 150 GB), or any other class folders of JPEG",
        origin: Origin::ByHand {
            advice: "ImageNet is given to registered researchers only: get ILSVRC2012_img_train.tar and \
                ILSVRC2012_img_val.tar from https://image-net.org, and unpack them into one folder for each class: \
                DIR/imagenet/train/n01440764/*.JPEG, DIR/imagenet/val/n01440764/*.JPEG and so on (the validation \
                archive is flat; its development kit tells the classes); DIR is the folder of --data; any pictures in \
                train/CLASS and val/CLASS will do, as a folder or as a .tar",
        },
        counts: &[],
    },
    Official {
        name: "made",
        what: "made pictures of any size, for trying things out",
        origin: Origin::Embedded,
        counts: &[],
    },
    Official {
        name: "penn_treebank",
        what: "Penn Treebank in Mikolov's preparation: 929,589 + 73,760 + 82,430 tokens, 10,000 words",
        origin: Origin::ByHand {
            advice: "its text is licensed by the Linguistic Data Consortium (https://catalog.ldc.upenn.edu/LDC99T42); \
                Mikolov's preparation is a part of his RNNLM toolkit (simple-examples.tgz, folder data, from \
                https://www.fit.vutbr.cz/~imikolov/rnnlm/): put ptb.train.txt, ptb.valid.txt and ptb.test.txt, or a \
                ptb.zip with the three, into DIR or DIR/ptb; DIR is the folder of --data",
        },
        counts: &[exactly(929_589), exactly(73_760), exactly(82_430)],
    },
    Official {
        name: "made_text",
        what: "made text of any length, for trying things out",
        origin: Origin::Embedded,
        counts: &[],
    },
    Official {
        name: "multi30k",
        what: "Multi30k: 29,000 + 1,014 + 1,000 captions in English and German; 1.3 MB",
        origin: Origin::Download {
            folder: super::pairs::MULTI30K_FOLDER,
            files: &[
                without_md5(MULTI30K, "train.en.gz"),
                without_md5(MULTI30K, "train.de.gz"),
                without_md5(MULTI30K, "val.en.gz"),
                without_md5(MULTI30K, "val.de.gz"),
                without_md5(MULTI30K, "test_2016_flickr.en.gz"),
                without_md5(MULTI30K, "test_2016_flickr.de.gz"),
            ],
            unpacked: None,
        },
        counts: &[exactly(29_000), exactly(1014), exactly(1000)],
    },
    Official {
        name: "wmt14_en_de",
        what: "WMT14 English-German: 4.5 million + 3,000 + 3,003 sentences; 1.7 GB to download",
        origin: Origin::Download {
            folder: "wmt14-en-de-archives",
            files: &[
                without_md5(WMT13, "training-parallel-europarl-v7.tgz"),
                without_md5(WMT13, "training-parallel-commoncrawl.tgz"),
                without_md5(WMT14, "training-parallel-nc-v9.tgz"),
                without_md5(WMT14, "dev.tgz"),
                without_md5(WMT14, "test-full.tgz"),
            ],
            unpacked: Some(Unpacked {
                folder: super::pairs::WMT14_FOLDER,
                files: &[
                    ("europarl-v7.de-en.en", None),
                    ("europarl-v7.de-en.de", None),
                    ("commoncrawl.de-en.en", None),
                    ("commoncrawl.de-en.de", None),
                    ("news-commentary-v9.de-en.en", None),
                    ("news-commentary-v9.de-en.de", None),
                    ("newstest2013.en", None),
                    ("newstest2013.de", None),
                    ("newstest2014-deen-src.en.sgm", None),
                    ("newstest2014-deen-ref.de.sgm", None),
                ],
            }),
        },
        // 4.5 million, as rounded; a few lines are empty.
        counts: &[4_450_000..=4_549_999, exactly(3000), exactly(3003)],
    },
    Official {
        name: "made_pairs",
        what: "made sentences with translations, for trying things out",
        origin: Origin::Embedded,
        counts: &[],
    },
];

impl Official {
    /// The data set of this name, which may be spelt with `-` for `_`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DATA_SETS.iter().find(|official| official.name == name.replace('-', "_"))
    }
}
