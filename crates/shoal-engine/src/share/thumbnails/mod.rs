//! Small pictures of shared images: made by the owner in a process that can do nothing else (`maker`), kept (`cache`), and looked at before
//! anything decodes them by whoever asked.

mod cache;
mod maker;

pub use maker::Thumbnailer;

use crate::store::file_key::FileKey;
use cache::Cache;
use imagesize::ImageType;
use shoal_proto::share::{MAX_THUMBNAIL, MAX_THUMBNAIL_EDGE, MIN_THUMBNAIL_EDGE};
use std::{fs::File, path::Path, sync::Arc};
use tokio::sync::Semaphore;

/// Pictures that are made at once.
const MAX_MAKING: usize = 2;

/// Most pixels of the longer side, of those that are made: a few sizes, so that few are kept of one image.
const EDGES: [u16; 4] = [64, 128, 256, MAX_THUMBNAIL_EDGE];

/// A picture that a front end can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg` or `image/png`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: bytes::Bytes,
}

/// Pictures of what this device shares.
#[derive(Debug)]
pub(crate) struct Thumbnails {
    maker: Option<Thumbnailer>,
    cache: Arc<Cache>,
    making: Semaphore,
}

impl Thumbnails {
    /// `maker`: `None` when the host has no program for it, and then there are no pictures.
    pub(crate) fn new(maker: Option<Thumbnailer>, data_dir: &Path) -> Self {
        Self { maker, cache: Arc::new(Cache::of(data_dir)), making: Semaphore::new(MAX_MAKING) }
    }

    /// A picture of an open image that lies at `path`; `None`: there is none.
    pub(crate) async fn of(&self, file: File, path: &Path, edge: u16) -> Option<Vec<u8>> {
        let maker = self.maker.as_ref()?;
        let edge = EDGES.into_iter().find(|one| *one >= edge.max(MIN_THUMBNAIL_EDGE)).unwrap_or(MAX_THUMBNAIL_EDGE);
        let (cache, path) = (self.cache.clone(), path.to_owned());
        let looked_up = crate::transfer::transfers::blocking(move || {
            let version = FileKey::of(&file).ok()?;
            let key = cache::key(&path, &version, edge);
            Some((cache.get(&key), key, file, version))
        });
        let (known, key, file, version) = looked_up.await?;
        let picture = match known {
            Some(picture) => picture,
            None => {
                // Never closed.
                let _place = self.making.acquire().await.ok()?;
                let again = file.try_clone().ok()?;
                let made = maker.make(file, edge).await;
                let made = made.inspect_err(|error| tracing::debug!(%error, "a thumbnail was not made"));
                let picture = made.ok()?.unwrap_or_default();
                let cache = self.cache.clone();
                crate::transfer::transfers::blocking(move || {
                    // One that changed meanwhile is made again the next time.
                    if FileKey::of(&again).is_ok_and(|now| now == version) {
                        cache.put(&key, &picture);
                    }
                    picture
                })
                .await
            }
        };
        Some(picture).filter(|picture| !picture.is_empty())
    }
}

impl Picture {
    /// What a peer says is a picture, if it is one that is small enough to be decoded by a front end.
    pub(crate) fn check(bytes: Vec<u8>) -> Option<Self> {
        let content_type = match imagesize::image_type(&bytes).ok()? {
            ImageType::Jpeg => "image/jpeg",
            ImageType::Png => "image/png",
            _ => return None,
        };
        let size = imagesize::blob_size(&bytes).ok()?;
        let most = usize::from(MAX_THUMBNAIL_EDGE);
        let fits = (1..=most).contains(&size.width) && (1..=most).contains(&size.height) && bytes.len() <= MAX_THUMBNAIL;
        fits.then(|| Self { content_type, bytes: bytes.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head of a PNG file: what says its size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat()
    }

    /// A web view decodes whatever it is given, with all the memory that there is.
    #[test]
    fn a_peers_picture_is_small_before_anything_decodes_it() {
        assert_eq!(Picture::check(png(512, 1)).map(|picture| picture.content_type), Some("image/png"));
        for bad in [png(513, 1), png(1, 65_535), png(0, 1), b"GIF89a\x01\0\x01\0\0\0\0".to_vec(), b"<svg/>".to_vec(), Vec::new()]
        {
            assert_eq!(Picture::check(bad.clone()), None, "{bad:?}");
        }
        let long = [png(1, 1), vec![0; MAX_THUMBNAIL]].concat();
        assert_eq!(Picture::check(long), None);
    }
}
