//! Plugins whose file or folder is watched: a new version takes over while the gateway runs, one
//! that does not load changes nothing, and what is taken away brings the one before back.

use std::fs;
use std::time::Duration;

use sluicegate_tests::config::filtered;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::fixtures::{self, root};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics;
use sluicegate_tests::world::World;

/// A gateway whose router is from there.
fn world(origin: &str) -> World {
    World::new(&filtered(
        &format!("  router: {{ {origin}, config: {{ threshold: high, queues: [ urgent ] }} }}"),
        "  - { name: main, filters: [ router ], to: [ inbox ] }",
        "  inbox: {}\n  urgent: {}",
    ))
}

/// Puts a file in place as a careful operator does: whole, by its name.
fn place(world: &World, from: &str, to: &str) {
    let to = world.path(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let draft = to.with_extension("part");
    fs::copy(root().join(from), &draft).unwrap();
    fs::rename(draft, to).unwrap();
}

const ROUTER: &str = "plugins/severity-router/rust/severity-router.wasm";
const TRAP: &str = "tests/fixtures/plugins/trap.wasm";

/// Waits until so many new versions were taken and refused.
#[track_caller]
fn wait_for_changes(gateway: &Gateway, taken: u64, refused: u64) {
    let count = |result: &str| {
        let labels = format!("{{plugin=\"router\",result=\"{result}\"}}");
        metrics::value(gateway, &format!("sluicegate_plugin_changes_total{labels}")) as u64
    };
    wait_within(Duration::from_secs(60), "the watch", || {
        (count("taken") == taken && count("refused") == refused).then_some(())
    });
}

/// Delivers an alert, which ends in this queue.
#[track_caller]
fn assert_ends_in(gateway: &Gateway, id: &str, queue: &str) {
    let alert = fixtures::github("dependabot_alert", fixtures::Encoding::Json, id);
    let sent = gateway.deliver("/hooks/github", &alert).accepted().id;
    assert_eq!(gateway.consumer().take(queue, 1)[0].attribute("id"), sent, "{}", gateway.log());
}

#[test]
fn a_new_version_of_a_watched_file_takes_over_and_a_bad_one_does_not() {
    let world = world("path: router.wasm, watch: true");
    place(&world, ROUTER, "router.wasm");
    let mut gateway = world.start();
    assert_ends_in(&gateway, "1", "urgent");
    let whole = fs::read(root().join(ROUTER)).unwrap();
    world.write("half.part", &whole[..whole.len() / 2]);
    fs::rename(world.path("half.part"), world.path("router.wasm")).unwrap();
    wait_for_changes(&gateway, 0, 1);
    assert_ends_in(&gateway, "2", "urgent");
    assert!(gateway.log().contains("plugin_malformed"), "{}", gateway.log());
    place(&world, TRAP, "router.wasm");
    wait_for_changes(&gateway, 1, 1);
    assert_ends_in(&gateway, "3", "dead-letters");
    place(&world, ROUTER, "router.wasm");
    wait_for_changes(&gateway, 2, 1);
    assert_ends_in(&gateway, "4", "urgent");
    fs::remove_file(world.path("router.wasm")).unwrap();
    wait_within(Duration::from_secs(60), "the log", || {
        gateway.log().contains("plugin_unreadable").then_some(())
    });
    assert_ends_in(&gateway, "5", "urgent");
    gateway.assert_unharmed();
}

#[test]
fn the_newest_version_in_a_folder_decides_and_removing_it_brings_the_one_before_back() {
    let world = world("folder: router");
    place(&world, ROUTER, "router/router-1.9.0.wasm");
    let mut gateway = world.start();
    assert_ends_in(&gateway, "1", "urgent");
    place(&world, TRAP, "router/router-1.10.0.wasm");
    wait_for_changes(&gateway, 1, 0);
    assert_ends_in(&gateway, "2", "dead-letters");
    fs::remove_file(world.path("router/router-1.10.0.wasm")).unwrap();
    wait_for_changes(&gateway, 2, 0);
    assert_ends_in(&gateway, "3", "urgent");
    gateway.assert_unharmed();
}

#[test]
fn what_is_not_watched_does_not_change() {
    let world = world("path: router.wasm");
    place(&world, ROUTER, "router.wasm");
    let gateway = world.start();
    place(&world, TRAP, "router.wasm");
    assert_ends_in(&gateway, "1", "urgent");
    let page = gateway.admin_get("/metrics").text();
    assert!(!page.contains("sluicegate_plugin_changes_total{"), "nothing is watched");
}
