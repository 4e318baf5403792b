//! Ports for servers that must be told theirs: from a range of this process alone, below those that
//! the kernel gives to whoever asks for any, so that nobody takes one before its server does.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A loopback port on which nobody listens.
///
/// # Panics
/// When all of the range are taken.
#[must_use]
pub fn free() -> u16 {
    // Tests that run at the same time have different slots (nextest); without one, the process is
    // told apart by its id.
    let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse().ok());
    let slot: usize = slot.unwrap_or(std::process::id() as usize);
    let first = FIRST + slot % RANGES * RANGE;
    let port = (0..RANGE).find_map(|_| {
        // One after the other, as a server that has ended may leave connections behind.
        let at = NEXT.fetch_add(1, Ordering::Relaxed) % RANGE;
        let port = u16::try_from(first + (std::process::id() as usize + at) % RANGE).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    });
    port.expect("a free loopback port")
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Linux begins with 32768 (`ip_local_port_range`).
const FIRST: usize = 12_000;
const RANGES: usize = 40;
const RANGE: usize = 500;
