//! What a guest remembers: only where it is granted, on each route apart, and nothing of a call that
//! failed.

use std::sync::Arc;

use sluicegate_core::decision::{RejectCode, Rejection};
use sluicegate_core::ids::RouteName;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Grant, Scope, Scratch};
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_filters::{Chain, Decided, Host, LoadFault, Plugin, Slot};

use crate::guest::{Guest, event, host, spec, words};

/// Imports `increment`, and adds one to the key `n`.
const COUNTS: &str = "(import \"sluicegate:plugin/state@0.1.0\" \"increment\"
    (func $increment (param i32 i32 i64 i32 i64 i32)))";
const ADD: &str = "(call $increment (i32.const 1024) (i32.const 1) (i64.const 1) (i32.const 0)
    (i64.const 0) (i32.const 2048))";

/// A guest that counts, and then does this.
fn counting(then: &str) -> Guest {
    Guest {
        imports: COUNTS,
        items: "(data (i32.const 1024) \"n\")".into(),
        ..Guest::does(&format!("{ADD} {then}"))
    }
}

fn granted(host: &Host, name: &str, guest: &Guest) -> Plugin {
    let mut spec = spec(name, guest.component());
    spec.terms.state = Some(Grant::default());
    host.load(spec).unwrap()
}

fn scratch() -> Arc<Scratch> {
    Arc::new(Scratch::new(Clock::new(|| Timestamp::from_unix_ms(5))))
}

fn on(route: &str, plugin: &Plugin) -> Arc<Chain> {
    Arc::new(Chain {
        route: route.parse().unwrap(),
        plugins: vec![Slot::new(plugin.clone(), None)],
    })
}

async fn decide(
    host: &Host,
    state: &Arc<Scratch>,
    chains: Vec<Arc<Chain>>,
) -> Result<Decided, Refusal> {
    let view = Arc::clone(state) as Arc<dyn StateView>;
    host.decide_with(event("push", b"{}"), chains, &view).await
}

fn counted(state: &Scratch, plugin: &str, route: &str) -> Option<String> {
    let route: RouteName = route.parse().unwrap();
    let scope = Scope { plugin: plugin.parse().unwrap(), route };
    let value = state.read(&scope, "n", state.now()).value?;
    Some(String::from_utf8(value.bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_plugin_that_was_not_granted_state_is_refused_and_told_how_to_grant_it() {
    let fault = host().load(spec("p", counting("(i32.const 128)").component())).unwrap_err();
    assert!(matches!(fault, LoadFault::Imports { .. }), "{fault:?}");
    let said = fault.to_string();
    assert!(said.contains("sluicegate:plugin/state@0.1.0"), "{said}");
    assert!(said.contains("`state: {}`"), "{said}");
}

#[tokio::test]
async fn what_a_plugin_writes_is_in_the_answer_by_route_and_nowhere_else() {
    let (host, state) = (host(), scratch());
    let plugin = granted(&host, "p", &counting("(i32.const 128)"));
    let chains = vec![on("one", &plugin), on("two", &plugin), on("one", &plugin)];
    let decided = decide(&host, &state, chains).await.unwrap();
    assert_eq!(decided.chains.len(), 3);
    assert_eq!(counted(&state, "p", "one"), None, "it is not committed");
    assert!(state.commit(decided.state));
    assert_eq!(counted(&state, "p", "one").as_deref(), Some("2"));
    assert_eq!(counted(&state, "p", "two").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_a_call_wrote_that_trapped_or_gave_up_is_taken_back() {
    let failed = "(i32.store8 (i32.const 128) (i32.const 1))
        (i32.store8 (i32.const 132) (i32.const 1)) (i32.const 128)";
    let no_decision = "(i32.store8 (i32.const 132) (i32.const 99)) (i32.const 128)";
    for then in ["(unreachable)", failed, no_decision] {
        let (host, state) = (host(), scratch());
        let bad = granted(&host, "bad", &counting(then));
        let good = granted(&host, "good", &counting("(i32.const 128)"));
        let chains = vec![on("one", &good), on("one", &bad)];
        let decided = decide(&host, &state, chains).await.unwrap();
        assert!(state.commit(decided.state));
        assert_eq!(counted(&state, "bad", "one"), None, "{then}");
        assert_eq!(counted(&state, "good", "one").as_deref(), Some("1"), "{then}");
    }
}

#[tokio::test]
async fn a_rejection_leaves_nothing_to_commit() {
    let (host, state) = (host(), scratch());
    // ok(reject(rate-limited, "")).
    let mut guest = counting("(i32.const 128)");
    guest.items.push_str(&format!(
        "(data (i32.const 128) \"{}\")",
        crate::guest::escaped(&words(&[0, 4, 4, 1024, 0]))
    ));
    let plugin = granted(&host, "p", &guest);
    let refusal = decide(&host, &state, vec![on("one", &plugin)]).await.unwrap_err();
    let expected = Rejection { code: RejectCode::RateLimited, reason: String::new() };
    assert_eq!(refusal, Refusal::Rejected(expected));
}

#[tokio::test]
async fn there_is_no_state_in_configure_and_asking_there_harms_nothing() {
    let (host, state) = (host(), scratch());
    let mut guest = counting("(i32.const 128)");
    guest.configure = format!("{ADD} {}", guest.configure);
    let plugin = granted(&host, "p", &guest);
    let decided = decide(&host, &state, vec![on("one", &plugin)]).await.unwrap();
    assert!(state.commit(decided.state));
    assert_eq!(counted(&state, "p", "one").as_deref(), Some("1"));
}

#[tokio::test]
async fn writes_over_the_quota_are_refused_and_counted() {
    let (host, state) = (host(), scratch());
    let mut spec = spec("p", counting("(i32.const 128)").component());
    spec.terms.state = Some(Grant { bytes_max: 1, ..Grant::default() });
    let plugin = host.load(spec).unwrap();
    let decided = decide(&host, &state, vec![on("one", &plugin)]).await.unwrap();
    assert!(state.commit(decided.state));
    assert_eq!(counted(&state, "p", "one"), None);
    assert_eq!(plugin.metrics().state_refused, 1);
}
