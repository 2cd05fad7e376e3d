//! Large pictures in class folders: what is evaluated beside Pillow's, every colour space, and damaged files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lookahead_data::config::{Augmentation, DataConfig, DataSource, OnCorrupt};
use lookahead_data::{Augment, DataError, Dataset};

use crate::support::{bytes, config, jpeg, pixels, solid_jpeg, tar};

fn source(size: u32, on_corrupt: OnCorrupt) -> DataSource {
    DataSource::ImageFolders { size: size.try_into().unwrap(), on_corrupt }
}

fn at(dir: &Path, size: u32, on_corrupt: OnCorrupt) -> DataConfig {
    config(source(size, on_corrupt), Some(&dir.display().to_string()), [0, 0])
}

fn write(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, content) in files {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), content).unwrap();
    }
}

/// Three classes with two pictures of their colour each, of many sizes.
fn files() -> Vec<(String, Vec<u8>)> {
    let class = |(label, name): (u8, &str)| {
        let colour = [50 + 60 * label, 200 - 60 * label, 30];
        let picture = |part: &str, number: u32| {
            let jpeg = solid_jpeg(colour, 20 + 7 * number + u32::from(label), 30 - 5 * number);
            (format!("{part}/{name}/{name}_{number}.JPEG"), jpeg)
        };
        [picture("train", 1), picture("train", 0), picture("val", 2)]
    };
    [(2, "n03"), (0, "n01"), (1, "n02")].into_iter().flat_map(class).collect()
}

#[test]
fn folders_and_archives_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("imagenet");
    write(&root, &files());
    fs::write(root.join("train/n01/notes.txt"), "no picture").unwrap();
    let data = Dataset::load(&at(folder.path(), 16, OnCorrupt::Refuse)).unwrap();
    assert_eq!((data.name, data.classes, data.image.pixels()), ("image_folders", 3, 3 * 16 * 16));
    assert_eq!((data.train.labels(), data.valid.labels()), (&[0, 0, 1, 1, 2, 2][..], &[0, 1, 2][..]));
    assert_eq!(data.description, "imagenet (3 classes of JPEG images) at 16 x 16, 6 + 3 images");
    for (label, image) in bytes(&data, &pixels(&data.valid)).chunks_exact(3 * 256).enumerate() {
        let colour = [50 + 60 * label, 200 - 60 * label, 30];
        for (plane, expected) in image.chunks_exact(256).zip(colour) {
            assert!(plane.iter().all(|&value| usize::from(value).abs_diff(expected) < 4), "{label}");
        }
    }

    let archive = folder.path().join("imagenette-224-40x10.tar");
    let nested: Vec<_> = files().into_iter().map(|(name, content)| (format!("./some/{name}"), content)).collect();
    fs::write(&archive, tar(&nested)).unwrap();
    let packed = Dataset::load(&at(&archive, 16, OnCorrupt::Refuse)).unwrap();
    assert_eq!((packed.train.labels(), pixels(&packed.train)), (data.train.labels(), pixels(&data.train)));
    assert_eq!(packed.sha256(), data.sha256());
    let mut other = nested;
    *other[0].1.last_mut().unwrap() = 0;
    fs::write(&archive, tar(&other)).unwrap();
    assert_ne!(Dataset::load(&at(&archive, 16, OnCorrupt::Refuse)).unwrap().sha256(), packed.sha256());

    let limited = config(source(16, OnCorrupt::Refuse), Some(&root.display().to_string()), [4, 2]);
    let limited = Dataset::load(&limited).unwrap();
    assert_eq!((limited.train.labels(), limited.valid.labels()), (&[0, 0, 1, 2][..], &[0, 1][..]));
}

#[test]
fn every_kind_of_jpeg_is_seen_as_pillow_sees_it() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let views = fs::read_to_string(testdata.join("views.toml")).unwrap();
    let views: BTreeMap<String, Vec<u8>> = toml::from_str(&views).unwrap();
    assert_eq!(views.keys().collect::<Vec<_>>(), ["cmyk", "grey", "progressive", "rgb", "ycck"]);
    for (name, view) in views {
        let folder = tempfile::tempdir().unwrap();
        let picture = fs::read(testdata.join(format!("{name}.jpg"))).unwrap();
        write(folder.path(), &["train", "val"].map(|part| (format!("{part}/class/{name}.jpg"), picture.clone())));
        let data = Dataset::load(&at(folder.path(), 14, OnCorrupt::Refuse)).unwrap();
        let seen = bytes(&data, &pixels(&data.valid));
        for (y, row) in view.chunks_exact(14 * 3).enumerate() {
            for (x, pixel) in row.chunks_exact(3).enumerate() {
                for (channel, expected) in pixel.iter().enumerate() {
                    let seen = seen[(channel * 14 + y) * 14 + x];
                    // Decoders round differently, CMYK twice.
                    assert!(seen.abs_diff(*expected) <= 3, "{name} {y} {x} {channel}: {seen} and {expected}");
                }
            }
        }
    }
}

