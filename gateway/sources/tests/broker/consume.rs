//! What a broker may do to a consumer.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Intake, Pending};
use sluicegate_sources::Format;
use sluicegate_sources::amqp::{
    AmqpConfig, AmqpMetrics, AmqpSource, Dedupe, Login, Server, Standing, Topology,
};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::fake::{Fake, PATIENCE, listen, short};

/// An intake with a permit for each delivery that may be answered.
struct Gate {
    came: Semaphore,
    permits: Semaphore,
}

impl Intake for Gate {
    fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            self.came.add_permits(1);
            self.permits.acquire().await.unwrap().forget();
            assert_ne!(delivery.body.as_ref(), b"a fault of ours");
            Ok(Receipt::assertion(EventId::from_bytes([1; 16]), Repeat::First))
        })
    }
}

/// A source that runs, with a prefetch of two, and its broker with a consumer.
struct World {
    listener: tokio::net::TcpListener,
    broker: Fake,
    gate: Arc<Gate>,
    metrics: Arc<AmqpMetrics>,
    _stop: watch::Sender<bool>,
}

async fn consuming() -> World {
    let mut world = dialled("").await;
    world.broker.consume().await;
    world
}

/// The same, before a word was said; the address has this query.
async fn dialled(query: &str) -> World {
    let (listener, uri) = listen(query).await;
    let config = AmqpConfig {
        source: "s".parse().unwrap(),
        server: Server::new(&uri, Login::Plain, None).unwrap(),
        queues: vec!["q".into()],
        prefetch: 2,
        payload_bytes_max: 100,
        format: Format::Message,
        dedupe: Dedupe::Off,
        topology: Topology::Check,
        on_reject: None,
        drain: PATIENCE,
        dice: Arc::new(|| 0),
    };
    let gate = Arc::new(Gate { came: Semaphore::new(0), permits: Semaphore::new(0) });
    let intake: Arc<dyn Intake> = Arc::clone(&gate) as _;
    let source = AmqpSource::new(config, &intake);
    let (metrics, (_stop, stopped)) = (source.metrics(), watch::channel(false));
    tokio::spawn(source.run(stopped));
    let broker = Fake::accept(&listener).await;
    World { listener, broker, gate, metrics, _stop }
}

impl World {
    /// Waits until so many deliveries are in the line.
    async fn wait_for(&self, deliveries: u32) {
        timeout(PATIENCE, self.gate.came.acquire_many(deliveries)).await.unwrap().unwrap().forget();
    }

    async fn wait_for_standing(&self, standing: Standing) {
        let stands = async {
            while self.metrics.queues().any(|(_, queue)| queue.standing().0 != standing) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, stands).await.unwrap();
    }

    async fn wait_for_interruption(&self, cause: &str) {
        let said = async {
            while !self.metrics.interruptions().contains_key(cause) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, said).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_sends_more_than_the_prefetch_is_cut_off() {
    let mut world = consuming().await;
    world.broker.flood(5).await;
    world.broker.wait_for_end().await;
    world.wait_for_interruption("connection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_sends_messages_before_it_knows_how_many_it_may_is_cut_off() {
    let mut world = dialled("").await;
    world.broker.open().await;
    world.broker.flood(3).await;
    world.broker.wait_for_end().await;
    world.wait_for_interruption("connection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_have_come_when_the_broker_ends_the_consumer_are_finished() {
    let mut world = consuming().await;
    world.gate.permits.add_permits(2);
    world.broker.deliver(1, b"{}").await;
    world.broker.deliver(2, b"").await;
    world.broker.say(1, (60, 30), &[short("sluicegate.s"), vec![1]].concat()).await;
    let mut acknowledged = 0;
    while acknowledged < 2 {
        acknowledged = world.broker.hear((60, 80)).await[7];
    }
    world.wait_for_interruption("cancelled").await;
}

/// lapin sees no messages, and a broker that sends some need send no heartbeats.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_only_delivers_is_not_taken_for_dead() {
    let mut world = dialled("?heartbeat=5").await;
    world.broker.consume().await;
    world.gate.permits.add_permits(200);
    for tag in 1..=120 {
        world.broker.deliver(tag, b"{}").await;
        world.broker.hear((60, 80)).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert!(world.metrics.interruptions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_durable_when_the_broker_ends_the_consumer_is_acknowledged() {
    let mut world = consuming().await;
    world.broker.deliver(1, b"{}").await;
    world.wait_for(1).await;
    // basic.cancel: the consumer, and that no answer is waited for.
    world.broker.say(1, (60, 30), &[short("sluicegate.s"), vec![1]].concat()).await;
    world.wait_for_standing(Standing::NoQueue).await;
    world.gate.permits.add_permits(1);
    let acknowledged = world.broker.hear((60, 80)).await;
    assert_eq!(acknowledged, [0, 0, 0, 0, 0, 0, 0, 1, 1], "tag 1, and all before it");
    world.wait_for_interruption("cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_breaks_begins_anew() {
    let mut world = consuming().await;
    world.broker.deliver(1, b"a fault of ours").await;
    world.gate.permits.add_permits(1);
    world.broker.wait_for_end().await;
    world.wait_for_interruption("failed").await;
    world.broker = Fake::accept(&world.listener).await;
    world.broker.consume().await;
    world.gate.permits.add_permits(1);
    world.broker.deliver(1, b"{}").await;
    world.broker.hear((60, 80)).await;
}
