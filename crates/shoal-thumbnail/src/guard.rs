//! What a process gives up before it looks at an image.
//!
//! On Unix: it opens no file and no socket, starts no process, writes no file, and has little memory and little time. On Windows only the
//! decoder's own limits hold, and the patience of the one who waits.

use std::io;

/// Memory that it may take, in bytes: a decoded image of the largest size, what decoding takes beside it, and the program.
pub const MAX_MEMORY: u64 = 768 * 1024 * 1024;

/// Processor time that it may take, in seconds.
pub const MAX_SECONDS: u64 = 10;

/// Gives up everything that decoding does not need.
///
/// # Errors
/// The system does not take a right back: then nothing should be decoded.
#[cfg(unix)]
pub fn give_up_rights() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    let limit = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    // Never in the way of a transfer. A system that refuses it only makes it less polite.
    let _ = nice(10);
    // What is open stays open: standard input, output and error.
    limit(Resource::Nofile, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Cpu, MAX_SECONDS)?;
    // The address space would count what is merely reserved.
    limit(Resource::Data, MAX_MEMORY)?;
    limit(Resource::Nproc, 0)?;
    Ok(())
}

/// Nothing that could be given up.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn give_up_rights() -> io::Result<()> {
    Ok(())
}
