//! Plugins that are asked about several events in one call: who is asked together, and that no
//! event depends on its companions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_core::event::Event;
use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::letter::Cause;
use sluicegate_core::state::Grant;
use sluicegate_core::time::Timestamp;
use sluicegate_filters::{Branch, Chain, Compiler, End, Host, HostConfig, Plugin};

use crate::guest::{Guest, chain, componentize, embed, event, only_branch, spec};

/// A guest that drops each event, with its payload for the reason. `first` is what it does with the
/// first byte of each payload (`$byte`), which may change `$answers`, how many it gives.
fn batches(first: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (memory (export "memory") 16)
            (global $heap (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                (global.set $heap (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "sluicegate:plugin/batch-filter@0.1.0#configure")
                (param i32 i32) (result i32)
                (i32.store8 (i32.const 32) (i32.const 0))
                (i32.store8 (i32.const 60) (i32.const 1)) (i32.const 32))
            (func (export "sluicegate:plugin/batch-filter@0.1.0#filter-batch")
                (param $event i32) (param $events i32) (result i32)
                (local $answers i32) (local $at i32) (local $byte i32)
                (global.set $heap (i32.const 131072))
                (local.set $answers (local.get $events))
                (local.set $at (i32.const 1024))
                (block $done (loop $next
                    (br_if $done (i32.eqz (local.get $events)))
                    (local.set $byte (i32.load8_u (i32.load offset=60 (local.get $event))))
                    {first}
                    (i32.store (local.get $at) (i32.const 0))
                    (i32.store offset=4 (local.get $at) (i32.const 1))
                    (i32.store offset=8 (local.get $at) (i32.load offset=60 (local.get $event)))
                    (i32.store offset=12 (local.get $at) (i32.load offset=64 (local.get $event)))
                    (local.set $at (i32.add (local.get $at) (i32.const 20)))
                    (local.set $event (i32.add (local.get $event) (i32.const 72)))
                    (local.set $events (i32.sub (local.get $events) (i32.const 1)))
                    (br $next)))
                (i32.store (i32.const 512) (i32.const 1024))
                (i32.store (i32.const 516) (local.get $answers))
                (i32.const 512)))"#
    );
    let mut module = wat::parse_str(&text).expect("the guest is valid WAT");
    embed(&mut module, "batch-filter-plugin");
    componentize(&module)
}

/// What the guests do at a payload that begins so.
fn at(byte: char, code: &str) -> String {
    format!("(if (i32.eq (local.get $byte) (i32.const {})) (then {code}))", u32::from(byte))
}

const LOOP: &str = "(loop (br 0))";

/// A room with one worker: while it is held, events wait together.
fn one_worker() -> Host {
    let queues: BTreeSet<QueueName> = BTreeSet::new();
    Host::start(HostConfig {
        threads: 1,
        jobs_max: 256,
        plugins_max: 8,
        queues: Arc::new(queues),
        compiler: Compiler::Here,
    })
    .unwrap()
}

fn payloads(texts: &[&str]) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, text) in (1..).zip(texts) {
        let mut event = event("push", b"");
        event.parts_mut().id = EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), number);
        event.parts_mut().payload = Bytes::copy_from_slice(text.as_bytes());
        events.push(event);
    }
    events
}

/// Holds the only worker with an endless loop of another plugin, lets these events wait together,
/// and gives what became of each.
async fn together(host: &Arc<Host>, plugins: &[&Plugin], events: Vec<Event>) -> Vec<Branch> {
    let mut held = spec("held", batches(LOOP));
    held.terms.deadline = Duration::from_secs(2);
    let held = host.load(held).unwrap();
    let before = held.metrics().starts;
    let all = [(chain(&[&held]), event("push", b"h"))]
        .into_iter()
        .chain(events.into_iter().map(|event| (chain(plugins), event)));
    let mut answers = Vec::new();
    for (at, (chain, event)) in all.enumerate() {
        let host = Arc::clone(host);
        answers.push(tokio::spawn(async move { decided(&host, chain, event).await }));
        let deadline = Instant::now() + Duration::from_secs(10);
        while at == 0 && held.metrics().starts == before {
            assert!(Instant::now() < deadline, "the worker did not begin");
            tokio::task::yield_now().await;
        }
    }
    let mut branches = Vec::new();
    for answer in answers {
        branches.push(answer.await.unwrap());
    }
    let first = branches.remove(0);
    assert_eq!(cause(&first.end), Some(Cause::Deadline));
    branches
}

