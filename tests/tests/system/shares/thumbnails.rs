//! Thumbnails of what anybody may have put into a folder: good ones are small pictures, bad ones are none, and the owner lives.

use super::{Scene, share, shared, write};
use data_encoding::BASE64;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use shoal_tests::lab::Peer;
use std::{
    io::Cursor,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Memory that the owner may have resident, in bytes, whatever it is asked to decode.
const MAX_RESIDENT: u64 = 120 * 1024 * 1024;

fn thumbnail(asker: &Peer, owner: &Peer, name: &str) -> Option<(String, Vec<u8>)> {
    let path = format!("/things/{name}");
    let reply =
        asker.ask(&json!({ "request": "thumbnail", "peer": owner.id(), "path": path, "edge": 256, "wait_s": 10 })).unwrap();
    assert_eq!(reply["reply"], "thumbnail", "{reply}");
    let content_type = reply.get("content_type").and_then(Value::as_str)?.to_owned();
    Some((content_type, BASE64.decode(reply["data"].as_str().unwrap().as_bytes()).unwrap()))
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x / 3) as u8, (y / 2) as u8, (x ^ y) as u8]));
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// One that claims another size than it has. Decoders that believe it set the memory aside first.
fn lying_png(width: u32, height: u32) -> Vec<u8> {
    let mut file = picture(8, 8, ImageFormat::Png);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&sum.to_be_bytes());
    file
}

/// Of a PNG chunk.
fn crc(bytes: &[u8]) -> u32 {
    let bit = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| bit(sum)))
}

/// Files of a few hundred kilobytes that become hundreds of megabytes, and some that are broken in other ways.
fn hostile(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| {
        write(folder, name, bytes);
        names.push(name.to_owned());
    };
    put("lies.png", &lying_png(65_535, 65_535));
    put("lies more.png", &lying_png(u32::MAX, u32::MAX));
    let flat = |width, height, format| {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::new_luma8(width, height).write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    put("bomb.png", &flat(30_000, 10_000, ImageFormat::Png));
    put("heavy.png", &flat(8_000, 8_000, ImageFormat::Png));
    put("wide.png", &flat(60_000, 1, ImageFormat::Png));
    let whole = picture(600, 400, ImageFormat::Jpeg);
    put("short.jpg", &whole[..40]);
    let mut damaged = whole.clone();
    damaged[20..600].fill(0xff);
    put("damaged.jpg", &damaged);
    put("text.jpg", b"this is no image");
    put("empty.gif", b"");
    put("page.png", b"<html><script>alert(1)</script></html>");
    put("noise.webp", &(0..500_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    let mut gif = picture(300, 300, ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    put("lies.gif", &gif);
    std::fs::File::create(folder.join("long.png")).unwrap().set_len(10 << 30).unwrap();
    names.push("long.png".to_owned());
    names
}

#[test]
#[ignore = "needs root and ip netns"]
fn bad_images_have_no_thumbnail_and_cost_the_owner_nothing() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    let folder = shared(ann);
    for (name, format) in [("a.jpg", ImageFormat::Jpeg), ("b.png", ImageFormat::Png), ("c.webp", ImageFormat::WebP)] {
        write(&folder, name, &picture(1600, 900, format));
    }
    write(&folder, "not an image.txt", &picture(100, 100, ImageFormat::Png));
    let bad = hostile(&folder);
    std::fs::write(ann.home().path().join("secret.png"), picture(50, 50, ImageFormat::Png)).unwrap();
    std::os::unix::fs::symlink("../secret.png", folder.join("link.png")).unwrap();
    share(ann, &["--for", "everyone"]);

    for name in ["a.jpg", "b.png", "c.webp"] {
        let (content_type, bytes) = thumbnail(ben, ann, name).unwrap_or_else(|| panic!("{name} has a thumbnail"));
        assert_eq!(content_type, "image/jpeg");
        let small = image::load_from_memory(&bytes).unwrap();
        assert_eq!((small.width(), small.height()), (256, 144), "{name}");
    }
    let asked = Instant::now();
    assert!(thumbnail(ben, ann, "a.jpg").is_some());
    println!("a thumbnail that is kept: {:.1} ms", asked.elapsed().as_secs_f64() * 1e3);
    assert_eq!(thumbnail(ben, ann, "not an image.txt"), None);
    for missing in ["gone.png", "link.png"] {
        let path = format!("/things/{missing}");
        let asked = json!({ "request": "thumbnail", "peer": ann.id(), "path": path, "edge": 256, "wait_s": 10 });
        assert_eq!(ben.ask(&asked).unwrap_err()["code"], "declined", "{missing}");
    }

    // All at once, and again and again.
    let begun = Instant::now();
    thread::scope(|scope| {
        for name in &bad {
            scope.spawn(move || {
                for _ in 0..3 {
                    let found = thumbnail(ben, ann, name);
                    // A damaged file may still show something, and a heavy one is within the limits; a picture it is then.
                    assert!(found.is_none() || ["damaged.jpg", "lies.gif", "heavy.png"].contains(&name.as_str()), "{name}");
                }
            });
        }
    });
    println!("{} bad images, three times each: {:.2} s", bad.len(), begun.elapsed().as_secs_f64());
    assert!(begun.elapsed() < Duration::from_secs(60));
    let resident = ann.figures().resident_peak;
    println!("the owner at most: {} MiB", resident >> 20);
    assert!(resident < MAX_RESIDENT, "{resident}");
    assert!(thumbnail(ben, ann, "b.png").is_some(), "the owner lives");
}
