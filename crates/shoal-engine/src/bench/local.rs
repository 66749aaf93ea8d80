//! Disk and processor of this computer. Blocks: for a thread of its own.

use super::{Disk, Processor};
use crate::{BenchError, free_space};
use ring::aead;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long each part goes on.
const PART: Duration = Duration::from_millis(1500);
const PROCESSOR_PART: Duration = Duration::from_millis(400);

/// The file that is written and read, at most, in bytes; and the share of the free room that it may take.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
const SHARE_OF_FREE: u64 = 4;

/// What is read, written and hashed at once, as in a transfer.
const BLOCK: usize = 256 * 1024;

/// A packet's content.
const PACKET: usize = 1400;

/// Small files made at most, and the size of each.
const MAX_SMALL_FILES: u32 = 20_000;
const SMALL_FILE: usize = 4096;

/// Measures in a hidden folder in `inbox`, which is removed again.
///
/// # Errors
/// [`BenchError::Disk`] when the folder cannot be written or has no room.
pub(crate) fn measure(inbox: &Path) -> Result<(Disk, Processor), BenchError> {
    let disk = disk(inbox).map_err(|error| BenchError::Disk { folder: inbox.to_owned(), reason: error.to_string() })?;
    Ok((disk, processor()))
}

fn disk(inbox: &Path) -> io::Result<Disk> {
    fs::create_dir_all(inbox)?;
    let folder = Scratch::in_folder(inbox)?;
    let path = folder.0.join("large");
    let (size, write) = write(&path, free_space(inbox)? / SHARE_OF_FREE)?;
    let read = read(&path, size)?;
    fs::remove_file(&path)?;
    Ok(Disk { write, read, small_files: small_files(&folder.0)? })
}

/// Writes for a while and waits for the disk; returns the file's size and bytes a second.
fn write(path: &Path, room: u64) -> io::Result<(u64, f64)> {
    // Random bytes: some drives and filesystems make zeros vanish.
    let mut block = vec![0; BLOCK];
    rand::fill(block.as_mut_slice());
    let mut file = File::create_new(path)?;
    let (start, mut size) = (Instant::now(), 0);
    while start.elapsed() < PART && size + (BLOCK as u64) <= MAX_FILE.min(room) {
        file.write_all(&block)?;
        size += BLOCK as u64;
    }
    if size == 0 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.sync_all()?;
    Ok((size, size as f64 / start.elapsed().as_secs_f64()))
}

fn read(path: &Path, size: u64) -> io::Result<f64> {
    let mut file = File::open(path)?;
    // Best effort: where it fails, memory is measured.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    let mut block = vec![0; BLOCK];
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < PART && done < size {
        match file.read(&mut block)? {
            0 => break,
            len => done += len as u64,
        }
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

fn small_files(folder: &Path) -> io::Result<f64> {
    let content = [0x5a; SMALL_FILE];
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < PART && count < MAX_SMALL_FILES {
        File::create_new(folder.join(format!("{count}")))?.write_all(&content)?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn processor() -> Processor {
    let mut block = vec![0x5a; BLOCK];
    let key = cipher();
    let seal = rate(|| {
        blake3::hash(&block);
        for packet in block.chunks_mut(PACKET) {
            // The result is thrown away, so a nonce used twice gives nothing away.
            let nonce = aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN]);
            let _ = std::hint::black_box(key.seal_in_place_separate_tag(nonce, aead::Aad::empty(), packet));
        }
    });
    let hash = rate(|| _ = std::hint::black_box(blake3::hash(&block)));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let hash_all = thread::scope(|scope| {
        let block = &block;
        let threads: Vec<_> =
            (0..cores).map(|_| scope.spawn(move || rate(|| _ = std::hint::black_box(blake3::hash(block))))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    });
    Processor { seal, hash, hash_all }
}

/// The cipher that connections prefer here ([`crate::tls`]).
fn cipher() -> aead::LessSafeKey {
    let suite = if crate::tls::has_fast_aes() { &aead::AES_128_GCM } else { &aead::CHACHA20_POLY1305 };
    let key = aead::UnboundKey::new(suite, &[7; 32][..suite.key_len()]).expect("the key is as long as the suite says");
    aead::LessSafeKey::new(key)
}

/// Bytes a second of something done to a block.
fn rate(mut each: impl FnMut()) -> f64 {
    let (start, mut blocks) = (Instant::now(), 0_u32);
    while start.elapsed() < PROCESSOR_PART {
        each();
        blocks += 1;
    }
    f64::from(blocks) * BLOCK as f64 / start.elapsed().as_secs_f64()
}

/// A folder that goes when it is dropped.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn in_folder(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!(".shoal-bench-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "what was written to measure the disk is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_figure_is_there_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, processor) = measure(folder.path()).unwrap();
        for figure in [disk.write, disk.read, disk.small_files, processor.seal, processor.hash, processor.hash_all] {
            assert!(figure.is_finite() && figure > 0.0, "{disk:?} {processor:?}");
        }
        assert!(processor.hash > processor.seal, "sealing hashes too: {processor:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_inbox_that_is_a_file_is_named_in_the_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = measure(file.path()).unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
