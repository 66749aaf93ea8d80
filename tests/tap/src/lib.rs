//! Opens a TAP device of Linux: an Ethernet interface whose other end is a file descriptor.
//!
//! Owns the three ioctls that this takes and nothing else; what is done with the frames is the lab's business
//! (`shoal_tests::lab::Cable`). Reference: <https://docs.kernel.org/networking/tuntap.html>, `linux/if_tun.h`.

#![cfg(target_os = "linux")]
#![warn(missing_docs)]

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags},
    io::{Errno, Result},
    ioctl::{IntegerSetter, Opcode, Setter, ioctl, opcode},
};

/// Bytes before each frame that is read or written: `struct virtio_net_hdr`.
pub const HEADER: usize = 10;

/// The longest interface name, in bytes (`IFNAMSIZ` less its final zero).
pub const MAX_NAME: usize = 15;

/// What the system may leave to the other end of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// Every frame read is one frame of a wire, at most MTU long.
    Frames,
    /// TCP and UDP segments come whole, up to 64 KiB, to be cut by whoever is at the end: cheap enough for several Gbit/s.
    Segments,
}

/// Makes a TAP device called `name` in the calling thread's network namespace and opens it, non-blocking. The device goes when
/// the descriptor is closed. Needs `CAP_NET_ADMIN`; a name that is too long is `ENAMETOOLONG`.
pub fn open(name: &str, offload: Offload) -> Result<OwnedFd> {
    let mut request = InterfaceRequest { name: [0; MAX_NAME + 1], flags: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, rest: [0; 22] };
    match request.name.get_mut(..name.len()) {
        Some(place) if name.len() <= MAX_NAME => place.copy_from_slice(name.as_bytes()),
        _ => return Err(Errno::NAMETOOLONG),
    }
    let device = rustix::fs::open("/dev/net/tun", OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    // SAFETY: TUNSETIFF reads a `struct ifreq`, which `InterfaceRequest` mirrors in layout and size.
    unsafe { ioctl(&device, Setter::<TUNSETIFF, InterfaceRequest>::new(request))? };
    set_offload(&device, offload)?;
    Ok(device)
}

fn set_offload(device: &OwnedFd, offload: Offload) -> Result<()> {
    // SAFETY: TUNSETOFFLOAD takes a set of flags by value; flags it does not know are refused, not acted on.
    let set = |flags: usize| unsafe { ioctl(device, IntegerSetter::<TUNSETOFFLOAD>::new_usize(flags)) };
    match offload {
        Offload::Frames => set(TUN_F_CSUM),
        // Kernels before 6.2 have no UDP segmentation here.
        Offload::Segments => set(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6)
            .or_else(|_| set(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)),
    }
}

/// `struct ifreq` of a 64-bit system, as far as TUNSETIFF looks at it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; MAX_NAME + 1],
    flags: u16,
    rest: [u8; 22],
}

const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
const TUNSETOFFLOAD: Opcode = opcode::write::<u32>(b'T', 208);
const IFF_TAP: u16 = 0x0002;
const IFF_NO_PI: u16 = 0x1000;
const IFF_VNET_HDR: u16 = 0x4000;
const TUN_F_CSUM: usize = 0x01;
const TUN_F_TSO4: usize = 0x02;
const TUN_F_TSO6: usize = 0x04;
const TUN_F_USO4: usize = 0x20;
const TUN_F_USO6: usize = 0x40;
