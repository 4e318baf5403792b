//! The engine, through the seam that the hall calls: commit, receive, settle.

use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, QueueName, SourceName};
use sluicegate_core::proof::{Placement, Routed, Validated};
use sluicegate_core::queue::{Consumed, Settled, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine as _};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::{QueueConfig, Store, StoreConfig};

use crate::bench::queue::drive::{Flushes, Publish, Take};

/// An open store, and the queues that every event is placed in.
pub(in crate::bench::queue) struct Engine {
    /// The store.
    pub(in crate::bench::queue) store: Store,
    queues: Vec<QueueName>,
    source: SourceName,
}

/// The wait of a consumer that finds nothing.
const WAIT: Duration = Duration::from_millis(200);
/// Longer than any run: nothing is delivered twice because a run is slow.
pub(in crate::bench::queue) const LEASE: Duration = Duration::from_secs(6 * 60 * 60);

impl Engine {
    /// Opens a store with so many queues, fsync always. Call it inside a tokio runtime.
    pub(in crate::bench::queue) fn open(folder: &Path, queues: usize) -> Result<Self, String> {
        let name = |text: &str| text.parse::<QueueName>().map_err(|fault| fault.to_string());
        let names: Vec<QueueName> =
            (0..queues).map(|number| name(&format!("q{number}"))).collect::<Result<_, _>>()?;
        let dead = name("dead")?;
        let configs =
            names.iter().chain([&dead]).map(|name| QueueConfig::new(name.clone(), dead.clone()));
        let config = StoreConfig { queues: configs.collect(), seed: 1, ..StoreConfig::new(folder) };
        let store = Store::open(config, Clock::new(now)).map_err(|fault| format!("{fault:?}"))?;
        let source = "bench".parse().map_err(|_| "a source is called bench")?;
        Ok(Self { store, queues: names, source })
    }

    /// Commits one event into these queues; durable when it returns.
    pub(in crate::bench::queue) async fn commit(
        &self,
        number: u64,
        payload: Vec<u8>,
        queues: &[QueueName],
    ) -> Result<(), String> {
        let routed = self.routed(number, payload, queues);
        self.store.commit(routed).await.map(drop).map_err(|refusal| format!("{refusal:?}"))
    }

    /// The queue of this number.
    pub(in crate::bench::queue) fn queue(&self, number: usize) -> &QueueName {
        &self.queues[number % self.queues.len()]
    }

    /// Receives up to `max` events of a queue.
    pub(in crate::bench::queue) async fn receive(
        &self,
        queue: usize,
        max: usize,
    ) -> Result<Vec<Consumed>, String> {
        let ask = Ask { max, wait: WAIT, lease: LEASE };
        self.store.receive(self.queue(queue), ask).await.map_err(|fault| fault.to_string())
    }

    /// Settles events of a queue, all the same way; fails unless each settlement took effect.
    pub(in crate::bench::queue) async fn settle(
        &self,
        queue: usize,
        events: Vec<Consumed>,
        verb: &Verb,
    ) -> Result<(), String> {
        let settlement = |one: Consumed| Settlement { receipt: one.receipt, verb: verb.clone() };
        let settlements = events.into_iter().map(settlement).collect();
        let settled = self.store.settle(self.queue(queue), settlements).await;
        let settled = settled.map_err(|fault| fault.to_string())?;
        match settled.iter().find(|one| **one != Settled::Done) {
            None => Ok(()),
            Some(refused) => Err(format!("a settlement was refused: {refused:?}")),
        }
    }

    /// The event as the line would hand it over: no headers, as brokers get it here.
    fn routed(&self, number: u64, payload: Vec<u8>, queues: &[QueueName]) -> Routed {
        let at = now();
        let event = Event::new(Parts {
            id: EventId::new(at, number),
            source: self.source.clone(),
            kind: "bench".into(),
            subject: None,
            time: None,
            received_at: at,
            content_type: "application/octet-stream".into(),
            attributes: Fields::new(),
            headers: Fields::new(),
            payload: Bytes::from(payload),
        });
        let verdict = Verdict { scheme: "none".into(), key: None, skew_ms: None, schema: None };
        let placement = Placement { event: event.clone(), queues: queues.to_vec(), letter: None };
        let validated = Validated::assertion(event, verdict, None);
        Routed::assertion(validated, vec![placement], Vec::new())
    }
}

impl Publish for Engine {
    async fn publish(&self, number: u64, payload: Vec<u8>) -> Result<(), String> {
        self.commit(number, payload, &self.queues).await
    }

    fn flushes(&self) -> Flushes {
        let histogram = self.store.metrics().fsync_us;
        Flushes { count: histogram.buckets.iter().sum(), total_us: histogram.sum }
    }
}

impl Take for Engine {
    async fn take(
        &self,
        lane: usize,
        max: usize,
        show: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<usize, String> {
        let events = self.receive(lane, max).await?;
        events.iter().for_each(|one| show(&one.event.payload));
        let count = events.len();
        if count > 0 {
            self.settle(lane, events, &Verb::Ack).await?;
        }
        Ok(count)
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ns(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