async fn decided(host: &Host, chain: Arc<Chain>, event: Event) -> Branch {
    host.decide(event, vec![chain]).await.unwrap().remove(0).remove(0)
}

fn cause(end: &End) -> Option<Cause> {
    match end {
        End::Dead(letter) => Some(letter.cause),
        _ => None,
    }
}

fn assert_dropped(branch: &Branch) {
    let payload = String::from_utf8(branch.event.payload.to_vec()).unwrap();
    assert_eq!(branch.end, End::Dropped(payload), "each event has its own answer");
}

#[tokio::test]
async fn events_that_wait_together_are_asked_about_in_one_call() {
    let host = Arc::new(one_worker());
    let plugin = host.load(spec("batches", batches(""))).unwrap();
    let texts: Vec<String> = (0..100).map(|number| format!("event {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let branches = together(&host, &[&plugin], payloads(&texts)).await;
    assert_eq!(branches.len(), 100);
    branches.iter().for_each(assert_dropped);
    let metrics = plugin.metrics();
    assert_eq!(metrics.calls, 2, "64 and 36 events");
    assert!(metrics.decisions.contains(&("drop", 100)), "{:?}", metrics.decisions);
}

#[tokio::test]
async fn an_event_that_waits_alone_is_a_batch_of_one() {
    let host = one_worker();
    let plugin = host.load(spec("batches", batches(""))).unwrap();
    let alone = only_branch(&host, &event("push", b"alone"), &[&plugin]).await;
    assert_dropped(&alone);
    assert_eq!(plugin.metrics().calls, 1);
}

#[tokio::test]
async fn one_that_breaks_its_batch_breaks_no_other() {
    let host = Arc::new(one_worker());
    // One about all, one about each, and each trap of a used instance is tried on a fresh one.
    let kinds = [("(unreachable)", Cause::Trap, 8), (LOOP, Cause::Deadline, 6)];
    for (code, wanted, calls) in kinds {
        let plugin = host.load(spec("moody", batches(&at('x', code)))).unwrap();
        let branches = together(&host, &[&plugin], payloads(&["a", "x", "b", "x", "c"])).await;
        for (branch, text) in branches.iter().zip(["a", "x", "b", "x", "c"]) {
            match text {
                "x" => assert_eq!(cause(&branch.end), Some(wanted)),
                _ => assert_dropped(branch),
            }
        }
        let metrics = plugin.metrics();
        assert_eq!(metrics.calls, calls);
        assert!(metrics.failures.contains(&(wanted, 2)), "{:?}", metrics.failures);
    }
}

#[tokio::test]
async fn a_list_of_another_length_answers_no_event() {
    let host = Arc::new(one_worker());
    for code in ["(local.set $answers (i32.const 0))", "(local.set $answers (i32.const 7))"] {
        let plugin = host.load(spec("short", batches(code))).unwrap();
        let branches = together(&host, &[&plugin], payloads(&["a", "b", "c"])).await;
        for branch in branches {
            assert_eq!(cause(&branch.end), Some(Cause::BadDecision), "{:?}", branch.end);
        }
    }
    // Only the one whose answer is missing suffers.
    let lazy = at('x', "(local.set $answers (i32.const 0))");
    let plugin = host.load(spec("lazy", batches(&lazy))).unwrap();
    let branches = together(&host, &[&plugin], payloads(&["a", "x"])).await;
    assert_dropped(&branches[0]);
    assert_eq!(cause(&branches[1].end), Some(Cause::BadDecision));
}

#[tokio::test]
async fn behind_another_plugin_each_event_is_asked_about_as_it_comes() {
    let host = Arc::new(one_worker());
    let next = host.load(spec("next", Guest::default().component())).unwrap();
    let plugin = host.load(spec("batches", batches(""))).unwrap();
    let branches = together(&host, &[&next, &plugin], payloads(&["a", "b", "c"])).await;
    branches.iter().for_each(assert_dropped);
    assert_eq!((next.metrics().calls, plugin.metrics().calls), (3, 3));
}

#[tokio::test]
async fn one_that_remembers_is_asked_about_one_event_at_a_time() {
    let host = Arc::new(one_worker());
    let mut remembers = spec("batches", batches(""));
    remembers.terms.state = Some(Grant::default());
    let plugin = host.load(remembers).unwrap();
    let branches = together(&host, &[&plugin], payloads(&["a", "b", "c"])).await;
    branches.iter().for_each(assert_dropped);
    assert_eq!(plugin.metrics().calls, 3);
}
