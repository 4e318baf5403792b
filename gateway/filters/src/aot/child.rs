//! The child process that compiles, from both of its sides: reads a component on its standard
//! input, writes machine code to its standard output, or says on its standard error why not.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use rustix::process::{Resource, Rlimit, setrlimit};
use sluicegate_core::limits::{PLUGIN_BYTES_MAX, bounded_reason};

use super::compiler::Child;
use crate::engine::compiling_engine;
use crate::fault::LoadFault;
use crate::load::{component_of, refused};

impl Child {
    /// Compiles in a process of its own.
    pub(super) fn run(&self, bytes: &[u8]) -> Result<Vec<u8>, LoadFault> {
        let broken = |why: String| LoadFault::Compiler { why: bounded_reason(why) };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env(MEMORY, self.memory_bytes_max.to_string())
            .env(SECONDS, self.time_max.as_secs().max(1).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|fault| broken(format!("its process cannot be started: {fault}")))?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(broken("its process has no pipes".to_owned()));
        };
        thread::scope(|scope| {
            let (done, both) = channel();
            // A child that ends early leaves the pipe broken; its status says why.
            scope.spawn(move || drop(stdin.write_all(bytes)));
            let said = scope.spawn(move || read(stderr, TEXT_BYTES_MAX));
            scope.spawn(move || done.send(read(stdout, COMPILED_BYTES_MAX)));
            let compiled = match both.recv_timeout(self.time_max) {
                Ok(compiled) => compiled,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(broken(format!("it took longer than {:?}", self.time_max)));
                }
            };
            let status = child.wait().map_err(|fault| broken(fault.to_string()))?;
            let said = said.join().unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            match compiled {
                Ok(compiled) if status.success() => Ok(compiled),
                Ok(_) => Err(self.refusal(status, &said)),
                Err(fault) => Err(broken(fault.to_string())),
            }
        })
    }

    /// Why there is no code.
    fn refusal(&self, status: ExitStatus, said: &str) -> LoadFault {
        let (word, why) = said.split_once(": ").unwrap_or(("", said));
        let why = bounded_reason(why.trim_end().to_owned());
        match (status.code().and_then(|code| u8::try_from(code).ok()), word) {
            (Some(REFUSED), "not-wasm") => LoadFault::NotWasm,
            (Some(REFUSED), "async") => LoadFault::Async,
            (Some(REFUSED), "malformed") => LoadFault::Malformed { why },
            (Some(REFUSED), "not-component") => LoadFault::NotComponent { why },
            (Some(_), _) => LoadFault::Compiler { why: bounded_reason(said.to_owned()) },
            (None, _) => {
                let signal = status.signal().unwrap_or_default();
                let (mib, time) = (self.memory_bytes_max >> 20, self.time_max);
                let why = format!(
                    "its process was ended by signal {signal}: it may take {mib} MiB and {time:?}"
                );
                LoadFault::Compiler { why }
            }
        }
    }
}

fn read(mut from: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::other(format!("it wrote more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// The child: takes its limits from its environment, compiles what it reads, and writes the code.
/// It must not be called in a process that has anything else to do.
#[must_use]
pub fn compile_child(
    mut input: impl Read,
    mut output: impl Write,
    mut errors: impl Write,
) -> ExitCode {
    let done = limit().and_then(|()| {
        let bytes = read(&mut input, PLUGIN_BYTES_MAX).map_err(|fault| failed("input", &fault))?;
        let code = precompile(&bytes)?;
        output
            .write_all(&code)
            .and_then(|()| output.flush())
            .map_err(|fault| failed("output", &fault))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            // Nobody is left to be told when the parent is gone.
            let _ = writeln!(errors, "{said}");
            ExitCode::from(REFUSED)
        }
    }
}

fn precompile(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let component = component_of(bytes).map_err(|fault| match fault {
        LoadFault::NotWasm => "not-wasm: ".to_owned(),
        LoadFault::NotComponent { why } => format!("not-component: {why}"),
        other => format!("compiler: {other}"),
    })?;
    let engine = compiling_engine().map_err(|fault| failed("engine", &fault))?;
    engine.precompile_component(&component).map_err(|error| match refused(&error) {
        LoadFault::Malformed { why } => format!("malformed: {why}"),
        LoadFault::Async => "async: ".to_owned(),
        other => format!("compiler: {other}"),
    })
}

fn failed(what: &str, fault: &dyn std::fmt::Display) -> String {
    format!("{what}: {fault}")
}

/// Takes the limits that the parent set.
fn limit() -> Result<(), String> {
    for (name, resource) in [(MEMORY, Resource::As), (SECONDS, Resource::Cpu)] {
        let text = std::env::var(name).map_err(|_| format!("limit: {name} is not set"))?;
        let most: u64 = text.parse().map_err(|_| format!("limit: {name} is not a number"))?;
        let limits = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limits).map_err(|fault| failed("limit", &fault))?;
    }
    Ok(())
}

const MEMORY: &str = "SLUICEGATE_COMPILE_BYTES";
const SECONDS: &str = "SLUICEGATE_COMPILE_SECONDS";

/// The exit code of a child that says why.
const REFUSED: u8 = 1;

/// Machine code of the largest plugin, and then some.
const COMPILED_BYTES_MAX: usize = 1024 * 1024 * 1024;

const TEXT_BYTES_MAX: usize = 64 * 1024;
