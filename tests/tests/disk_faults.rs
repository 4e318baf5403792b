//! A disk that fails and a disk that is full, under the real binary: nothing is acknowledged that
//! is not there later, everyone who asks gets an answer with its code, and consumers go on where
//! they can.

use std::collections::VecDeque;

use sluicegate_tests::config;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::{self, Delivery};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{Connection, Response};
use sluicegate_tests::ledger::Books;
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::metrics;
use sluicegate_tests::senders::{PATH, Senders, delivery, number_of};
use sluicegate_tests::strace::{run_with_faults, start_with_faults, start_with_faults_on};
use sluicegate_tests::world::World;

/// Whether a gauge that is 0 or 1 is 1.
fn is_set(gateway: &Gateway, gauge: &str) -> bool {
    metrics::value(gateway, gauge) > 0.5
}

/// Waits for the end of a gateway whose store has failed: it ends by itself, and says so.
fn assert_failed(gateway: &mut Gateway) {
    assert_eq!(gateway.wait().code(), Some(4), "{}", gateway.log());
    gateway.wait_for_log("[store_failed]");
    let log = gateway.log();
    assert!(!log.contains("stopped: everything"), "{log}");
}

#[test]
fn after_one_failed_flush_nothing_is_acknowledged_and_a_restart_has_all_that_was() {
    let world = World::new(&config::under_load());
    let mut gateway = start_with_faults(&world, &["fdatasync:error=EIO:when=100"]);
    let books = Books::default();
    let senders = Senders::start(gateway.http(), 0, 4);
    let consumer = books.consume(gateway.admin());
    gateway.wait_for_log("store is poisoned");
    // The next flushes would succeed, as they do in a kernel that has dropped the pages.
    let at_failure = senders.told();
    assert_failed(&mut gateway);
    let (told, _) = senders.finish();
    consumer.join().expect("the consumer's assertions hold");
    // Up to one answer for each sender was on its way when the failure was told.
    assert!(told.acked.len() <= at_failure.acked.len() + 4, "acknowledged after a failed flush");
    assert!(told.acked.len() >= 50, "too little happened to prove anything");
    assert!(told.refused.values().all(|status| *status == 503), "{:?}", told.refused);
    books.open().note(told);
    books.close(&world.start());
}

#[test]
fn a_failed_store_is_unhealthy_until_the_gateway_has_ended() {
    let world = World::new(&config::under_load());
    let mut gateway = start_with_faults(&world, &["fdatasync:error=EIO:when=20"]);
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    // A delivery that is half sent holds the end up for a moment, so that it can be looked at.
    let mut half = Connection::open(gateway.http()).unwrap();
    let request = delivery(1_000).request(PATH);
    half.write(&request[..request.len() - 1]).unwrap();
    let refused = (0..100).map(|number| gateway.deliver(PATH, &delivery(number)));
    let refused = refused.into_iter().find(|answer| answer.status != 202).expect("a refusal");
    refused.assert_problem(503, "store_unavailable");
    for target in ["/healthz", "/readyz", "/readyz/senders"] {
        gateway.admin_get(target).assert_problem(503, "store_unavailable");
    }
    half.write(&request[request.len() - 1..]).unwrap();
    half.read().unwrap().assert_problem(503, "store_unavailable");
    assert_failed(&mut gateway);
    assert_eq!(world.start().admin_get("/healthz").status, 200);
}

#[test]
fn events_that_cannot_be_read_for_a_while_stay_and_come_whole_when_the_fault_goes() {
    let world = World::new(&config::under_load());
    let segment = world.path("data/log/0000000001.log");
    let gateway = start_with_faults_on(&world, &segment, &["pread64:error=EIO:when=1..8"]);
    let books = Books::default();
    for number in 0..100 {
        let id = gateway.deliver(PATH, &delivery(number)).accepted().id;
        books.open().acked.insert(number, id);
    }
    // Every byte that comes is held against what was sent; each event must come, once settled.
    books.close(&gateway);
    let log = gateway.log();
    assert!(log.contains("Input/output error"), "no read has failed: {log}");
    assert!(!is_set(&gateway, "sluicegate_store_poisoned"), "a read is no flush");
    let lost = metrics::value(&gateway, "sluicegate_queue_lost_total{queue=\"inbox\"}");
    assert!(lost < 0.5, "{lost} events were given up as lost");
    assert!(gateway.stop().success());
    assert_eq!(world.start().consumer().depth("inbox"), 0);
}