#[test]
fn png_under_a_jpeg_name_is_decoded() {
    let picture = image::RgbaImage::from_fn(20, 14, |x, y| image::Rgba([10 * x as u8, 18 * y as u8, 90, 255]));
    let picture = image::DynamicImage::ImageRgba8(picture);
    let encoded = |picture: image::DynamicImage| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    // With and without an alpha channel, in 16 bits, and grey.
    let kinds = [
        picture.clone(),
        picture.to_rgb8().into(),
        picture.to_rgb16().into(),
        picture.to_luma8().into(),
        picture.to_luma_alpha8().into(),
    ];
    let seen = kinds.map(|kind| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["train/a/1.JPEG", "val/a/1.jpg"].map(|name| (name.to_owned(), encoded(kind.clone()))));
        let data = Dataset::load(&at(folder.path(), 12, OnCorrupt::Refuse)).unwrap();
        bytes(&data, &pixels(&data.valid))
    });
    assert!(seen[0] == seen[1] && seen[0] == seen[2] && seen[3] == seen[4] && seen[0] != seen[3]);
    // Red grows to the right, green downwards.
    let [red, green] = [0, 1].map(|channel| &seen[0][channel * 144..(channel + 1) * 144]);
    assert!(red[11] > red[0] && green[132] > green[0] && green[11].abs_diff(green[0]) < 3, "{red:?} {green:?}");

    // What is damaged is refused here too.
    let whole = encoded(picture);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for damaged in [&whole[..whole.len() / 2], &whole[..whole.len() - 16], &flipped] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["train/a/1.jpg", "val/a/1.jpg"].map(|name| (name.to_owned(), damaged.to_vec())));
        let data = Dataset::load(&at(folder.path(), 12, OnCorrupt::Refuse)).unwrap();
        assert!(matches!(data.valid.batch(&[0], None), Err(DataError::Image { .. })));
    }
}

#[cfg(unix)]
#[test]
fn names_need_not_be_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files());
    let before = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
    // Two names that would be one if what is not UTF-8 were replaced; between and behind the others by their bytes.
    let named = |path: &[u8]| folder.path().join(OsStr::from_bytes(path));
    for (path, colour) in [(&b"train/n01/n01_0\xe9.jpg"[..], 10), (b"train/n01/n01_0\xe8.jpg", 90)] {
        fs::write(named(path), solid_jpeg([colour; 3], 9, 9)).unwrap();
    }
    for part in ["train", "val"] {
        let class = named(&[part.as_bytes(), b"/n\xff2"].concat());
        fs::create_dir(&class).unwrap();
        fs::write(class.join("1.jpg"), solid_jpeg([200; 3], 9, 9)).unwrap();
    }
    let data = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
    assert_eq!(data.train.labels(), [0, 0, 0, 0, 1, 1, 2, 2, 3]);
    let first = |data: &Dataset, index: u32| bytes(data, &data.train.batch(&[index], None).unwrap().pixels)[0];
    let colours: Vec<u8> = (0..9).map(|index| first(&data, index)).collect();
    // '.' comes before \xe8 and \xe9, and these before no other name of the class but that with 1.
    assert!(colours[1].abs_diff(90) < 3 && colours[2].abs_diff(10) < 3 && colours[8].abs_diff(200) < 3, "{colours:?}");
    assert_eq!((first(&data, 0), first(&data, 3)), (first(&before, 0), first(&before, 1)));
    // What is not UTF-8 is a part of what is hashed.
    let (before, sha256) = (pixels(&data.train), data.sha256());
    fs::rename(named(b"train/n01/n01_0\xe9.jpg"), named(b"train/n01/n01_0\xea.jpg")).unwrap();
    let renamed = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
    assert!(pixels(&renamed.train) == before && renamed.sha256() != sha256);
}

