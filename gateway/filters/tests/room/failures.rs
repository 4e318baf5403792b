//! What a guest may do wrong while it is asked: the event is kept, and the next one is decided.

use std::time::Duration;

use crate::guest::{Guest, chain, event, host, moody, only_branch, output, spec, words};
use sluicegate_core::decision::RejectCode;
use sluicegate_core::letter::Cause;
use sluicegate_core::refusal::Refusal;
use sluicegate_filters::{End, OnFailure};

const TRAP: &str = "(unreachable)";
const LOOP: &str = "(loop (br 0))";
const HOG: &str =
    "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
const RECURSION: &str = "(drop (call $deep (i32.const 0)))";
const DEEP: &str = "(func $deep (param i32) (result i32)
    (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";

#[tokio::test]
async fn after_every_failure_the_input_is_dead_lettered_and_the_next_event_is_decided() {
    let host = host();
    for (bad, cause, word) in [
        (TRAP, Cause::Trap, "unreachable"),
        (LOOP, Cause::Deadline, "10 ms"),
        (HOG, Cause::Memory, "memory cap"),
        (RECURSION, Cause::Trap, "stack"),
        ("(drop (i32.load (i32.const -4)))", Cause::Trap, "out of bounds"),
        ("(return (i32.const -64))", Cause::BadDecision, "out of bounds"),
    ] {
        let mut guest = moody(bad);
        guest.items = DEEP.into();
        let mut spec = spec("moody", guest.component());
        spec.terms.deadline = Duration::from_millis(10);
        let plugin = host.load(spec).unwrap();
        let (bad, good) = (event("push", b"x"), event("push", b"ok"));
        for _ in 0..3 {
            let branch = only_branch(&host, &bad, &[&plugin]).await;
            let End::Dead(letter) = branch.end else { panic!("{word}: {:?}", branch.end) };
            assert_eq!(letter.cause, cause, "{letter}");
            assert!(letter.reason.contains(word), "{letter}");
            assert_eq!(letter.plugin, Some((plugin.name().clone(), plugin.digest())));
            assert_eq!(branch.event, bad);
            assert_eq!(only_branch(&host, &good, &[&plugin]).await.end, End::Through);
        }
        let failures = plugin.metrics().failures;
        assert!(failures.contains(&(cause, 3)), "{failures:?}");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_read_are_bad_decisions() {
    let host = host();
    for (answer, text, word) in [
        // The first byte of a character of three.
        (words(&[0, 1, 1024, 1]), "\u{fffd}", "utf-8"),
        (words(&[0, 9]), "", "discriminant"),
        (words(&[0, 1, 1024, u32::MAX]), "", "out of bounds"),
        // A list at 1024 of one string at 1032.
        (words(&[0, 2, 1024, 1]), "\u{8}\u{4}\0\0\u{3}\0\0\0lie", "does not exist"),
    ] {
        let guest = Guest::says(&answer, text);
        let plugin = host.load(spec("liar", guest.component())).unwrap();
        let event = event("push", b"{}");
        let branch = only_branch(&host, &event, &[&plugin]).await;
        let End::Dead(letter) = branch.end else { panic!("{word}: {:?}", branch.end) };
        assert_eq!((letter.cause, &branch.event), (Cause::BadDecision, &event), "{letter}");
        assert!(letter.reason.to_lowercase().contains(word), "{letter}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_event_allows_is_a_bad_decision() {
    let host = host();
    let length = 4 * 1024 * 1024;
    let mut guest = Guest::says(&words(&[0, 3, 4096, 1]), "");
    let emitted = crate::guest::escaped(&output((0, 0), (65536, length)));
    guest.items += &format!("(data (i32.const 4096) \"{emitted}\")");
    guest.filter = "(drop (memory.grow (i32.const 128))) (i32.const 128)".into();
    let plugin = host.load(spec("large", guest.component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
    assert_eq!(letter.cause, Cause::BadDecision, "{letter}");
    assert!(letter.reason.contains("larger"), "{letter}");
}

#[tokio::test]
async fn ten_thousand_outputs_are_a_bad_decision() {
    let host = host();
    // So many times the same: nothing but zeros is an output that inherits everything.
    for (count, word) in [(10_000, "larger"), (1_000, "1000 events")] {
        let guest = Guest {
            filter: "(drop (memory.grow (i32.const 32))) (i32.const 128)".into(),
            ..Guest::says(&words(&[0, 3, 131_072, count]), "")
        };
        let plugin = host.load(spec("many", guest.component())).unwrap();
        let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
        let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
        assert_eq!(letter.cause, Cause::BadDecision, "{letter}");
        assert!(letter.reason.contains(word), "{letter}");
    }
}

#[tokio::test]
async fn a_payload_of_almost_a_gigabyte_is_a_bad_decision_and_is_not_copied() {
    let host = host();
    let length = (1 << 30) - (4 << 20);
    let mut guest = Guest::says(&words(&[0, 3, 4096, 1]), "");
    let emitted = crate::guest::escaped(&output((0, 0), (65536, length)));
    guest.items += &format!("(data (i32.const 4096) \"{emitted}\")");
    // Pages that nobody writes to take no room.
    guest.filter = "(if (i32.eq (memory.grow (i32.const 16320)) (i32.const -1))
        (then (unreachable))) (i32.const 128)"
        .into();
    let mut spec = spec("huge", guest.component());
    spec.terms.memory_bytes_max = 1 << 30;
    spec.terms.recycle_calls = 1;
    let plugin = host.load(spec).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
    assert_eq!(letter.cause, Cause::BadDecision, "{letter}");
    assert!(letter.reason.contains("larger"), "{letter}");
}

#[tokio::test]
async fn a_guest_that_copes_with_the_memory_cap_is_not_failed_for_it() {
    let host = host();
    let copes = "(drop (memory.grow (i32.const 60000))) (i32.const 128)";
    let plugin = host.load(spec("copes", Guest::does(copes).component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    assert_eq!(branch.end, End::Through);
}

#[tokio::test]
async fn a_used_instance_that_traps_is_asked_again_as_a_fresh_one() {
    let host = host();
    let mut guest = Guest::does(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.gt_u (global.get $calls) (i32.const 2)) (then (unreachable))) (i32.const 128)",
    );
    guest.items = "(global $calls (mut i32) (i32.const 0))".into();
    let plugin = host.load(spec("tired", guest.component())).unwrap();
    for _ in 0..20 {
        let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
        assert_eq!(branch.end, End::Through);
    }
    let metrics = plugin.metrics();
    assert!(metrics.retries > 0 && metrics.calls == 20 + metrics.retries, "{metrics:?}");
    assert!(metrics.failures.iter().all(|(_, count)| *count == 0));
}

#[tokio::test]
async fn a_failure_follows_the_policy_of_the_plugin() {
    let host = host();
    let event = event("push", b"{}");
    let load = |on_failure| {
        let bytes = Guest::does(TRAP).component();
        let mut spec = spec("bad", bytes);
        spec.terms.on_failure = on_failure;
        host.load(spec).unwrap()
    };
    let next = load(OnFailure::Next);
    assert_eq!(only_branch(&host, &event, &[&next]).await.end, End::Through);
    let drop = load(OnFailure::Drop);
    let End::Dropped(reason) = only_branch(&host, &event, &[&drop]).await.end else { panic!() };
    assert!(reason.starts_with("filter_trap: "), "{reason}");
    let reject = load(OnFailure::Reject);
    let refusal = host.decide(event, vec![chain(&[&reject])]).await.unwrap_err();
    let Refusal::Rejected(rejection) = refusal else { panic!("{refusal:?}") };
    assert_eq!(rejection.code, RejectCode::Unavailable);
}

#[tokio::test]
async fn a_failure_that_the_guest_says_carries_its_words() {
    let host = host();
    let guest = Guest::says(&words(&[1, 1, 1024, 7]), "no idea");
    let plugin = host.load(spec("lost", guest.component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
    assert_eq!((letter.cause, letter.reason.as_str()), (Cause::Failed, "no idea"));
}

#[tokio::test]
async fn an_instance_is_recycled_by_calls_and_by_memory() {
    let host = host();
    let mut by_calls = spec("calls", Guest::does("(i32.const 128)").component());
    by_calls.terms.recycle_calls = 3;
    let by_calls = host.load(by_calls).unwrap();
    let grows = Guest::does("(drop (memory.grow (i32.const 1))) (i32.const 128)");
    let mut by_memory = spec("memory", grows.component());
    by_memory.terms.memory_bytes_max = 1024 * 1024;
    let by_memory = host.load(by_memory).unwrap();
    for _ in 0..40 {
        let both = only_branch(&host, &event("push", b"{}"), &[&by_calls, &by_memory]).await;
        assert_eq!(both.end, End::Through);
    }
    assert!(by_calls.metrics().recycled >= 12, "{:?}", by_calls.metrics().recycled);
    let memory = by_memory.metrics();
    assert!(memory.recycled >= 2, "{:?}", memory.recycled);
    assert!(memory.memory_bytes_max <= 640 * 1024, "{}", memory.memory_bytes_max);
}

#[tokio::test]
async fn a_loop_is_ended_at_its_deadline_and_not_before() {
    let host = host();
    let mut spec = spec("loop", moody(LOOP).component());
    spec.terms.deadline = Duration::from_millis(10);
    let plugin = host.load(spec).unwrap();
    let branch = only_branch(&host, &event("push", b"x"), &[&plugin]).await;
    assert!(matches!(branch.end, End::Dead(_)));
    let sum = Duration::from_nanos(plugin.metrics().call_time_ns.sum);
    // How long it is until then by the wall says how busy the machine is.
    assert!(sum >= Duration::from_millis(9) && sum < Duration::from_secs(20), "{sum:?}");
}
