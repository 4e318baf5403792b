//! System calls of the real binary that fail on purpose: `strace` answers them in the kernel's
//! place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
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

/// Starts a gateway in which these calls fail where they are about this file, and nowhere else.
///
/// # Panics
/// When there is no `strace`, or it may not trace.
#[must_use]
pub fn start_with_faults_on(world: &World, file: &Path, faults: &[&str]) -> Gateway {
    let mut wrapper = wrapper(world, faults);
    wrapper.extend(["-P".to_owned(), file.to_string_lossy().into_owned()]);
    world.start_under(&wrapper)
}

/// Starts a gateway whose calls of these names are written down, for [`trace`]. A file stands
/// beside its number, as `12</a/path>`.
///
/// # Panics
/// When there is no `strace`, or it may not trace.
#[must_use]
pub fn start_traced(world: &World, calls: &[&str]) -> Gateway {
    let mut wrapper = strace(world);
    wrapper.extend(["-y", "-s", "16", "-e"].map(str::to_owned));
    wrapper.push(format!("trace={}", calls.join(",")));
    world.start_under(&wrapper)
}

/// The calls until now that are done, in the order in which they ended. A call that others came in
/// between of is put together again: its line stands where it ended.
///
/// # Panics
/// When there is no trace.
#[must_use]
pub fn trace(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.path("strace.log")).expect("a trace");
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut done = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or(("", line));
        if let Some(start) = call.strip_suffix("<unfinished ...>") {
            begun.insert(thread, start.trim());
        } else if let Some((_, rest)) = call.split_once("resumed>") {
            done.push(format!("{}{rest}", begun.remove(thread).unwrap_or_default()));
        } else {
            done.push(call.trim().to_owned());
        }
    }
    done
}

/// The command line of `strace` before that of the gateway.
fn wrapper(world: &World, faults: &[&str]) -> Vec<String> {
    let calls: Vec<&str> =
        faults.iter().map(|fault| fault.split(':').next().unwrap_or_default()).collect();
    let expressions = std::iter::once(format!("trace={}", calls.join(",")))
        .chain(faults.iter().map(|fault| format!("inject={fault}")));
    let expressions = expressions.flat_map(|expression| ["-e".to_owned(), expression]);
    strace(world).into_iter().chain(expressions).collect()
}

/// `strace` as all use it.
fn strace(world: &World) -> Vec<String> {
    let found = Command::new("strace").arg("-V").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "this test needs `strace` (the Debian package of that name) and the right to trace a \
         child; it is never skipped"
    );
    // `-D`: the gateway stays the child of this process, so that it is killed by its own id, and
    // strace ends with it. `--seccomp-bpf`: only the calls that may fail are slowed down.
    let trace = world.path("strace.log").to_string_lossy().into_owned();
    ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", &trace].map(str::to_owned).to_vec()
}
