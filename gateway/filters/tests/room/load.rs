//! Many events at once, and a host that is full.

use std::sync::Arc;
use std::time::Duration;

use crate::guest::{chain, event, host, moody, spec};
use sluicegate_core::refusal::Refusal;
use sluicegate_filters::{AnyQueue, Compiler, End, Host, HostConfig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_under_concurrent_load_does_not_disturb_other_events() {
    let queues = Arc::new(AnyQueue);
    let config =
        HostConfig { threads: 2, jobs_max: 4096, plugins_max: 4, queues, compiler: Compiler::Here };
    let host = Arc::new(Host::start(config).unwrap());
    let plugin = host.load(spec("moody", moody("(unreachable)").component())).unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|n| {
            let (host, chains) = (Arc::clone(&host), vec![chain(&[&plugin])]);
            let payload: &[u8] = if n % 7 == 0 { b"x" } else { b"ok" };
            let event = event("push", payload);
            tokio::spawn(async move { (n, host.decide(event, chains).await.unwrap()) })
        })
        .collect();
    for task in tasks {
        let (n, chains) = task.await.unwrap();
        let end = &chains[0][0].end;
        assert_eq!(matches!(end, End::Dead(_)), n % 7 == 0, "{n}: {end:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_holds_one_worker_and_the_others_go_on() {
    let host = Arc::new(host());
    let mut slow = spec("slow", moody("(loop (br 0))").component());
    slow.terms.deadline = Duration::from_secs(8);
    let slow = host.load(slow).unwrap();
    let fast = host.load(spec("fast", moody("(unreachable)").component())).unwrap();
    let stuck = {
        let (host, chains) = (Arc::clone(&host), vec![chain(&[&slow])]);
        tokio::spawn(async move { host.decide(event("push", b"x"), chains).await })
    };
    for _ in 0..50 {
        let chains = host.decide(event("push", b"ok"), vec![chain(&[&fast])]).await.unwrap();
        assert_eq!(chains[0][0].end, End::Through);
    }
    assert!(!stuck.is_finished(), "the others had to wait for the loop");
    let chains = stuck.await.unwrap().unwrap();
    assert!(matches!(chains[0][0].end, End::Dead(_)));
}

#[tokio::test]
async fn more_events_than_may_wait_are_refused() {
    let queues = Arc::new(AnyQueue);
    let host = Host::start(HostConfig {
        threads: 1,
        jobs_max: 1,
        plugins_max: 1,
        queues,
        compiler: Compiler::Here,
    })
    .unwrap();
    let mut slow = spec("slow", moody("(loop (br 0))").component());
    slow.terms.deadline = Duration::from_secs(3);
    let slow = host.load(slow).unwrap();
    let ask = || host.decide(event("push", b"x"), vec![chain(&[&slow])]);
    // The first one runs here, and shows that the plugin is slow: the others are handed over.
    ask().await.unwrap();
    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask());
    let all: [_; 5] = answers.into();
    let full = |answer: &&Result<_, Refusal>| matches!(answer, Err(Refusal::Overloaded { .. }));
    let refused = all.iter().filter(full).count();
    assert!((3..=4).contains(&refused), "one runs and one waits: {refused}");
}

#[tokio::test]
async fn a_stopped_host_refuses() {
    let host = host();
    let plugin = host.load(spec("p", moody("(unreachable)").component())).unwrap();
    host.stop();
    host.stop();
    let refusal = host.decide(event("push", b"ok"), vec![chain(&[&plugin])]).await.unwrap_err();
    assert_eq!(refusal, Refusal::Stopping);
}

#[tokio::test]
async fn plugins_come_and_go_without_using_the_room_up() {
    let queues = Arc::new(AnyQueue);
    let host = Host::start(HostConfig {
        threads: 2,
        jobs_max: 8,
        plugins_max: 1,
        queues,
        compiler: Compiler::Here,
    })
    .unwrap();
    let bytes = moody("(unreachable)").component();
    for _ in 0..20 {
        let plugin = host.load(spec("p", bytes.clone())).unwrap();
        let chains = host.decide(event("push", b"ok"), vec![chain(&[&plugin])]).await.unwrap();
        assert_eq!(chains[0][0].end, End::Through);
        assert_eq!(host.metrics().len(), 1);
    }
    assert!(host.metrics().is_empty());
}
