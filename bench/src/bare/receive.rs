//! The receiving side: the endpoint's thread fills blocks, threads of their own write and hash them.

use super::{
    DONE,
    blocks::{Block, Pool},
    endpoint, on_this_thread, tls, transport,
};
use crate::Result;
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    net::SocketAddr,
    os::unix::ffi::OsStringExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};
use tokio::sync::{
    mpsc::{Receiver, Sender, channel},
    oneshot,
};

/// Blocks between the endpoint's thread and a disk thread.
const WAITING: usize = 8;

/// Receives into a folder whatever comes, until it is ended. Calls `ready` with its address.
///
/// # Errors
/// When it cannot listen.
pub(crate) fn receive(listen: SocketAddr, into: &Path, bbr: bool, ready: impl FnOnce(SocketAddr)) -> Result {
    on_this_thread(async {
        let mut config = tls::server()?;
        config.transport_config(transport(bbr));
        let endpoint = endpoint(listen, Some(config))?;
        ready(endpoint.local_addr().map_err(|e| e.to_string())?);
        let into: Arc<Path> = into.into();
        while let Some(incoming) = endpoint.accept().await {
            let into = into.clone();
            tokio::spawn(async move {
                let Ok(connection) = incoming.await else { return };
                while let Ok((to, from)) = connection.accept_bi().await {
                    let into = into.clone();
                    tokio::spawn(async move {
                        if let Err(error) = stream(to, from, &into).await {
                            eprintln!("{error}");
                        }
                    });
                }
            });
        }
        Ok(())
    })
}

async fn stream(mut to: quinn::SendStream, mut from: quinn::RecvStream, into: &Path) -> Result {
    let (sender, queue) = channel(WAITING);
    let (told, written) = oneshot::channel();
    let into = into.to_owned();
    std::thread::spawn(move || {
        // The stream is gone only when the connection is.
        let _ = told.send(write(&into, queue));
    });
    fill(&mut from, sender).await?;
    written.await.map_err(|_| "a writer panicked")?.map_err(|e| format!("writing: {e}"))?;
    to.write_all(&[DONE]).await.map_err(|e| format!("answering: {e}"))?;
    to.finish().map_err(|e| format!("answering: {e}"))
}

/// Fills blocks from the stream until its end.
async fn fill(from: &mut quinn::RecvStream, sender: Sender<Block>) -> Result {
    // Those that wait, one at the writer, one being handed over, one being filled: taking one never waits, handing one over does.
    let pool = Pool::new(WAITING + 3);
    let mut block = pool.take();
    while let Some(read) = from.read(block.spare()).await.map_err(|e| format!("receiving: {e}"))? {
        block.advance(read);
        if block.is_full() {
            // The writer is gone only when it failed, which it says itself.
            if sender.send(std::mem::replace(&mut block, pool.take())).await.is_err() {
                return Ok(());
            }
        }
    }
    let _ = sender.send(block).await;
    Ok(())
}

/// Writes records from blocks until they end.
fn write(into: &Path, queue: Receiver<Block>) -> io::Result<()> {
    let mut records = Records { queue, block: None, at: 0 };
    let mut folders = HashSet::new();
    while let Some([low, high]) = records.first()? {
        let length = u16::from_le_bytes([low, high]).into();
        let size = u64::from_le_bytes(records.array()?);
        let mut name = vec![0; length];
        records.exact(&mut name)?;
        let path = into.join(below(name)?);
        if let Some(folder) = path.parent().filter(|folder| !folders.contains(*folder)) {
            fs::create_dir_all(folder)?;
            folders.insert(folder.to_owned());
        }
        let mut file = File::create_new(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = size;
        while left > 0 {
            let part = records.part(usize::try_from(left).unwrap_or(usize::MAX))?;
            file.write_all(part)?;
            hasher.update(part);
            left -= part.len() as u64;
        }
        if hasher.finalize() != blake3::Hash::from(records.array::<32>()?) {
            return Err(io::Error::other("another hash"));
        }
    }
    Ok(())
}

/// A name that leads nowhere but down.
fn below(name: Vec<u8>) -> io::Result<PathBuf> {
    let path = PathBuf::from(OsString::from_vec(name));
    let down = path.components().all(|part| matches!(part, Component::Normal(_)));
    if down { Ok(path) } else { Err(io::Error::other(format!("{}: a path that leaves the folder", path.display()))) }
}

/// A stream of bytes out of blocks.
struct Records {
    queue: Receiver<Block>,
    block: Option<Block>,
    at: usize,
}

impl Records {
    /// The next bytes, as many as lie together, `most` at most.
    fn part(&mut self, most: usize) -> io::Result<&[u8]> {
        while self.block.as_ref().is_none_or(|block| block.as_ref().len() == self.at) {
            self.block = None;
            self.block = Some(self.queue.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?);
            self.at = 0;
        }
        let bytes = self.block.as_ref().map(AsRef::as_ref).and_then(|bytes: &[u8]| bytes.get(self.at..)).unwrap_or_default();
        let part = bytes.get(..most).unwrap_or(bytes);
        self.at += part.len();
        Ok(part)
    }

    fn exact(&mut self, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            let part = self.part(into.len())?;
            let (now, later) = into.split_at_mut(part.len());
            now.copy_from_slice(part);
            into = later;
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes of a record; `None` at the end of all.
    fn first(&mut self) -> io::Result<Option<[u8; 2]>> {
        let mut bytes = [0; 2];
        let (one, two) = bytes.split_at_mut(1);
        match self.exact(one) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        self.exact(two)?;
        Ok(Some(bytes))
    }
}