#[cfg(unix)]
#[test]
fn a_class_folder_that_cannot_be_read_is_no_class_less() {
    use std::os::unix::fs::symlink;
    let told = |damage: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files());
        damage(folder.path());
        let error = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap_err();
        (error.to_string(), std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    };
    // In both parts, so that the classes of the two are the same all the same.
    let both = |root: &Path, put: &dyn Fn(&Path)| {
        for part in ["train", "val"] {
            let class = root.join(part).join("n02");
            fs::rename(&class, root.join(part).join(".n02")).unwrap();
            put(&class);
        }
    };
    let (error, cause) = told(&|root| both(root, &|class| symlink("nowhere", class).unwrap()));
    assert!(error.contains("train/n02") && cause.contains("No such file"), "{error} {cause}");
    let (error, cause) = told(&|root| both(root, &|class| symlink("n02", class).unwrap()));
    assert!(error.contains("train/n02") && !cause.is_empty(), "{error} {cause}");
    let (error, _) = told(&|root| both(root, &|class| fs::write(class, "").unwrap()));
    assert!(error.contains("train/n02: a file stands where the folder of a class is expected"), "{error}");
    let only_valid = |root: &Path| {
        fs::rename(root.join("val/n02"), root.join("val/.n02")).unwrap();
        fs::write(root.join("val/n02"), "").unwrap();
    };
    let (error, _) = told(&only_valid);
    assert!(error.contains("val/n02: a file stands where the folder of a class is expected"), "{error}");
    let (error, cause) = told(&|root| symlink("nowhere.jpg", root.join("val/n02/x.jpg")).unwrap());
    assert!(error.contains("val/n02/x.jpg") && cause.contains("No such file"), "{error} {cause}");
    let (error, _) = told(&|root| fs::create_dir(root.join("val/n02/x.jpg")).unwrap());
    assert!(error.contains("val/n02/x.jpg"), "{error}");
    // Links that lead somewhere are what they lead to, and notes are no class.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files());
    let before = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
    fs::rename(folder.path().join("train/n02"), folder.path().join("elsewhere")).unwrap();
    symlink("../elsewhere", folder.path().join("train/n02")).unwrap();
    fs::write(folder.path().join("train/labels.txt"), "n01 tench").unwrap();
    assert_eq!(Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap().sha256(), before.sha256());
}

#[test]
fn damaged_files_are_refused_by_name_or_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let damage = |content: &mut Vec<u8>, kind: usize| match kind {
        0 => content.truncate(content.len() - 20),
        1 => content.truncate(40),
        2 => content.clear(),
        3 => *content = b"\x89PNG\r\n\x1a\n, says its name or not".to_vec(),
        _ => content[200..260].fill(0),
    };
    for kind in 0..5 {
        let mut files = files();
        damage(&mut files[3].1, kind);
        assert_eq!(files[3].0, "train/n01/n01_1.JPEG");
        write(folder.path(), &files);
        let data = Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
        let error = data.train.batch(&[0, 1, 2], None).unwrap_err();
        assert!(matches!(error, DataError::Image { .. }), "{error}");
        assert!(error.to_string().contains("train/n01/n01_1.JPEG: the picture is damaged: "), "{error}");

        let whole = data.train.batch(&[0, 2], None).unwrap();
        let data = Dataset::load(&at(folder.path(), 8, OnCorrupt::Skip)).unwrap();
        let batch = data.train.batch(&[0, 1, 2], None).unwrap();
        assert_eq!((batch.skipped, &batch.labels[..]), (1, &[0, 1][..]));
        assert_eq!(batch.pixels, whole.pixels);
        let batch = data.train.batch(&[1], None).unwrap();
        assert_eq!((batch.skipped, batch.labels.len(), batch.pixels.len()), (1, 0, 0));
    }
    fs::remove_file(folder.path().join("val/n02/n02_2.JPEG")).unwrap();
    let data = Dataset::load(&at(folder.path(), 8, OnCorrupt::Skip)).unwrap_err();
    assert!(matches!(&data, DataError::EmptyClass { folder } if folder.ends_with("val/n02")), "{data}");
}

/// A decoder makes grey of what is missing.
#[test]
fn a_jpeg_that_is_too_short_for_its_size_is_damaged() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let place =
        |bytes: &[u8], markers: &[u8]| bytes.windows(2).position(|it| it[0] == 0xff && markers.contains(&it[1]));
    for name in ["cmyk", "grey", "progressive", "rgb", "ycck"] {
        let whole = fs::read(testdata.join(format!("{name}.jpg"))).unwrap();
        let (frame, scan) = (place(&whole, &[0xc0, 0xc1, 0xc2]).unwrap(), place(&whole, &[0xda]).unwrap());
        let scan = scan + 2 + usize::from(whole[scan + 3]);
        let mut large = whole.clone();
        large[frame + 5..frame + 9].copy_from_slice(&[13_000_u16.to_be_bytes(); 2].concat());
        for (damaged, is_whole) in [
            (&whole, true),
            (&[&whole[..scan], b"\xff\xd9"].concat(), false),
            (&[&whole[..scan], b"\0\xff\xd9"].concat(), false),
            (&large, false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &["train/a/1.jpg", "val/a/1.jpg"].map(|name| (name.to_owned(), damaged.clone())));
            let data = Dataset::load(&at(folder.path(), 12, OnCorrupt::Refuse)).unwrap();
            match data.valid.batch(&[0], None) {
                Ok(_) => assert!(is_whole, "{name}"),
                Err(error) => assert!(!is_whole && error.to_string().contains("too short for the size"), "{error}"),
            }
        }
    }
}

