//! What an operator sees of a queue, gives back, and drops.

use std::time::Duration;

use sluicegate_core::queue::{Delivery, QueueFault, Standing, Verb};
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::{Browsed, Cursor, Field, QueueConfig, Store, TermsRules};

/// All pages of a queue, each at most `max` long.
async fn pages(store: &Store, queue: &str, max: usize) -> Vec<Browsed> {
    let mut all: Vec<Browsed> = Vec::new();
    loop {
        let after = all.last().map(|last| last.cursor);
        let page = store.browse(&name(queue), after, max).await.unwrap();
        assert!(page.len() <= max);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn seen(all: &[Browsed]) -> Vec<u64> {
    all.iter().map(|one| number_of(one.event.as_ref().unwrap())).collect()
}

#[tokio::test]
async fn a_queue_is_looked_through_in_order_across_segments_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    for number in 0..200 {
        commit(&store, number, &["a"]).await;
    }
    let got = receive(&store, "a", 60).await;
    for one in &got[..20] {
        ack(&store, "a", one).await;
    }
    let no = Verb::Nack { delay: Some(Duration::from_secs(60)), reason: "not now".into() };
    settle(&store, "a", &got[30], no).await;
    for max in [1, 7, 1000] {
        let all = pages(&store, "a", max).await;
        assert_eq!(seen(&all), (20..200).collect::<Vec<_>>(), "pages of {max}");
        assert!(matches!(all[0].standing, Standing::Leased(_)) && all[0].attempts == 1);
        assert!(matches!(all[10].standing, Standing::Delayed(_)));
        let whys: Vec<&str> = all[10].failures.iter().map(|failure| &*failure.why).collect();
        assert_eq!(whys, ["not now"]);
        assert_eq!((all[50].standing, all[50].attempts), (Standing::Ready, 0));
    }
    let cursor = pages(&store, "a", 1000).await[99].cursor;
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    let page = store.browse(&name("a"), Some(cursor), 3).await.unwrap();
    assert_eq!(seen(&page), [120, 121, 122], "a cursor stays good");
    assert_eq!(stats(&store, "a").await.handed_out, 0, "nothing is leased for it");
    let fault = store.browse(&name("none"), None, 1).await.unwrap_err();
    assert_eq!(fault, QueueFault::NoQueue);
}

#[tokio::test]
async fn a_page_shows_priority_schedule_and_end_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path()), wall_clock()).unwrap();
    let terms = TermsRules {
        priority_by: Some(Field::Header("x-number".into())),
        delay: Duration::from_secs(60),
        ttl: Some(Duration::from_secs(600)),
        ..TermsRules::default()
    };
    let later = QueueConfig { terms, ..QueueConfig::new(name("later"), name("dead")) };
    store.define(later).await.unwrap();
    let event = commit(&store, 7, &["later"]).await;
    let all = pages(&store, "later", 10).await;
    assert_eq!((seen(&all), all[0].priority.level()), (vec![7], 7));
    assert_eq!(all[0].standing, Standing::Delayed(event.received_at.plus(Duration::from_secs(60))));
    assert_eq!(all[0].expires_at, Some(event.received_at.plus(Duration::from_secs(600))));
}

#[tokio::test]
async fn single_dead_letters_are_given_back_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    for number in 0..6 {
        commit(&store, number, &[if number % 2 == 0 { "a" } else { "b" }]).await;
    }
    commit(&store, 6, &["dead"]).await;
    for queue in ["a", "b"] {
        for one in receive(&store, queue, 10).await {
            settle(&store, queue, &one, Verb::GiveUp { reason: format!("{queue} no") }).await;
        }
    }
    let dead = pages(&store, "dead", 2).await;
    assert_eq!(dead.len(), 7);
    let reason = |one: &Browsed| one.letter.as_ref().map(|letter| letter.reason.clone());
    let of = |number: u64| dead.iter().find(|one| seen(std::slice::from_ref(one)) == [number]);
    assert_eq!(reason(of(2).unwrap()).as_deref(), Some("a no"));
    let cursor = |number: u64| of(number).unwrap().cursor;
    let stray = Cursor::START;
    let wanted = [cursor(5), cursor(2), cursor(6), stray, cursor(2)];
    assert_eq!(store.redrive_these(&name("dead"), &wanted).await, Ok(2));
    assert_eq!(store.redrive_these(&name("dead"), &wanted).await, Ok(0), "they are gone");
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!((numbers(&store, "a").await, numbers(&store, "b").await), (vec![2], vec![5]));
    assert_eq!(stats(&store, "dead").await.depth, 5);
    assert_eq!((stats(&store, "a").await.dead, stats(&store, "b").await.dead), (2, 2));
}

#[tokio::test]
async fn a_purge_drops_what_is_not_leased_and_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(config.clone(), wall_clock()).unwrap();
    for number in 0..300 {
        commit(&store, number, &["a", "b"]).await;
    }
    let held = receive(&store, "a", 5).await;
    store.set_delivery(&name("a"), Delivery::Paused).await.unwrap();
    assert_eq!(store.purge(&name("a")).await, Ok(295));
    assert_eq!((stats(&store, "a").await.depth, stats(&store, "a").await.purged), (5, 295));
    ack(&store, "a", &held[0]).await;
    drop(store);
    let store = Store::open(config, wall_clock()).unwrap();
    assert_eq!(seen(&pages(&store, "a", 50).await), [1, 2, 3, 4]);
    assert_eq!(stats(&store, "b").await.depth, 300);
    assert_eq!(store.purge(&name("none")).await, Err(QueueFault::NoQueue));
    store.stop().await;
    assert_eq!(store.purge(&name("a")).await, Err(QueueFault::Stopping));
}
