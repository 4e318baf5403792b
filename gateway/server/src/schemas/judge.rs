//! Compiles and compares schemas in a child process, which may take so long and so much memory:
//! a schema is input, and what reads it must be stoppable.
//!
//! The question goes to the child's standard input and the verdict comes from its standard output,
//! both as JSON. What the child has compiled in time, this process compiles in about the same.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use sluicegate_admission::Registry;
use sluicegate_admission::schema::compat::{self, Direction, Finding, Incompatible, Mode};
use sluicegate_core::limits::bounded_reason;

use super::record::Record;

/// The name of the command: no person types it.
pub const COMMAND: &str = "judge-schema";

/// Where schemas are looked at.
#[derive(Debug, Clone)]
pub struct Judge {
    /// The program; it calls [`judge_child`] for [`COMMAND`].
    pub program: PathBuf,
}

/// What is asked: whether a schema can be taken in, beside those that are there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// The schema.
    pub(super) new: Record,
    /// The versions that it is held against, oldest first, by number of `there`.
    pub(super) before: Vec<usize>,
    /// Those versions, and everything that they and the schema refer to.
    pub(super) there: Vec<Record>,
    pub(super) mode: String,
}

/// What the child found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can be taken in.
    Fine,
    /// It is no schema, or over a bound.
    Invalid(String),
    /// It is not compatible.
    Incompatible(Vec<Told>),
}

/// What speaks against it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    version: u32,
    direction: String,
    at: String,
    verdict: String,
    why: String,
}

impl From<Incompatible> for Told {
    fn from(found: Incompatible) -> Self {
        Self {
            version: found.version,
            direction: found.direction.word().to_owned(),
            at: found.finding.at,
            verdict: found.finding.verdict.word().to_owned(),
            why: found.finding.why,
        }
    }
}

impl From<Told> for Incompatible {
    fn from(told: Told) -> Self {
        let direction =
            if told.direction == "forward" { Direction::Forward } else { Direction::Backward };
        let verdict = match told.verdict.as_str() {
            "undecided" => compat::Verdict::Undecided,
            _ => compat::Verdict::Narrowed,
        };
        let finding = Finding { at: told.at, verdict, why: told.why };
        Self { version: told.version, direction, finding }
    }
}

impl Judge {
    /// Asks a child process. Blocks for as long as it takes.
    ///
    /// # Errors
    /// When it cannot be started, or did not answer within its bounds: in words.
    pub fn ask(&self, question: &Question) -> Result<Verdict, String> {
        let bytes = serde_json::to_vec(question).map_err(|fault| fault.to_string())?;
        if bytes.len() > QUESTION_BYTES_MAX {
            return Err(format!(
                "it and what it is held against have more than {QUESTION_BYTES_MAX} bytes"
            ));
        }
        let mut child = Command::new(&self.program)
            .arg(COMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|fault| format!("its process cannot be started: {fault}"))?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("its process has no pipes".to_owned());
        };
        let said = thread::scope(|scope| {
            let (done, answer) = channel();
            // A child that ends early leaves the pipe broken; its answer says what came of it.
            scope.spawn(move || drop(stdin.write_all(&bytes)));
            scope.spawn(move || done.send(read(stdout, ANSWER_BYTES_MAX)));
            let said = answer.recv_timeout(TIME_MAX);
            if said.is_err() {
                // It may have ended by itself.
                let _ = child.kill();
            }
            said
        });
        // A child that was waited for leaves nothing behind; how it ended, its answer tells.
        let _ = child.wait();
        match said {
            Ok(Ok(bytes)) => serde_json::from_slice(&bytes).map_err(|_| {
                format!("its process ended without an answer: it may take {MEMORY_BYTES_MAX} bytes")
            }),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(_) => Err(format!("it took longer than {TIME_MAX:?}")),
        }
    }
}

/// The child: takes its limits, and answers what it is asked on standard input. It must not be
/// called in a process that has anything else to do.
#[must_use]
pub fn judge_child(input: impl Read, mut output: impl Write) -> ExitCode {
    let judged = limit().and_then(|()| {
        let bytes = read(input, QUESTION_BYTES_MAX)?;
        let question = serde_json::from_slice(&bytes)?;
        let verdict = serde_json::to_vec(&judge(question))?;
        output.write_all(&verdict)?;
        output.flush()
    });
    if judged.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles the schema and compares it.
fn judge(question: Question) -> Verdict {
    match found(question) {
        Ok(found) if found.is_empty() => Verdict::Fine,
        Ok(found) => Verdict::Incompatible(found.into_iter().map(Told::from).collect()),
        Err(why) => Verdict::Invalid(bounded_reason(why)),
    }
}

fn found(question: Question) -> Result<Vec<Incompatible>, String> {
    let Question { new, before, there, mode } = question;
    let mode: Mode = mode.parse().map_err(|fault: compat::UnknownMode| fault.to_string())?;
    let keys: Vec<_> = there.iter().map(|one| (one.subject.clone(), one.version)).collect();
    let mut registry = Registry::empty();
    let mut given = Vec::new();
    for record in there {
        given.push((String::new(), record.submission()?));
    }
    let told = |faults: Vec<_>| faults.first().map(ToString::to_string).unwrap_or_default();
    registry.insert_all(given).map_err(told)?;
    let mut entries = Vec::new();
    for at in before {
        let (subject, version) = keys.get(at).ok_or("a version is not there")?;
        let subject = subject.parse().map_err(|fault| format!("{fault}"))?;
        entries.push(registry.get(&subject, *version).ok_or("a version is not there")?);
    }
    let new = registry.compile(new.submission()?).map_err(|fault| fault.to_string())?;
    registry.compare(&new.source, &entries, mode).map_err(|fault| fault.to_string())
}

/// Takes the limits: memory, and time of the processor, should nobody be there to end it.
fn limit() -> io::Result<()> {
    // The allocator has taken addresses already, out of which it gives memory.
    let memory = address_bytes().max(MEMORY_BYTES_MAX).saturating_add(STACKS_BYTES);
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, TIME_MAX.as_secs())] {
        let limits = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limits).map_err(io::Error::from)?;
    }
    Ok(())
}

/// The address space that this process has now; 0 if nobody says.
fn address_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().next().and_then(|pages| pages.parse::<u64>().ok());
    let page_bytes = u64::try_from(rustix::param::page_size()).unwrap_or_default();
    pages.unwrap_or_default().saturating_mul(page_bytes)
}

fn read(from: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::other(format!("more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// Memory of the child, beside the stacks of its threads.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// The stack on which a schema is compiled, and as much again.
const STACKS_BYTES: u64 = 128 << 20;
const TIME_MAX: Duration = Duration::from_secs(10);
/// A history of schemas, with what they refer to.
const QUESTION_BYTES_MAX: usize = 64 * 1024 * 1024;
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
