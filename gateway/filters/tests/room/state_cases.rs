//! Holds the gateway against `sdk/state.cases`, the list that the double of each SDK is held against:
//! through a guest that asks for each step in an event of its own, and by sessions in which as many
//! steps as can are of one event.

#![expect(clippy::indexing_slicing, reason = "a guest that shows too little memory fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Grant, Refused, Scope, Scratch, Session};
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_filters::{Host, Plugin};

use crate::guest::{Guest, chain, escaped, event, host, output, spec, words};

/// Asks for what the payload says, and answers with all of its memory.
fn asker() -> Guest {
    // The payload is header, key, value.
    let key = "(i32.add (local.get $data) (i32.const 32)) (i32.load offset=24 (local.get $data))";
    let value = "(i32.add (i32.add (local.get $data) (i32.const 32))
        (i32.load offset=24 (local.get $data))) (i32.load offset=28 (local.get $data))";
    let ttl = "(i32.load offset=4 (local.get $data)) (i64.load offset=8 (local.get $data))";
    let delta = "(i64.load offset=16 (local.get $data))";
    let ask = |op: usize, name: &str, arguments: &str| {
        let is_op = format!("(i32.eq (i32.load (local.get $data)) (i32.const {op}))");
        format!("(if {is_op} (then (call ${name} {arguments} (i32.const {ANSWER}))))")
    };
    let asks = [
        ask(0, "get", key),
        ask(1, "set", &format!("{key} {value} {ttl}")),
        ask(2, "set-if-absent", &format!("{key} {value} {ttl}")),
        ask(3, "delete", key),
        ask(4, "increment", &format!("{key} {delta} {ttl}")),
    ];
    let mut all = output((0, 0), (0, MEMORY as u32));
    all[60] = 1; // not text but bytes
    let answer = words(&[0, 3, 512, 1]);
    Guest {
        imports: "
            (import \"sluicegate:plugin/state@0.1.0\" \"get\"
                (func $get (param i32 i32 i32)))
            (import \"sluicegate:plugin/state@0.1.0\" \"set\"
                (func $set (param i32 i32 i32 i32 i32 i64 i32)))
            (import \"sluicegate:plugin/state@0.1.0\" \"set-if-absent\"
                (func $set-if-absent (param i32 i32 i32 i32 i32 i64 i32)))
            (import \"sluicegate:plugin/state@0.1.0\" \"delete\"
                (func $delete (param i32 i32 i32)))
            (import \"sluicegate:plugin/state@0.1.0\" \"increment\"
                (func $increment (param i32 i32 i64 i32 i64 i32)))",
        items: format!(
            "(data (i32.const 128) \"{}\") (data (i32.const 512) \"{}\")",
            escaped(&answer),
            escaped(&all)
        ),
        // An event may meet a fresh instance: each can take the largest.
        pages: 2 + MEMORY / 65536,
        filter: format!("{} (i32.const 128)", asks.concat()),
        ..Guest::default()
    }
}

/// Where the guest has the answer of the gateway, and how much memory it shows.
const ANSWER: usize = 2048;
const MEMORY: usize = 6 * 65536;

/// A line of the list that asks.
struct Step {
    op: u32,
    key: String,
    value: Vec<u8>,
    delta: i64,
    ttl_ms: Option<u64>,
}

impl Step {
    fn of(question: &str) -> Option<Self> {
        let mut words = question.split(' ');
        let verb = words.next()?;
        let op = ["get", "set", "set-if-absent", "delete", "increment"];
        let op = op.iter().position(|known| *known == verb)?;
        let key = String::from_utf8(bytes(words.next()?)).unwrap();
        let value = words.next().unwrap_or("\"\"");
        let ttl_ms = words.next().map(|ms| ms.parse().unwrap());
        let delta = if op == 4 { value.parse().unwrap() } else { 0 };
        Some(Self { op: op as u32, key, value: bytes(value), delta, ttl_ms })
    }

