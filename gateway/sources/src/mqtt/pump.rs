//! Takes events of a queue for one client that has subscribed to `$queue/NAME`, and settles them by
//! what the client answers. Never takes more than the client may have unanswered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::SETTLE_BATCH_MAX;
use sluicegate_core::queue::{Consumed, LeaseReceipt, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::message::{Fate, Lease, Message, Parcel};
use super::metrics::MqttMetrics;
use super::seat::Seat;
use super::session::Offered;
use super::subscribing::TakesFrom;
use super::wire::{ByteString, PublishProperties};

/// A pump that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Pump(JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pump {
    /// Takes events for the connection `link` of a client.
    pub(crate) fn start(
        engine: &Arc<dyn Engine>,
        seat: &Arc<Seat>,
        link: u64,
        from: TakesFrom,
        metrics: &Arc<MqttMetrics>,
    ) -> Self {
        let window = Arc::new(Semaphore::new(WINDOW));
        let (sender, told) = mpsc::channel(WINDOW);
        let settler = settle(Arc::clone(engine), from.queue.clone(), told, Arc::clone(&window));
        tokio::spawn(settler);
        let tell = move |receipt: LeaseReceipt, fate: Fate| {
            // There is room: as many can be told of as the window has. A settler that is gone has
            // lost its store; the lease runs out.
            let _ = sender.try_send((receipt, fate));
        };
        let hose = Hose {
            engine: Arc::clone(engine),
            seat: Arc::clone(seat),
            link,
            from,
            metrics: Arc::clone(metrics),
            tell: Arc::new(tell),
            window,
        };
        Self(tokio::spawn(hose.run()))
    }
}

struct Hose {
    engine: Arc<dyn Engine>,
    seat: Arc<Seat>,
    link: u64,
    from: TakesFrom,
    metrics: Arc<MqttMetrics>,
    tell: Arc<dyn Fn(LeaseReceipt, Fate) + Send + Sync>,
    window: Arc<Semaphore>,
}

impl Hose {
    async fn run(self) {
        loop {
            let Ok(first) = self.window.acquire().await else { return };
            first.forget();
            let more = self.window.forget_permits(WINDOW);
            let ask = Ask { max: 1 + more, wait: WAIT, lease: LEASE };
            let consumed = match self.engine.receive(&self.from.queue, ask).await {
                Ok(consumed) => consumed,
                Err(fault) => {
                    let queue = &self.from.queue;
                    tracing::info!(%queue, code = fault.code(), "a subscription to a queue ended");
                    return;
                }
            };
            self.window.add_permits((1 + more).saturating_sub(consumed.len()));
            for one in consumed {
                self.hand_on(one);
            }
        }
    }

    fn hand_on(&self, consumed: Consumed) {
        let lease = Lease::new(consumed.receipt, Arc::clone(&self.tell));
        let message = Arc::new(message(&self.from, &consumed.event));
        let (qos, ids) = (self.from.grant.options.qos, self.from.grant.id.into_iter().collect());
        let parcel = Parcel { lease: Some(lease), ..Parcel::new(message, qos, false, ids) };
        let mut held = self.seat.lock();
        if held.session.link != Some(self.link) {
            return;
        }
        if let Offered::NoRoom { .. } = held.session.offer(parcel) {
            self.metrics.overflowed.increment();
        }
        drop(held);
        self.seat.wake.notify_one();
    }
}

/// Tells the queue what became of its events.
async fn settle(
    engine: Arc<dyn Engine>,
    queue: QueueName,
    mut told: mpsc::Receiver<(LeaseReceipt, Fate)>,
    window: Arc<Semaphore>,
) {
    while let Some(first) = told.recv().await {
        let mut settlements = vec![settlement(first)];
        while settlements.len() < SETTLE_BATCH_MAX
            && let Ok(next) = told.try_recv()
        {
            settlements.push(settlement(next));
        }
        let count = settlements.len();
        if let Err(fault) = engine.settle(&queue, settlements).await {
            let code = fault.code();
            tracing::warn!(%queue, code, "answers of clients were not settled: leases run out");
        }
        window.add_permits(count);
    }
}

fn settlement((receipt, fate): (LeaseReceipt, Fate)) -> Settlement {
    let verb = match fate {
        Fate::Done => Verb::Ack,
        Fate::Back => {
            let reason = "client left without an answer".to_owned();
            Verb::Nack { delay: Some(Duration::ZERO), reason }
        }
    };
    Settlement { receipt, verb }
}

/// An event as a message: its attributes are user properties, as the binding of CloudEvents to
/// MQTT 5 has it, and its headers follow them.
fn message(from: &TakesFrom, event: &Event) -> Message {
    let mut pairs: Vec<(ByteString, ByteString)> = vec![
        ("specversion".into(), "1.0".into()),
        ("id".into(), event.id.to_string().into()),
        ("source".into(), event.source.as_str().into()),
        ("type".into(), event.kind.as_str().into()),
    ];
    let subject = event.subject.as_ref().map(|s| ("subject".into(), s.as_str().into()));
    pairs.extend(subject);
    pairs.extend(event.time.map(|time| ("time".into(), time.rfc3339().into())));
    let rest = event.attributes.iter().chain(event.headers.iter());
    let rest = rest.filter(|(name, _)| *name != "content-type");
    pairs.extend(rest.map(|(name, value)| (name.into(), value.into())));
    let content_type = (!event.content_type.is_empty()).then(|| event.content_type.as_str().into());
    Message {
        topic: ByteString::from(&*from.filter),
        payload: Bytes::clone(&event.payload),
        qos: from.grant.options.qos,
        retain: false,
        properties: PublishProperties {
            content_type,
            user_properties: pairs,
            ..PublishProperties::default()
        },
        expires_at: None,
        publisher: None,
    }
}

/// Events of one queue that one client may have unanswered.
const WINDOW: usize = 64;

/// How long one look into an empty queue waits.
const WAIT: Duration = Duration::from_secs(20);

/// A client that is there may take so long for an answer. One that leaves gives its events back.
const LEASE: Duration = Duration::from_secs(300);
