//! Versions of a plugin: swapped while events flow, rolled back, paused, and compared in shadow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::guest::{Guest, choosy, event, host, moody, spec, words};
use sluicegate_core::ids::Digest;
use sluicegate_core::letter::Cause;
use sluicegate_core::refusal::Refusal;
use sluicegate_filters::{
    Breaker, Chain, Differs, End, Force, Host, OnFailure, Plugin, Slot, SlotFault, Standing,
};

const TRAP: &str = "(unreachable)";

/// A version of this guest, with a digest of its own.
fn version(host: &Host, number: u8, guest: &Guest) -> Plugin {
    with_policy(host, number, guest, OnFailure::DeadLetter)
}

fn with_policy(host: &Host, number: u8, guest: &Guest, on_failure: OnFailure) -> Plugin {
    let mut spec = spec("router", guest.component());
    spec.digest = Digest([number; 32]);
    spec.terms.on_failure = on_failure;
    host.load(spec).unwrap()
}

/// A guest that drops everything for this reason.
fn drops(why: &str) -> Guest {
    Guest::says(&words(&[0, 1, 1024, u32::try_from(why.len()).unwrap()]), why)
}

fn chain(slot: &Slot) -> Arc<Chain> {
    Arc::new(Chain { route: "main".parse().unwrap(), plugins: vec![slot.clone()] })
}

async fn asked(host: &Host, slot: &Slot, payload: &'static [u8]) -> Result<End, Refusal> {
    let mut chains = host.decide(event("push", payload), vec![chain(slot)]).await?;
    Ok(chains.pop().unwrap().pop().unwrap().end)
}

async fn end(host: &Host, slot: &Slot, payload: &'static [u8]) -> End {
    asked(host, slot, payload).await.unwrap()
}

fn dead(end: End) -> Cause {
    let End::Dead(letter) = end else { panic!("{end:?}") };
    letter.cause
}

/// Asks until the answer is there.
async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = condition().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn breaker(failures: u32, retry: Duration) -> Option<Breaker> {
    Some(Breaker { failures, within: Duration::from_secs(60), retry })
}

#[tokio::test]
async fn the_next_event_meets_the_new_version_and_the_old_instances_are_gone() {
    let host = host();
    let (one, two) = (version(&host, 1, &drops("one")), version(&host, 2, &drops("two")));
    let slot = Slot::new(one.clone(), None);
    assert_eq!(end(&host, &slot, b"{}").await, End::Dropped("one".into()));
    assert_eq!(one.metrics().instances, 1);
    host.swap(&slot, two.clone(), Force::No).unwrap();
    assert_eq!(one.metrics().instances, 0);
    assert_eq!(end(&host, &slot, b"{}").await, End::Dropped("two".into()));
    let view = slot.view();
    assert_eq!((&view.current, view.previous.as_ref(), view.swaps), (&two, Some(&one), 1));
    host.roll_back(&slot).unwrap();
    assert_eq!(two.metrics().instances, 0);
    assert_eq!(end(&host, &slot, b"{}").await, End::Dropped("one".into()));
    assert_eq!(host.roll_back(&slot), Err(SlotFault::NoPrevious));
}

