//! Decoding within limits, making smaller, encoding.

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};
use std::io::Cursor;

/// Longest file that is looked at, in bytes.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Most pixels of either side.
pub const MAX_SIDE: u32 = 32_768;

/// Most pixels of an image. Cameras have 200 million at most, and phones that have these save a quarter of them.
pub const MAX_PIXELS: u64 = 64 * 1024 * 1024;

/// Most bytes that decoding may take, by its own count.
const MAX_DECODED: u64 = 384 * 1024 * 1024;

/// Formats that are understood. Decoders of others are not even there.
const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Gif,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Ico,
];

/// Quality of a JPEG, of 100.
const QUALITY: u8 = 80;

/// Shortest longer side that is tried, in pixels.
const MIN_EDGE: u32 = 16;

/// Why there is no picture.
#[derive(Debug)]
pub enum Refusal {
    /// The file is longer than [`MAX_FILE`], or the image larger than [`MAX_SIDE`] or [`MAX_PIXELS`].
    TooLarge,
    /// It is of no format that is understood, or damaged.
    NotAnImage(ImageError),
    /// It fits into no picture that is short enough.
    DoesNotFit,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the image is too large"),
            Self::NotAnImage(error) => error.fmt(f),
            Self::DoesNotFit => f.write_str("the picture would be too large"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            other => Self::NotAnImage(other),
        }
    }
}

/// A picture of an image whose longer side has at most `edge` pixels, upright, at most `most` bytes long: JPEG, or PNG where something is
/// transparent. A small image is not made larger.
///
/// # Errors
/// [`Refusal`]
pub fn make(file: &[u8], edge: u32, most: usize) -> Result<Vec<u8>, Refusal> {
    if file.len() as u64 > MAX_FILE {
        return Err(Refusal::TooLarge);
    }
    let image = decode(file)?;
    let mut edge = edge.max(MIN_EDGE);
    loop {
        let small = if image.width().max(image.height()) > edge { image.thumbnail(edge, edge) } else { image.clone() };
        let encoded = encode(&small)?;
        if encoded.len() <= most {
            return Ok(encoded);
        }
        if edge == MIN_EDGE {
            return Err(Refusal::DoesNotFit);
        }
        edge = (edge * 3 / 4).max(MIN_EDGE);
    }
}

fn decode(file: &[u8]) -> Result<DynamicImage, Refusal> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(ImageError::IoError)?;
    if !reader.format().is_some_and(|format| FORMATS.contains(&format)) {
        reader.clear_format();
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED {
        return Err(Refusal::TooLarge);
    }
    // One that says nothing about it, or nonsense, is shown as it is.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

fn encode(image: &DynamicImage) -> Result<Vec<u8>, Refusal> {
    let mut encoded = Vec::new();
    let clear =
        image.color().has_alpha().then(|| image.to_rgba8()).filter(|image| image.pixels().any(|pixel| pixel.0[3] < u8::MAX));
    match clear {
        Some(image) => {
            image.write_with_encoder(PngEncoder::new_with_quality(&mut encoded, CompressionType::Best, FilterType::Adaptive))?;
        }
        None => image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut encoded, QUALITY))?,
    }
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::{Rgba, RgbaImage};

    /// Noise, which compresses badly, opaque or not.
    fn noise(width: u32, height: u32, alpha: u8) -> RgbaImage {
        RgbaImage::from_fn(width, height, |x, y| {
            let mixed = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).rotate_left(13);
            Rgba([(mixed >> 3) as u8, (mixed >> 11) as u8, (mixed >> 19) as u8, alpha])
        })
    }

    fn file(image: &RgbaImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        match format {
            ImageFormat::Jpeg => DynamicImage::from(image.clone()).to_rgb8().write_to(&mut file, format).unwrap(),
            _ => image.write_to(&mut file, format).unwrap(),
        }
        file.into_inner()
    }

    #[test]
    fn each_format_becomes_a_small_picture_of_the_same_shape() {
        for format in FORMATS.into_iter().filter(|format| *format != ImageFormat::Ico) {
            let picture = make(&file(&noise(640, 320, 255), format), 128, 64 * 1024).unwrap();
            let back = image::load_from_memory(&picture).unwrap();
            assert_eq!((back.width(), back.height()), (128, 64), "{format:?}");
            assert_eq!(image::guess_format(&picture).unwrap(), ImageFormat::Jpeg, "{format:?}");
        }
    }

    #[test]
    fn what_is_transparent_stays_so_and_what_is_small_stays_small() {
        let picture = make(&file(&noise(40, 30, 100), ImageFormat::Png), 256, 64 * 1024).unwrap();
        let back = image::load_from_memory(&picture).unwrap();
        assert_eq!((back.width(), back.height(), back.to_rgba8().get_pixel(0, 0).0[3]), (40, 30, 100));
    }

    #[test]
    fn a_picture_that_is_too_long_becomes_smaller_until_it_fits() {
        let image = file(&noise(600, 600, 100), ImageFormat::Png);
        let picture = make(&image, 512, 64 * 1024).unwrap();
        assert!(picture.len() <= 64 * 1024 && image::load_from_memory(&picture).unwrap().width() < 512);
        assert!(matches!(make(&image, 512, 10), Err(Refusal::DoesNotFit)));
    }

    /// Camera pictures lie on their side, and say so.
    #[test]
    fn a_photograph_is_turned_upright() {
        let plain = file(&noise(64, 32, 255), ImageFormat::Jpeg);
        // APP1: EXIF with the one tag 0x0112, orientation 6.
        let exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let turned = [&plain[..2], exif, &plain[2..]].concat();
        let back = image::load_from_memory(&make(&turned, 512, 64 * 1024).unwrap()).unwrap();
        assert_eq!((back.width(), back.height()), (32, 64));
    }

    /// A head that promises gigapixels, bodies that end early, and bytes that are no image at all.
    #[test]
    fn bombs_and_damaged_files_are_refused() {
        let png = file(&noise(300, 300, 255), ImageFormat::Png);
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert!(make(&bomb, 128, 64 * 1024).is_err());
        for format in FORMATS.into_iter().filter(|format| *format != ImageFormat::Ico) {
            let whole = file(&noise(300, 300, 255), format);
            for len in (0..whole.len()).step_by(whole.len() / 50 + 1) {
                // What decodes in part may be shown in part; nothing panics.
                let _ = make(&whole[..len], 128, 64 * 1024);
            }
            for at in (0..whole.len()).step_by(whole.len() / 200 + 1) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x55;
                let _ = make(&damaged, 128, 64 * 1024);
            }
        }
        for nothing in [&b""[..], b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"<svg/>"] {
            assert!(make(nothing, 128, 64 * 1024).is_err(), "{nothing:?}");
        }
        let too_long = vec![0; usize::try_from(MAX_FILE).unwrap() + 1];
        assert!(matches!(make(&too_long, 128, 64 * 1024), Err(Refusal::TooLarge)));
    }
}
