//! What a process gives up before it looks at an image.
//!
//! On Unix it opens nothing, writes no file, and has little memory and little time. On Linux with Landlock (5.13 and later) it also neither
//! removes, renames nor runs anything, and reaches no network. On Windows only the decoder's own limits hold. Everywhere the one who waits
//! has little patience and reads little.

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
    confine()?;
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

/// As far as this kernel can.
#[cfg(target_os = "linux")]
fn confine() -> io::Result<()> {
    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr};
    const NEWEST: ABI = ABI::V5;
    let rules = Ruleset::default().handle_access(AccessFs::from_all(NEWEST)).map_err(io::Error::other)?;
    let rules = rules.handle_access(AccessNet::from_all(NEWEST)).map_err(io::Error::other)?;
    // No rule allows anything.
    rules.create().and_then(landlock::RulesetCreated::restrict_self).map(drop).map_err(io::Error::other)
}

/// The limits alone.
#[cfg(all(unix, not(target_os = "linux")))]
fn confine() -> io::Result<()> {
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
