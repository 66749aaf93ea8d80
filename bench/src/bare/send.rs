//! The sending side: reads and hashes on threads of its own, hands blocks to the endpoint's thread.

use super::{
    BLOCKS, DONE, STREAMS,
    blocks::{Block, Pool},
    endpoint, on_this_thread, tls, transport,
};
use crate::{Result, data::files};
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Blocks between a disk thread and the endpoint's.
const WAITING: usize = 8;

/// Sends a file, or a folder's contents, to a receiver; returns when it has written all.
///
/// # Errors
/// When anything fails.
pub(crate) fn send(to: SocketAddr, path: &Path, bbr: bool) -> Result {
    let files = files(path).map_err(|e| format!("{}: {e}", path.display()))?;
    // One file has its own name, not the empty one below itself.
    let own =
        |name: PathBuf| if name.as_os_str().is_empty() { path.file_name().map(PathBuf::from).unwrap_or_default() } else { name };
    let mut files: Vec<_> = files.into_iter().map(|(name, path, size)| (own(name), path, size)).collect();
    let streams = STREAMS.min(files.len().max(1));
    let mut readers = Vec::new();
    let mut queues = Vec::new();
    for left in (1..=streams).rev() {
        let rest = files.split_off(files.len() / left);
        let part = std::mem::replace(&mut files, rest);
        let (sender, queue) = channel(WAITING);
        queues.push(queue);
        readers.push(std::thread::spawn(move || read(&part, sender)));
    }
    let sent = on_this_thread(transmit(to, bbr, queues));
    for reader in readers {
        // The reader's reason comes first: it is why the receiver did not get all.
        reader.join().map_err(|_| "a reader panicked")??;
    }
    sent
}

async fn transmit(to: SocketAddr, bbr: bool, queues: Vec<Receiver<Bytes>>) -> Result {
    let endpoint = endpoint((Ipv4Addr::UNSPECIFIED, 0).into(), None)?;
    let mut config = tls::client()?;
    config.transport_config(transport(bbr));
    let connecting = endpoint.connect_with(config, to, "bare").map_err(|e| format!("{to}: {e}"))?;
    let connection = connecting.await.map_err(|e| format!("{to}: {e}"))?;
    let streams: Vec<_> = queues
        .into_iter()
        .map(|queue| {
            let connection = connection.clone();
            tokio::spawn(async move { stream(&connection, queue).await })
        })
        .collect();
    for stream in streams {
        stream.await.map_err(|e| format!("a stream's task: {e}"))??;
    }
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

async fn stream(connection: &quinn::Connection, mut queue: Receiver<Bytes>) -> Result {
    let failed = |e: &dyn std::fmt::Display| format!("sending: {e}");
    let (mut to, mut from) = connection.open_bi().await.map_err(|e| failed(&e))?;
    while let Some(block) = queue.recv().await {
        to.write_chunk(block).await.map_err(|e| failed(&e))?;
    }
    to.finish().map_err(|e| failed(&e))?;
    let answer = from.read_to_end(1).await.map_err(|e| failed(&e))?;
    if answer == [DONE] { Ok(()) } else { Err("the receiver did not get all".to_owned()) }
}

/// Reads files into blocks of records.
fn read(files: &[(PathBuf, PathBuf, u64)], sender: Sender<Bytes>) -> Result {
    let mut packer = Packer { pool: Pool::new(BLOCKS), block: None, sender };
    for (name, path, size) in files {
        packer.file(name, path, *size).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    packer.flush().map_err(|e| e.to_string())
}

struct Packer {
    pool: Pool,
    block: Option<Block>,
    sender: Sender<Bytes>,
}

impl Packer {
    fn file(&mut self, name: &Path, path: &Path, size: u64) -> io::Result<()> {
        let name = name.as_os_str().as_encoded_bytes();
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.put(&length.to_le_bytes())?;
        self.put(&size.to_le_bytes())?;
        self.put(name)?;
        let mut file = File::open(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = size;
        while left > 0 {
            let block = self.block.get_or_insert_with(|| self.pool.take());
            let spare = block.spare();
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(spare.len());
            let Some(spare) = spare.get_mut(..room) else { break };
            file.read_exact(spare)?;
            hasher.update(spare);
            block.advance(room);
            left -= room as u64;
            self.flush_if_full()?;
        }
        self.put(hasher.finalize().as_bytes())
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let block = self.block.get_or_insert_with(|| self.pool.take());
            let spare = block.spare();
            let (now, later) = bytes.split_at(bytes.len().min(spare.len()));
            if let Some(spare) = spare.get_mut(..now.len()) {
                spare.copy_from_slice(now);
            }
            block.advance(now.len());
            bytes = later;
            self.flush_if_full()?;
        }
        Ok(())
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.block.as_ref().is_some_and(Block::is_full) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(block) = self.block.take() else { return Ok(()) };
        self.sender.blocking_send(Bytes::from_owner(block)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