    fn payload(&self) -> Vec<u8> {
        let mut all = words(&[self.op, u32::from(self.ttl_ms.is_some())]);
        all.extend(self.ttl_ms.unwrap_or(0).to_le_bytes());
        all.extend(self.delta.to_le_bytes());
        all.extend(words(&[self.key.len() as u32, self.value.len() as u32]));
        all.extend(self.key.as_bytes());
        all.extend(&self.value);
        all
    }

    /// What the guest was answered, from its memory.
    fn answer(&self, memory: &[u8]) -> String {
        let word = |at: usize| {
            u32::from_le_bytes(memory[ANSWER + at..ANSWER + at + 4].try_into().unwrap())
        };
        let list = |at: usize| &memory[word(at) as usize..][..word(at + 4) as usize];
        // What follows the tag of a result is aligned to the largest that it may be.
        let at = if self.op == 4 { 8 } else { 4 };
        match (word(0) as u8, word(at) as u8, self.op) {
            (1, 0, _) => "quota-exceeded".to_owned(),
            (1, 1, _) => "too-large".to_owned(),
            (1, 2, _) => format!("unavailable {}", str::from_utf8(list(at + 4)).unwrap()),
            (0, 0, 0) => "none".to_owned(),
            (0, 1, 0) => format!("some {}", escaped(list(8))),
            (0, was_set, 2) => (was_set == 1).to_string(),
            (0, _, 4) => {
                let sum = u64::from(word(8)) | u64::from(word(12)) << 32;
                sum.cast_signed().to_string()
            }
            (0, _, _) => "ok".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// What a session answers.
    fn asked(&self, session: &mut Session, scope: &Scope, grant: Grant) -> String {
        let ttl = self.ttl_ms.map(Duration::from_millis);
        let value = Bytes::from(self.value.clone());
        let said = match self.op {
            0 => session.get(scope, grant, &self.key).map(|value| match value {
                Some(value) => format!("some {}", escaped(&value)),
                None => "none".to_owned(),
            }),
            1 => session.set(scope, grant, &self.key, value, ttl).map(|()| "ok".to_owned()),
            2 => session
                .set_if_absent(scope, grant, &self.key, value, ttl)
                .map(|was_set| was_set.to_string()),
            3 => session.delete(scope, grant, &self.key).map(|()| "ok".to_owned()),
            _ => session
                .increment(scope, grant, &self.key, self.delta, ttl)
                .map(|sum| sum.to_string()),
        };
        said.unwrap_or_else(|refused| match refused {
            Refused::QuotaExceeded => "quota-exceeded".to_owned(),
            Refused::TooLarge => "too-large".to_owned(),
            Refused::Unavailable(why) => format!("unavailable {why}"),
        })
    }
}

/// The bytes that a word of the list stands for.
fn bytes(word: &str) -> Vec<u8> {
    if word == "\"\"" {
        return Vec::new();
    }
    if let Some(digits) = word.strip_prefix("0x") {
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        return pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    }
    match word.split_once('*') {
        Some((part, times)) => part.repeat(times.parse().unwrap()).into_bytes(),
        None => word.as_bytes().to_vec(),
    }
}

/// State that begins anew, with a clock that the list moves.
struct Kept {
    ms: Arc<AtomicU64>,
    scratch: Arc<Scratch>,
    grant: Grant,
}

impl Kept {
    fn new() -> Self {
        let ms = Arc::new(AtomicU64::new(1_700_000_000_000));
        let shown = Arc::clone(&ms);
        let clock = Clock::new(move || Timestamp::from_unix_ms(shown.load(Ordering::Relaxed)));
        Self { ms, scratch: Arc::new(Scratch::new(clock)), grant: Grant::default() }
    }

    fn view(&self) -> Arc<dyn StateView> {
        Arc::clone(&self.scratch) as Arc<dyn StateView>
    }
}

fn numbers(words: &str) -> Vec<u64> {
    words.split(' ').map(|word| word.parse().unwrap()).collect()
}

/// The lines that matter, each with its number and what it wants.
fn lines() -> impl Iterator<Item = (usize, &'static str, String)> {
    let lines = include_str!("../../../../sdk/state.cases").lines().enumerate();
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(at, line)| {
        let (question, wanted) = line.split_once(" => ").unwrap_or((line, ""));
        let value = wanted.strip_prefix("some ").map(|word| escaped(&bytes(word)));
        (at + 1, question, value.map_or(wanted.to_owned(), |value| format!("some {value}")))
    })
}

/// Goes through the list: `kept` is called where state begins anew, is granted otherwise, or time
/// passes, and `ask` with each step.
fn go_through(kept: &mut impl FnMut(&str, &str), ask: &mut impl FnMut(&Step) -> String) {
    let mut steps = 0;
    for (at, question, wanted) in lines() {
        match (Step::of(question), question.split_once(' ')) {
            (Some(step), _) => {
                let said = ask(&step);
                assert_eq!(said, wanted, "line {at}: {question}");
                steps += 1;
            }
            (None, Some((verb, words))) => kept(verb, words),
            (None, None) => panic!("line {at}: {question}"),
        }
    }
    assert!(steps > 100, "only {steps} steps were read");
}

fn change(kept: &mut Kept, verb: &str, words: &str) {
    match verb {
        "case" => *kept = Kept::new(),
        "pass" => {
            kept.ms.fetch_add(words.parse().unwrap(), Ordering::Relaxed);
        }
        "grant" => {
            let bounds = numbers(words);
            let value_bytes_max = bounds[2] as usize;
            kept.grant = Grant { keys_max: bounds[0], bytes_max: bounds[1], value_bytes_max };
        }
        unknown => panic!("{unknown}"),
    }
}

fn granted(host: &Host, grant: Grant) -> Plugin {
    let mut spec = spec("asker", asker().component());
    spec.terms.state = Some(grant);
    // A debug build, on a machine that does other things too.
    spec.terms.deadline = Duration::from_millis(500);
    host.load(spec).unwrap()
}

#[test]
fn a_guest_is_answered_as_the_doubles_of_the_sdks_answer() {
    let host = host();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kept = std::cell::RefCell::new(Kept::new());
    let mut plugin = granted(&host, Grant::default());
    let mut grant = Grant::default();
    go_through(&mut |verb, words| change(&mut kept.borrow_mut(), verb, words), &mut |step| {
        let kept = kept.borrow();
        if kept.grant != grant {
            grant = kept.grant;
            plugin = granted(&host, grant);
        }
        let mut event = event("push", b"");
        event.parts_mut().payload = step.payload().into();
        let chains = vec![chain(&[&plugin])];
        let mut decided = runtime.block_on(host.decide_with(event, chains, &kept.view())).unwrap();
        assert!(kept.scratch.commit(decided.state));
        let branch = decided.chains.pop().unwrap().pop().unwrap();
        assert_eq!(branch.event.payload.len(), MEMORY, "{:?}", branch.end);
        step.answer(&branch.event.payload)
    });
}

#[test]
fn what_one_event_asks_is_answered_as_if_each_were_an_event_of_its_own() {
    let scope = Scope { plugin: "p".parse().unwrap(), route: "main".parse().unwrap() };
    let kept = std::cell::RefCell::new((Kept::new(), None::<Session>));
    let mut changed = |verb: &str, words: &str| {
        let (kept, session) = &mut *kept.borrow_mut();
        // Time stands still for an event: what was asked before is of another.
        if let Some(session) = session.take() {
            assert!(kept.scratch.commit(session.into_transaction()));
        }
        change(kept, verb, words);
    };
    go_through(&mut changed, &mut |step| {
        let (kept, session) = &mut *kept.borrow_mut();
        let session = session.get_or_insert_with(|| Session::over(kept.view()));
        step.asked(session, &scope, kept.grant)
    });
}
