//! What a guest may call: metrics, log and clock.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::guest::{Guest, event, host, only_branch, spec};
use sluicegate_core::letter::Cause;
use sluicegate_filters::{End, SeriesValue};

#[tokio::test]
async fn series_of_a_guest_are_shared_by_its_instances_and_can_be_read() {
    let host = host();
    let mut guest = Guest {
        imports: "(import \"sluicegate:plugin/metrics@0.1.0\" \"counter\"
                (func $counter (param i32 i32 i32 i32) (result i32)))
            (import \"sluicegate:plugin/metrics@0.1.0\" \"add\" (func $add (param i32 i64)))",
        items: "(global $id (mut i32) (i32.const 0)) (data (i32.const 1024) \"alerts\")".into(),
        ..Guest::does("(call $add (global.get $id) (i64.const 2)) (i32.const 128)")
    };
    guest.configure = format!(
        "(global.set $id (call $counter (i32.const 1024) (i32.const 6) (i32.const 0) (i32.const 0))) {}",
        guest.configure
    );
    let mut spec = spec("counts", guest.component());
    spec.terms.recycle_calls = 1;
    let plugin = host.load(spec).unwrap();
    for _ in 0..5 {
        let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
        assert_eq!(branch.end, End::Through);
    }
    let series = host.metrics().remove(0).series;
    assert_eq!(series.len(), 1);
    assert_eq!((series[0].name.as_str(), &series[0].value), ("alerts", &SeriesValue::Counter(10)));
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted() {
    let host = host();
    let guest = Guest {
        imports: "(import \"sluicegate:plugin/log@0.1.0\" \"write\"
            (func $write (param i32 i32 i32 i32 i32)))",
        items: "(data (i32.const 1024) \"flood\")
            (func $flood (local $n i32)
                (loop
                    (call $write
                        (i32.const 4) (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0))
                    (br_if 0 (i32.lt_u
                        (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 300)))))"
            .into(),
        ..Guest::does("(call $flood) (i32.const 128)")
    };
    let plugin = host.load(spec("chatty", guest.component())).unwrap();
    tracing::subscriber::set_global_default(Lines).expect("no other test collects lines");
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    assert_eq!(branch.end, End::Through);
    let written = LINES.load(Ordering::SeqCst);
    assert!((100..300).contains(&written), "a hundred for each second: {written}");
    assert_eq!(plugin.metrics().log_lines_dropped, 300 - written);
}

static LINES: AtomicU64 = AtomicU64::new(0);

/// Counts the lines of guests.
struct Lines;

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "sluicegate::plugin"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn event(&self, _: &tracing::Event<'_>) {
        LINES.fetch_add(1, Ordering::SeqCst);
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn text_for_the_gateway_that_is_not_utf8_ends_the_call_and_the_event_is_kept() {
    let host = host();
    let guest = Guest {
        imports: "(import \"sluicegate:plugin/log@0.1.0\" \"write\"
            (func $write (param i32 i32 i32 i32 i32)))",
        items: "(data (i32.const 1024) \"\\ff\")".into(),
        ..Guest::does(
            "(call $write (i32.const 4) (i32.const 1024) (local.get $data_len) (i32.const 0)
                (i32.const 0)) (i32.const 128)",
        )
    };
    let plugin = host.load(spec("odd", guest.component())).unwrap();
    let (bad, good) = (event("push", b"x"), event("push", b""));
    for _ in 0..3 {
        let branch = only_branch(&host, &bad, &[&plugin]).await;
        let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
        assert_eq!(letter.cause, Cause::BadDecision, "{letter}");
        assert!(letter.reason.contains("utf-8"), "{letter}");
        assert_eq!(branch.event, bad);
        assert_eq!(only_branch(&host, &good, &[&plugin]).await.end, End::Through);
    }
}

#[tokio::test]
async fn the_clock_moves() {
    let host = host();
    let guest = Guest {
        imports: "(import \"sluicegate:plugin/clock@0.1.0\" \"now-ns\" (func $now (result i64)))",
        // 2020-01-01 in nanoseconds.
        ..Guest::does(
            "(if (i64.lt_u (call $now) (i64.const 1577836800000000000)) (then (unreachable)))
            (i32.const 128)",
        )
    };
    let plugin = host.load(spec("clock", guest.component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    assert_eq!(branch.end, End::Through);
}
