//! One picture of any size: decoded from JPEG or PNG, cut out and resized.

use std::borrow::Cow;
use std::io::Cursor;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ImageFormat, ImageReader};

use super::jpeg_length;

/// Rows of pixels, each the bytes of its channels; no side is 0, and there are 1 to 4 channels.
pub(super) struct Picture<'p> {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) pixels: Cow<'p, [u8]>,
}

/// A part of a picture, in its pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) top: f64,
    pub(super) left: f64,
    pub(super) height: f64,
    pub(super) width: f64,
}

impl Picture<'_> {
    /// The RGB picture of a JPEG file, which may be grey, YCbCr, CMYK or YCCK, or of a PNG file, whatever its name (one
    /// of ILSVRC2012's is); an error says what is wrong with it.
    ///
    /// A JPEG file has no checksum: bytes inside of a scan that are other than they were, or a scan that is cut off behind
    /// its first part and closed again, give another picture and no error.
    pub(super) fn decode(bytes: &[u8]) -> Result<Picture<'static>, String> {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
        let format = if bytes.starts_with(PNG) { ImageFormat::Png } else { ImageFormat::Jpeg };
        if !has_end(bytes, format) {
            return Err("it is neither JPEG nor PNG, or its end is missing".to_owned());
        }
        if format == ImageFormat::Jpeg && !jpeg_length::can_be_whole(bytes) {
            return Err("it is far too short for the size that its header gives".to_owned());
        }
        let decoded = ImageReader::with_format(Cursor::new(bytes), format).decode();
        let rgb = decoded.map_err(|error| error.to_string())?.into_rgb8();
        let (width, height) = rgb.dimensions();
        if width == 0 || height == 0 {
            return Err("it has no pixels".to_owned());
        }
        let (height, width) = (height as usize, width as usize);
        Ok(Picture { channels: 3, height, width, pixels: Cow::Owned(rgb.into_raw()) })
    }

    /// The central `size` x `size` pixels after the shorter side was made `size * 256 / 224` long.
    pub(super) fn evaluation_view(&self, size: usize) -> Picture<'static> {
        let shorter = self.height.min(self.width);
        let target = size * 256 / 224;
        // Only what is kept is resized. A side of `full` pixels becomes `long`, of which `size` are kept.
        let central = |full: usize| {
            let long = (target * full / shorter) as f64;
            let scale = full as f64 / long;
            (((long - size as f64) / 2.0).floor() * scale, size as f64 * scale)
        };
        let ((top, height), (left, width)) = (central(self.height), central(self.width));
        self.resized(Region { top, left, height, width }, size, size)
    }

    /// A region, resized with a triangle filter as wide as the reduction asks for ("bilinear with antialiasing").
    pub(super) fn resized(&self, region: Region, height: usize, width: usize) -> Picture<'static> {
        const TYPES: [PixelType; 4] = [PixelType::U8, PixelType::U8x2, PixelType::U8x3, PixelType::U8x4];
        let pixel_type = TYPES[self.channels - 1];
        let mut resized = Image::new(width as u32, height as u32, pixel_type);
        // Rounding must not carry the region over the picture's edge.
        let inside = |start: f64, length: f64, all: usize| {
            let start = start.clamp(0.0, all as f64);
            (start, length.min(all as f64 - start))
        };
        let (top, region_height) = inside(region.top, region.height, self.height);
        let (left, region_width) = inside(region.left, region.width, self.width);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, region_width, region_height)
            .use_alpha(false);
        // Neither can fail: the buffer has the picture's size, and the region lies inside of it.
        let source = ImageRef::new(self.width as u32, self.height as u32, &self.pixels, pixel_type)
            .expect("as many bytes as the picture has");
        Resizer::new().resize(&source, &mut resized, &options).expect("a region of the picture");
        Picture { channels: self.channels, height, width, pixels: Cow::Owned(resized.into_vec()) }
    }
}

/// Whether the file is whole, as far as its end shows: a decoder fills in what is cut off.
fn has_end(bytes: &[u8], format: ImageFormat) -> bool {
    if format == ImageFormat::Png {
        return bytes.windows(4).any(|name| name == b"IEND");
    }
    // Inside of a scan no marker but a restart's can stand.
    const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
    const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
    let scan = bytes.windows(2).rposition(|pair| pair == START_OF_SCAN).unwrap_or(0);
    bytes[scan..].windows(2).any(|pair| pair == END_OF_IMAGE)
}
