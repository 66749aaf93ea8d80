//! The bare copy: files over stock quinn with BLAKE3 and nothing else, as an upper bound for what Shoal can reach.
//!
//! No pairing, no resuming, no fsync, no partial files, no names that clash. An endpoint has a thread to itself (a current-thread
//! runtime); disk and hashing are on plain threads, two a side for many files, joined to it by bounded channels of recycled buffers.
//!
//! Each stream carries *records*, back to back and cut into blocks anywhere, so that small files share blocks: the name's length
//! (`u16`), the size (`u64`), the name, the content, its BLAKE3 hash. All numbers are little-endian. The receiver answers a stream
//! that ended well with one byte when everything is written and its hash was right.

mod blocks;
mod receive;
mod send;
mod tls;

pub(crate) use receive::receive;
pub(crate) use send::send;

use crate::Result;
use quinn::{EndpointConfig, TokioRuntime, TransportConfig, VarInt, congestion::BbrConfig};
use socket2::{Domain, Protocol, Socket, Type};
use std::{net::SocketAddr, sync::Arc};

/// Bytes of a block: large enough for BLAKE3 and the disk, small enough to stay in the cache.
const BLOCK: usize = 256 * 1024;
/// Blocks that a sender's stream has at most; they are in use until they are acknowledged.
const BLOCKS: usize = 48;
/// Streams for more than one file, each with its own disk thread.
const STREAMS: usize = 2;
/// Socket buffers asked for, in bytes.
const SOCKET_BUFFER: usize = 4 << 20;
/// Bytes that a stream may have under way. Four times this makes quinn-proto give up on a lossy link.
const WINDOW: u32 = 16 << 20;
/// The answer to a stream.
const DONE: u8 = 1;

/// A socket and an endpoint on it. Within a runtime.
fn endpoint(address: SocketAddr, server: Option<quinn::ServerConfig>) -> Result<quinn::Endpoint> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        // The system may give less; the run's report says what it allows.
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket.bind(&address.into())?;
        quinn::Endpoint::new(EndpointConfig::default(), server, socket.into(), Arc::new(TokioRuntime))
    };
    bound().map_err(|e| format!("{address}: {e}"))
}

fn transport(bbr: bool) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(2 * WINDOW))
        .send_window(WINDOW.into());
    if bbr {
        config.congestion_controller_factory(Arc::new(BbrConfig::default()));
    }
    Arc::new(config)
}

/// Runs an endpoint's work on this thread.
fn on_this_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| format!("no runtime: {e}"))?.block_on(work)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::data::{DataSet, Shape};

    /// Over loopback: what a figure is compared with must itself be right.
    #[test]
    fn files_arrive_whole() {
        let folder = tempfile::tempdir().unwrap();
        let shapes = [
            Shape::File { mib: 3 },
            Shape::Folder { files: 500, bytes: 4096, folders: 7 },
            Shape::Folder { files: 9, bytes: 0, folders: 2 },
        ];
        for (i, shape) in shapes.into_iter().enumerate() {
            let set = DataSet::make(folder.path(), shape).unwrap();
            let target = folder.path().join(format!("target-{i}"));
            std::fs::create_dir(&target).unwrap();
            let (sender, receiver) = std::sync::mpsc::channel();
            let into = target.clone();
            std::thread::spawn(move || receive("127.0.0.1:0".parse().unwrap(), &into, false, move |at| sender.send(at).unwrap()));
            let at = receiver.recv().unwrap();
            send(at, &set.path, i == 1).unwrap();
            set.check(&target).unwrap();
        }
    }
}
