//! Stopping on request: under load or idle, the gateway finishes what it has taken and exits 0.

use std::collections::BTreeMap;

use sluicegate_tests::config;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Signal;
use sluicegate_tests::http::Connection;
use sluicegate_tests::senders::{PATH, Senders, delivery, number_of};
use sluicegate_tests::world::World;

#[test]
fn sigterm_under_load_drains_exits_0_and_keeps_every_acknowledged_event() {
    let world = World::new(&config::under_load());
    let mut gateway = world.start();
    let senders = Senders::start(gateway.http(), 0, 4);
    wait_for("100 acks", || (senders.acked() >= 100).then_some(()));
    gateway.ask_to_stop(Signal::TERM);
    let status = gateway.wait();
    let (told, _) = senders.finish();
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    assert!(told.refused.values().all(|status| *status == 503), "{:?}", told.refused);

    let gateway = world.start();
    let taken = gateway.consumer().drain("inbox");
    let mut kept = BTreeMap::new();
    for one in taken {
        let number = number_of(&one.payload);
        let before = kept.insert(number, one.attribute("id").to_owned());
        assert_eq!(before, None, "{number} is there twice");
    }
    for (number, id) in &told.acked {
        assert_eq!(kept.get(number), Some(id), "{number} was acknowledged and is lost");
    }
    for number in told.refused.keys() {
        assert!(!kept.contains_key(number), "{number} was refused and is stored");
    }
    // The drain answered what was under way: only idle connections may see their end unanswered.
    for number in &told.unsure {
        assert!(!kept.contains_key(number), "{number} was stored and never answered");
    }
}

#[test]
fn both_signals_stop_an_idle_gateway_and_its_long_polls() {
    for signal in [Signal::TERM, Signal::INT] {
        let world = World::new(&config::under_load());
        let mut gateway = world.start();
        let mut idle = Connection::open(gateway.http()).unwrap();
        let first = idle.exchange(&delivery(1).request(PATH)).unwrap();
        assert_eq!(first.status, 202);
        assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
        gateway.ask_to_stop(signal);
        assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.log());
        assert!(Connection::open(gateway.http()).is_err(), "it still listens");
        assert!(idle.is_closed_by_peer().unwrap());
    }
}

#[test]
fn two_gateways_never_share_a_data_folder() {
    let world = World::new(&config::under_load());
    let first = world.start();
    let second = world.run(&["run", &world.configuration().to_string_lossy()]);
    assert_eq!(second.status.code(), Some(3), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(first.deliver(PATH, &delivery(1)).status, 202);
    assert_eq!(first.stop().code(), Some(0));
    assert_eq!(world.start().consumer().take("inbox", 1).len(), 1);
}
