//! The child that compiles, where it does not do what it should: every way ends in a refusal with
//! its reason, and the room goes on.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guest::{Guest, spec};
use sluicegate_filters::{AnyQueue, Child, Compiler, Host, HostConfig, LoadFault};

/// Loads a plugin with a shell as the compiler.
fn compiled_by(script: &str, time_max: Duration) -> LoadFault {
    let child = Child {
        program: "/bin/sh".into(),
        arguments: vec![OsString::from("-c"), script.into()],
        memory_bytes_max: 1 << 32,
        time_max,
        cache: None,
    };
    let config = HostConfig {
        threads: 1,
        jobs_max: 1,
        plugins_max: 1,
        queues: Arc::new(AnyQueue),
        compiler: Compiler::Child(child),
    };
    let host = Host::start(config).unwrap();
    host.load(spec("any", Guest::default().component())).unwrap_err()
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn what_the_child_says_is_told() {
    let says = |text: &str| {
        compiled_by(&format!("cat > /dev/null; printf '%s' '{text}' >&2; exit 1"), LONG)
    };
    assert!(matches!(says("not-wasm: "), LoadFault::NotWasm));
    assert!(matches!(says("malformed: byte 3"), LoadFault::Malformed { why } if why == "byte 3"));
    assert!(
        matches!(says("not-component: x: y"), LoadFault::NotComponent { why } if why == "x: y")
    );
    let LoadFault::Compiler { why } = says("limit: no") else { panic!() };
    assert!(why.contains("limit: no"), "{why}");
}

#[test]
fn a_child_that_is_killed_loops_or_writes_rubbish_is_a_refusal() {
    let killed = compiled_by("kill -KILL $$", LONG).to_string();
    assert!(killed.contains("ended by signal 9") && killed.contains("4096 MiB"), "{killed}");
    let began = Instant::now();
    let looped = compiled_by("while :; do :; done", Duration::from_millis(300)).to_string();
    assert!(looped.contains("longer than 300ms") && began.elapsed() < LONG, "{looped}");
    let rubbish = compiled_by("cat > /dev/null; echo rubbish", LONG).to_string();
    assert!(rubbish.contains("what is not code"), "{rubbish}");
    let nothing = compiled_by("exec /does/not/exist 2> /dev/null", LONG);
    assert_eq!(nothing.code(), "plugin_compiler_failed");
}