#[tokio::test]
async fn a_hundred_swaps_leave_no_instance_and_no_version_behind() {
    let host = host();
    let slot = Slot::new(version(&host, 0, &drops("0")), None);
    for number in 1..100 {
        let why = number.to_string();
        host.swap(&slot, version(&host, number, &drops(&why)), Force::No).unwrap();
        assert_eq!(end(&host, &slot, b"{}").await, End::Dropped(why));
    }
    let loaded = host.metrics();
    assert_eq!(loaded.len(), 2, "the one that decides and the one before it");
    assert_eq!(loaded.iter().map(|one| one.instances).sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_meets_one_version_on_all_its_chains_however_often_they_are_swapped() {
    let host = Arc::new(host());
    let versions = [version(&host, 1, &drops("one")), version(&host, 2, &drops("two"))];
    let slot = Slot::new(versions[0].clone(), None);
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (host, slot, stop) = (Arc::clone(&host), slot.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut swaps = 0;
            while !stop.load(Ordering::Relaxed) {
                for version in &versions {
                    host.swap(&slot, version.clone(), Force::No).unwrap();
                    swaps += 1;
                }
            }
            swaps
        })
    };
    let mut seen = std::collections::BTreeMap::new();
    let began = Instant::now();
    let mut met = 0;
    // Until the other thread has had its turn, too.
    while met < 5000 || (seen.len() < 2 && began.elapsed() < Duration::from_secs(60)) {
        met += 1;
        let chains = vec![chain(&slot), chain(&slot), chain(&slot)];
        let chains = host.decide(event("push", b"{}"), chains).await.unwrap();
        let ends: Vec<End> = chains.into_iter().flatten().map(|branch| branch.end).collect();
        assert_eq!(ends.len(), 3);
        let End::Dropped(why) = &ends[0] else { panic!("{ends:?}") };
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
        *seen.entry(why.clone()).or_insert(0) += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = swapper.join().unwrap();
    assert!(swaps > 10 && seen.len() == 2, "{swaps} swaps: {seen:?}");
}

#[tokio::test]
async fn a_version_that_fails_too_often_is_quarantined_and_rolled_back() {
    let host = host();
    let good = version(&host, 1, &drops("good"));
    let slot = Slot::new(good.clone(), breaker(3, Duration::from_secs(30)));
    let bad = version(&host, 2, &Guest::does(TRAP));
    host.swap(&slot, bad.clone(), Force::No).unwrap();
    for _ in 0..3 {
        assert_eq!(dead(end(&host, &slot, b"{}").await), Cause::Trap);
    }
    assert_eq!(end(&host, &slot, b"{}").await, End::Dropped("good".into()));
    let view = slot.view();
    assert_eq!((&view.current, view.previous, view.rollbacks), (&good, None, 1));
    assert_eq!((view.standing, &view.quarantined[..]), (Standing::Running, &[bad.digest()][..]));
    let digest = bad.digest();
    let refused = host.swap(&slot, bad.clone(), Force::No);
    assert_eq!(refused, Err(SlotFault::Quarantined { digest }));
    let refused = host.shadow(&slot, bad.clone(), Force::No);
    assert_eq!(refused, Err(SlotFault::Quarantined { digest }));
    host.swap(&slot, bad, Force::Forgive).unwrap();
    assert_eq!(slot.view().quarantined, []);
}

#[tokio::test]
async fn what_an_author_says_and_what_is_rare_do_not_open_the_circuit() {
    let host = host();
    let says = Guest::says(&words(&[1, 1, 1024, 7]), "no idea");
    let slot = Slot::new(version(&host, 1, &says), breaker(2, Duration::from_secs(30)));
    for _ in 0..20 {
        assert_eq!(dead(end(&host, &slot, b"{}").await), Cause::Failed);
    }
    let slot = Slot::new(version(&host, 2, &moody(TRAP)), breaker(2, Duration::from_secs(30)));
    for _ in 0..20 {
        assert_eq!(dead(end(&host, &slot, b"x").await), Cause::Trap);
        for _ in 0..3 {
            assert_eq!(end(&host, &slot, b"ok").await, End::Through);
        }
    }
    assert_eq!(slot.view().standing, Standing::Running);
}

#[tokio::test]
async fn without_a_version_before_it_a_failing_one_is_not_asked_until_it_is_tried_again() {
    let host = host();
    let only = version(&host, 1, &moody(TRAP));
    let slot = Slot::new(only.clone(), breaker(2, Duration::from_secs(3600)));
    for _ in 0..2 {
        assert_eq!(dead(end(&host, &slot, b"x").await), Cause::Trap);
    }
    let calls = only.metrics().calls;
    assert_eq!(dead(end(&host, &slot, b"ok").await), Cause::CircuitOpen);
    assert_eq!((only.metrics().calls, slot.view().standing), (calls, Standing::Open));
    assert_eq!(slot.view().quarantined, [], "it is the only one there is");
    slot.resume();
    assert_eq!(end(&host, &slot, b"ok").await, End::Through);

    let slot = Slot::new(only, breaker(2, Duration::from_millis(1)));
    let open = until("the circuit to open", async || {
        let cause = dead(end(&host, &slot, b"x").await);
        (slot.view().standing == Standing::Open).then_some(cause)
    });
    assert_eq!(open.await, Cause::Trap);
    // A try that fails leaves it open; one that is answered closes it.
    until("a try that fails", async || {
        (dead(end(&host, &slot, b"x").await) == Cause::Trap).then_some(())
    })
    .await;
    assert_eq!(slot.view().standing, Standing::Open);
    until("a try that is answered", async || {
        (end(&host, &slot, b"ok").await == End::Through).then_some(())
    })
    .await;
    assert_eq!(slot.view().standing, Standing::Running);
}

#[tokio::test]
async fn a_plugin_whose_policy_is_to_pause_refuses_until_somebody_sees_to_it() {
    let host = host();
    let mut guest = choosy();
    guest.filter = "(unreachable)".into();
    let choosy = with_policy(&host, 1, &guest, OnFailure::Pause);
    let slot = Slot::new(choosy, None);
    for _ in 0..3 {
        let refusal = asked(&host, &slot, b"{}").await.unwrap_err();
        let Refusal::PluginPaused { plugin, .. } = &refusal else { panic!("{refusal:?}") };
        assert_eq!((plugin.as_str(), refusal.code()), ("router", "plugin_paused"));
    }
    let other = host.decide(event("issues", b"{}"), vec![chain(&slot)]).await.unwrap();
    assert_eq!(other[0][0].end, End::Through, "a type that it does not want");
    let Standing::Paused(why) = slot.view().standing else { panic!("it runs") };
    assert!(why.contains("unreachable"), "{why}");
    assert_eq!(slot.current().metrics().calls, 1, "it is asked no more");

    let moody = with_policy(&host, 2, &moody(TRAP), OnFailure::Pause);
    host.swap(&slot, moody, Force::No).unwrap();
    assert_eq!(end(&host, &slot, b"ok").await, End::Through);
    asked(&host, &slot, b"x").await.unwrap_err();
    asked(&host, &slot, b"ok").await.unwrap_err();
    slot.resume();
    assert_eq!(end(&host, &slot, b"ok").await, End::Through);
}

#[tokio::test]
async fn a_shadow_is_compared_and_nothing_that_it_says_takes_effect() {
    let host = host();
    let slot = Slot::new(version(&host, 1, &Guest::does("(i32.const 128)")), None);
    let mut guest = moody("(return (i32.const 256))");
    guest.items = format!(
        "(data (i32.const 256) \"{}\") (data (i32.const 1024) \"spam\")",
        crate::guest::escaped(&words(&[0, 1, 1024, 4]))
    );
    let shadow = version(&host, 2, &guest);
    host.shadow(&slot, shadow.clone(), Force::No).unwrap();
    assert!(shadow.metrics().is_shadow);
    for payload in [&b"ok"[..], b"x1", b"ok", b"x2"] {
        assert_eq!(end(&host, &slot, payload).await, End::Through);
    }
    let found =
        until("four comparisons", async || slot.view().differences.filter(|all| all.compared == 4))
            .await;
    assert_eq!((found.different, found.dropped), (2, 0));
    assert_eq!(found.pairs.into_iter().collect::<Vec<_>>(), [(("next", "drop"), 2)]);
    assert_eq!(found.last.len(), 2);
    assert_eq!((found.last[0].differs, found.last[0].kind.as_str()), (Differs::Kind, "push"));

    host.promote(&slot).unwrap();
    assert_eq!(end(&host, &slot, b"x").await, End::Dropped("spam".into()));
    let view = slot.view();
    assert_eq!((view.current, view.shadow, view.differences), (shadow.clone(), None, None));
    assert!(!shadow.metrics().is_shadow);
    assert_eq!(host.promote(&slot), Err(SlotFault::NoShadow));
    assert_eq!(slot.end_shadow(), Err(SlotFault::NoShadow));
}

#[tokio::test]
async fn a_shadow_that_subscribes_to_more_or_less_differs() {
    let host = host();
    let (all, some) = (version(&host, 1, &drops("x")), version(&host, 2, &choosy()));
    for (current, shadow, pair) in
        [(&all, &some, ("drop", "not_asked")), (&some, &all, ("not_asked", "drop"))]
    {
        let slot = Slot::new(current.clone(), None);
        host.shadow(&slot, shadow.clone(), Force::No).unwrap();
        host.decide(event("issues", b"{}"), vec![chain(&slot)]).await.unwrap();
        let found =
            until("a comparison", async || slot.view().differences.filter(|all| all.compared == 1))
                .await;
        assert_eq!(found.pairs.into_keys().collect::<Vec<_>>(), [pair]);
        slot.end_shadow().unwrap();
    }
}

#[tokio::test]
async fn a_shadow_that_hangs_costs_the_line_nothing() {
    let host = host();
    let slot = Slot::new(version(&host, 1, &drops("x")), None);
    host.shadow(&slot, version(&host, 2, &Guest::does("(loop (br 0)) (unreachable)")), Force::No)
        .unwrap();
    let mut asked = 0_u64;
    let found = until("events that are not compared", async || {
        for _ in 0..500 {
            assert_eq!(end(&host, &slot, b"{}").await, End::Dropped("x".into()));
            asked += 1;
        }
        slot.view().differences.filter(|all| all.dropped > 0)
    })
    .await;
    assert!(found.compared + found.dropped <= asked);
    assert!(found.pairs.keys().all(|pair| *pair == ("drop", "filter_deadline")), "{found:?}");
    host.stop();
}
