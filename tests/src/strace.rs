//! System calls of the real binary that fail on purpose: `strace` answers them in the kernel's
//! place.

use std::process::{Command, Output};

use crate::gateway::Gateway;
use crate::world::World;

/// Starts a gateway in which these calls fail, written as `strace --inject` has it:
/// `fdatasync:error=EIO:when=3`. Calls are counted for each thread: the main thread makes a few at
/// the start, the writer makes one flush for each batch.
///
/// # Panics
/// When there is no `strace`, or it may not trace.
#[must_use]
pub fn start_with_faults(world: &World, faults: &[&str]) -> Gateway {
    world.start_under(&wrapper(world, faults))
}

/// Runs a gateway to its end, which must come by itself, with faults as
/// [`start_with_faults`] takes them.
///
/// # Panics
/// When there is no `strace`, or the gateway does not end.
#[must_use]
pub fn run_with_faults(world: &World, faults: &[&str]) -> Output {
    world.run_under(&wrapper(world, faults))
}

/// The command line of `strace` before that of the gateway.
fn wrapper(world: &World, faults: &[&str]) -> Vec<String> {
    let found = Command::new("strace").arg("-V").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "this test needs `strace` (the Debian package of that name) and the right to trace a \
         child; it is never skipped"
    );
    // `-D`: the gateway stays the child of this process, so that it is killed by its own id, and
    // strace ends with it. `--seccomp-bpf`: only the calls that may fail are slowed down.
    let trace = world.path("strace.log").to_string_lossy().into_owned();
    let calls: Vec<&str> =
        faults.iter().map(|fault| fault.split(':').next().unwrap_or_default()).collect();
    let expressions = std::iter::once(format!("trace={}", calls.join(",")))
        .chain(faults.iter().map(|fault| format!("inject={fault}")));
    let fixed = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", &trace];
    fixed
        .map(str::to_owned)
        .into_iter()
        .chain(expressions.flat_map(|expression| ["-e".to_owned(), expression]))
        .collect()
}