#[test]
fn what_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |dir: PathBuf| Dataset::load(&at(&dir, 8, OnCorrupt::Refuse)).unwrap_err().to_string();
    let error = told(folder.path().to_owned());
    for place in ["/train,", "imagenet/train", "imagenette-224-40x10.tar", "lookahead data fetch image_folders"] {
        assert!(error.contains(place), "{error}");
    }
    fs::create_dir_all(folder.path().join("train/n01")).unwrap();
    assert!(told(folder.path().to_owned()).contains("train/n01: this class has no JPEG file"));
    fs::remove_dir(folder.path().join("train/n01")).unwrap();
    fs::create_dir(folder.path().join("val")).unwrap();
    assert!(told(folder.path().to_owned()).ends_with(": no training examples"));
    write(folder.path(), &[("train/a/1.jpg".to_owned(), solid_jpeg([1; 3], 8, 8))]);
    assert!(told(folder.path().to_owned()).ends_with(": no validation examples"));
}

#[cfg(unix)]
#[test]
fn a_picture_of_the_same_size_and_time_is_another_one() {
    use sha2::{Digest, Sha256};
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files());
    let load = || Dataset::load(&at(folder.path(), 8, OnCorrupt::Refuse)).unwrap();
    let (path, hashes) = (folder.path().join("train/n01/n01_0.JPEG"), folder.path().join(".lookahead-sha256"));
    // What follows the picture in its file is not looked at.
    let whole = [&fs::read(&path).unwrap()[..], b"0"].concat();
    fs::write(&path, &whole).unwrap();
    let before = load().sha256();
    let other = [&whole[..whole.len() - 1], b"1"].concat();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    // Longer than a tick of the file system's clock.
    std::thread::sleep(std::time::Duration::from_millis(30));
    fs::write(&path, &other).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let data = load();
    assert_ne!(data.sha256(), before);
    pixels(&data.train);

    // As a damaged disk has it: another content with all that is known of the file as it was.
    fs::write(&path, &whole).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let mut known = fs::read(&hashes).unwrap();
    let name = b"train/n01/n01_0.JPEG";
    let changed = known.windows(name.len()).position(|it| it == name).unwrap() + name.len() + 8 + 16;
    let metadata = fs::metadata(&path).unwrap();
    let now = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    known[changed..changed + 16].copy_from_slice(&now.to_le_bytes());
    let end = known.len() - 32;
    let sum = Sha256::digest(&known[..end]);
    known[end..].copy_from_slice(&sum);
    fs::write(&hashes, known).unwrap();
    let error = load().train.batch(&[0], None).unwrap_err().to_string();
    assert!(error.contains("n01_0.JPEG: its content has changed since it was hashed"), "{error}");
    assert!(error.contains(&format!("delete {}, and all are hashed anew", hashes.display())), "{error}");
    fs::remove_file(&hashes).unwrap();
    let data = load();
    pixels(&data.train);
    assert_eq!(data.sha256(), before);
}

#[test]
fn a_random_crop_is_a_resized_part_of_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    // Red grows downwards, green to the right: a crop shows from where to where it goes.
    let picture = jpeg(200, 120, |y, x| [2 * y as u8, x as u8, 128]);
    write(folder.path(), &["train/a/1.jpg", "val/a/1.jpg"].map(|name| (name.to_owned(), picture.clone())));
    let data = Dataset::load(&at(folder.path(), 16, OnCorrupt::Refuse)).unwrap();
    let augmentation = Augmentation::ResizedCropFlip;
    let (mut mirrored, mut areas) = (0, Vec::new());
    for epoch in 0..400 {
        let batch = data.train.batch(&[0], Some(Augment { augmentation, seed: 5, epoch })).unwrap();
        let seen = bytes(&data, &batch.pixels);
        let at = |channel: usize, y: usize, x: usize| f64::from(seen[(channel * 16 + y) * 16 + x]);
        // Between the second and the second last there are 13/16 of the crop.
        let height = (at(0, 14, 8) - at(0, 1, 8)) / 2.0 * 16.0 / 13.0;
        let width = (at(1, 8, 14) - at(1, 8, 1)) * 16.0 / 13.0;
        mirrored += usize::from(width < 0.0);
        let (area, ratio) = (height * width.abs() / (120.0 * 200.0), width.abs() / height);
        assert!((0.07..1.03).contains(&area) && (0.7..1.43).contains(&ratio), "{epoch}: {area} {ratio}");
        areas.push(area);
        assert!(height <= 123.0 && width.abs() <= 203.0, "{height} {width}");
    }
    // Half of 400, with a standard deviation of 10.
    assert!((150..=250).contains(&mirrored), "{mirrored}");
    areas.sort_by(f64::total_cmp);
    assert!(areas[20] < 0.2 && areas[380] > 0.6, "{} {}", areas[20], areas[380]);
}