#[test]
fn writes_that_find_no_room_are_no_failed_flush_and_room_needs_no_restart() {
    let world = World::new(&config::under_load());
    let gateway = start_with_faults(&world, &["pwrite64:error=ENOSPC:when=20..30"]);
    let mut acked = Vec::new();
    for number in 0..200 {
        let answer = gateway.deliver(PATH, &delivery(number));
        match answer.status {
            202 => acked.push(number),
            // The depot may have found no room for a segment before the writer did.
            _ => {
                answer.assert_problem(503, "store_unavailable");
                assert!(answer.header("retry-after").is_some(), "{}", answer.text());
            }
        }
    }
    gateway.wait_for_log("a write finds no room");
    wait_for("the gateway to take events again", || {
        (gateway.deliver(PATH, &delivery(1_000)).status == 202).then_some(())
    });
    assert!(!is_set(&gateway, "sluicegate_store_poisoned"), "{}", gateway.log());
    acked.push(1_000);
    gateway.kill();
    let found = world.start().consumer().take("inbox", acked.len());
    assert_eq!(found.iter().map(|one| number_of(&one.payload)).collect::<Vec<_>>(), acked);
}

#[test]
fn a_flush_that_fails_at_the_start_is_said_with_its_file_and_cause() {
    let world = World::new(&config::under_load());
    // The first three are those of the files `format`, `format.copy` and `queues`.
    let output = run_with_faults(&world, &["fdatasync:error=EIO:when=4"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(".log: Input/output error"), "{said}");
    assert!(said.trim_end().ends_with("[data_folder_disk]"), "{said}");
    assert_eq!(world.start().deliver(PATH, &delivery(0)).status, 202);
}

#[test]
fn where_no_room_at_all_can_be_set_aside_the_start_says_why() {
    let world = World::new(&config::under_load());
    let output = run_with_faults(&world, &["fallocate:error=ENOSPC"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the disk is full"), "{said}");
    assert!(said.trim_end().ends_with("[data_folder_disk]"), "{said}");
    assert_eq!(world.start().deliver(PATH, &delivery(0)).status, 202);
}

/// A gateway on a disk that is smaller than it would like, and what lies in its queue.
struct Small {
    disk: LoopDisk,
    world: World,
    queued: VecDeque<usize>,
    next: usize,
}

/// With less room the gateway refuses events.
const RESERVE: u64 = 32 << 20;

impl Small {
    fn new() -> Self {
        // Two segments, the ballast and the next segment fit, and the reserve.
        let disk = LoopDisk::new(384 << 20);
        let limits = format!("limits: {{ free_disk_min: {RESERVE} }}");
        let world = World::new(&config::under_load_in(&disk.path("data"), &limits));
        Self { disk, world, queued: VecDeque::new(), next: 0 }
    }

    /// Sends the next event.
    fn send(&mut self, gateway: &Gateway) -> Response {
        let answer = gateway.deliver(PATH, &delivery(self.next));
        if answer.status == 202 {
            self.queued.push_back(self.next);
        }
        self.next += 1;
        answer
    }

    /// Sends events until one is refused because the disk is full.
    fn send_until_full(&mut self, gateway: &Gateway) {
        // The free space is looked at every two seconds.
        let refused = wait_for("a refusal", || {
            let answer = self.send(gateway);
            (answer.status != 202).then_some(answer)
        });
        refused.assert_problem(503, "store_unavailable");
        assert!(refused.text().contains("too little free space"), "{}", refused.text());
        assert!(is_set(gateway, "sluicegate_store_disk_full"));
        assert!(!is_set(gateway, "sluicegate_store_poisoned"));
    }

    /// Receives and acknowledges so many events: the oldest.
    fn drain(&mut self, gateway: &Gateway, count: usize) {
        let taken = gateway.consumer().take("inbox", count);
        let numbers: Vec<usize> = taken.iter().map(|one| number_of(&one.payload)).collect();
        assert_eq!(numbers, self.queued.drain(..count).collect::<Vec<_>>());
    }
}

#[test]
fn on_a_full_disk_senders_are_refused_consumers_drain_and_room_brings_everything_back() {
    let mut small = Small::new();
    let mut gateway = small.world.start();
    for _ in 0..200 {
        assert_eq!(small.send(&gateway).status, 202);
    }
    small.disk.fill_until(RESERVE / 2);
    small.send_until_full(&gateway);
    small.drain(&gateway, 20);

    // The current segment has its room: not even an empty disk's last byte is needed.
    small.disk.fill_until(0);
    small.send(&gateway).assert_problem(503, "store_unavailable");
    small.drain(&gateway, 20);

    // A crash gives back the room that the segment held; then the disk fills up again.
    gateway.kill();
    gateway = small.world.start();
    small.drain(&gateway, 20);
    small.disk.fill_until(RESERVE / 2);
    small.send_until_full(&gateway);
    small.drain(&gateway, 20);

    assert_eq!(gateway.stop().code(), Some(0));
    small.disk.fill_until(RESERVE / 2);
    gateway = small.world.start();
    small.send(&gateway).assert_problem(503, "store_unavailable");
    small.drain(&gateway, 20);

    small.disk.empty();
    wait_for("the gateway to take events again", || {
        (small.send(&gateway).status == 202).then_some(())
    });
    assert!(!is_set(&gateway, "sluicegate_store_disk_full"));
    let all = small.queued.len();
    small.drain(&gateway, all);
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

/// A delivery of about so many bytes.
fn large(number: usize, bytes: usize) -> Delivery {
    let filling = "x".repeat(bytes);
    let body = format!(r#"{{"number":{number},"ref":"{filling}"}}"#).into_bytes();
    fixtures::github_signed("push", "application/json", &format!("large-{number}"), body)
}

#[test]
fn consumers_drain_a_full_disk_across_the_end_of_a_segment_and_room_needs_no_restart() {
    let mut small = Small::new();
    let gateway = small.world.start();
    // Up to a few entries from the end of the first segment of 64 MiB.
    let end = f64::from(64 << 20);
    while metrics::value(&gateway, "sluicegate_store_bytes_total") < end - 4_000.0 {
        let left = end - metrics::value(&gateway, "sluicegate_store_bytes_total");
        let bytes = if left > 1_100_000.0 { 1_000_000 } else { 2_000 };
        let answer = gateway.deliver(PATH, &large(small.next, bytes));
        assert_eq!(answer.status, 202, "{}", answer.text());
        small.queued.push_back(small.next);
        small.next += 1;
    }
    small.disk.fill_until(0);
    // One at a time: each is two entries of the log.
    for _ in 0..60 {
        small.drain(&gateway, 1);
    }
    small.disk.empty();
    wait_for("the gateway to take events again", || {
        (small.send(&gateway).status == 202).then_some(())
    });
}

#[test]
fn a_disk_that_events_alone_have_filled_is_emptied_by_its_consumers() {
    let disk = LoopDisk::new(256 << 20);
    let limits = "limits: { free_disk_min: 1MiB }";
    let world = World::new(&config::under_load_in(&disk.path("data"), limits));
    let mut gateway = world.start();
    let mut sent = 0;
    let refused = wait_for("a refusal", || {
        let answer = gateway.deliver(PATH, &large(sent, 1_000_000));
        sent += usize::from(answer.status == 202);
        (answer.status != 202).then_some(answer)
    });
    refused.assert_problem(503, "store_unavailable");
    assert!(refused.header("retry-after").is_some(), "{}", refused.text());
    // What is stored already has its receipt: the sender need not come again for it.
    assert_eq!(gateway.deliver(PATH, &large(0, 1_000_000)).json()["duplicate"], true);
    let ready = gateway.admin_get("/readyz");
    assert!(ready.status == 200 && ready.text().contains("full"), "{}", ready.text());
    // To put one back needs room too.
    let consumer = gateway.consumer();
    consumer.delay("inbox", &consumer.receive("inbox", 1, 1_000)[0], 1);
    gateway.kill();
    gateway = world.start();
    let consumer = gateway.consumer();
    for _ in 0..sent {
        assert_eq!(consumer.take("inbox", 1).len(), 1);
    }
    wait_for("the gateway to take events again", || {
        (gateway.deliver(PATH, &delivery(1_000_000)).status == 202).then_some(())
    });
    assert!(!is_set(&gateway, "sluicegate_store_disk_full"));
    assert!(!is_set(&gateway, "sluicegate_store_poisoned"));
}
