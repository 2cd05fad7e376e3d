//! The IDX format.

use lookahead_data::{read_idx_images, read_idx_labels};

use crate::support::{gzip, idx_images as images, idx_labels as labels};

#[test]
fn idx_files_are_read_plain_and_compressed() {
    let plain = images(2, 2, 3, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    for bytes in [gzip(&plain), plain] {
        let images = read_idx_images(&bytes, "images").unwrap();
        assert_eq!((images.count(), images.rows, images.columns), (2, 2, 3));
        assert_eq!(images.pixels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    }
    let plain = labels(3, &[9, 0, 4]);
    for bytes in [gzip(&plain), plain] {
        assert_eq!(read_idx_labels(&bytes, "labels").unwrap(), [9, 0, 4]);
    }
}

#[test]
fn damage_to_idx_files_is_told() {
    let told = |bytes: &[u8]| {
        let error = read_idx_images(bytes, "images").unwrap_err().to_string();
        let compressed = read_idx_images(&gzip(bytes), "images").unwrap_err().to_string();
        assert_eq!(error, compressed);
        error
    };
    let sound = images(2, 2, 2, &[1; 8]);
    assert_eq!(told(&labels(2, &[1, 2])), "images: the magic number is 0x00000801, but 0x00000803 was expected");
    assert_eq!(told(b"<html></html>"), "images: the magic number is 0x3c68746d, but 0x00000803 was expected");
    assert_eq!(told(&sound[..23]), "images: truncated: 23 bytes (uncompressed) of 24");
    assert_eq!(told(&sound[..16]), "images: truncated: 16 bytes (uncompressed) of 24");
    assert_eq!(told(&sound[..6]), "images: truncated: 6 bytes (uncompressed) of 8");
    assert_eq!(told(&[]), "images: truncated: 0 bytes (uncompressed) of 4");
    let long = [&sound[..], &[0]].concat();
    assert_eq!(told(&long), "images: more follows after the 24 bytes (uncompressed) that its header announces");
    assert!(told(&images(1, 0, 28, &[])).starts_with("images: 1 image of 0 x 28 pixels, but "));
    let swapped = read_idx_labels(&sound, "labels").unwrap_err().to_string();
    assert_eq!(swapped, "labels: the magic number is 0x00000803, but 0x00000801 was expected");
    // A header that promises more than there can be costs no memory.
    assert!(told(&images(u32::MAX, u32::MAX, u32::MAX, &[0; 8])).contains("at most 2^28 pixels"));
    assert_eq!(
        told(&images(1 << 14, 1 << 7, 1 << 7, &[0; 8])),
        "images: truncated: 24 bytes (uncompressed) of 268435472"
    );
    let error = read_idx_labels(&labels(u32::MAX, &[0; 8]), "labels").unwrap_err().to_string();
    assert!(error.contains("at most 2^28 labels"), "{error}");
    let error = read_idx_labels(&labels(1 << 28, &[0; 8]), "labels").unwrap_err().to_string();
    assert_eq!(error, "labels: truncated: 16 bytes (uncompressed) of 268435464");
    // Cut within gzip's own ending, all the pixels are there, but not their checksum.
    let compressed = gzip(&sound);
    let error = read_idx_images(&compressed[..compressed.len() - 2], "images").unwrap_err();
    assert_eq!(error.to_string(), "images: damaged gzip data");
}
