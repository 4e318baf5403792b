//! An engine and a line for tests: what is committed is a table, and the line says what it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::event::Event;
use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::proof::{Receipt, Repeat, Routed};
use sluicegate_core::queue::{
    Consumed, LeaseReceipt, QueueFault, QueueStats, Redriven, Settled, Settlement,
};
use sluicegate_core::refusal::{Refusal, STATE_OF_SOURCE};
use sluicegate_core::seams::{Ask, Engine, Intake, Pending, Uncommitted};
use sluicegate_core::state::{Scope, Transaction, Write};
use sluicegate_core::time::{Clock, Timestamp};

use crate::format::Format;
use crate::mqtt::access::Access;
use crate::mqtt::claims::{Claims, Dedupe, TopicRule};
use crate::mqtt::hub::Hub;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::memory::Memory;
use crate::mqtt::shared::Shared;
use crate::mqtt::topic::Filter;
use crate::mqtt::wills::Wills;

/// A moment in the life of the tests.
pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_000_000 + ms)
}

/// An engine in memory.
#[derive(Default)]
pub(crate) struct FakeEngine {
    pub(crate) state: Mutex<BTreeMap<(String, Arc<str>), Bytes>>,
    /// Scopes that take nothing more, by the last word of their names.
    pub(crate) full: Mutex<Vec<&'static str>>,
    /// What the queue still has.
    pub(crate) ready: Mutex<VecDeque<Event>>,
    /// How many were asked for, call by call.
    pub(crate) asked: Mutex<Vec<usize>>,
    pub(crate) settled: Mutex<Vec<Settlement>>,
    handed_out: Mutex<u32>,
}

impl FakeEngine {
    fn has_room(&self, state: &Transaction) -> bool {
        let full = self.full.lock().unwrap();
        let grows = |(scope, _, write): (&Scope, &str, &Write)| {
            write.value().is_some() && full.iter().any(|end| scope.route.as_str().ends_with(end))
        };
        !state.writes().any(grows)
    }

    fn write(&self, transaction: &Transaction) {
        let mut table = self.state.lock().unwrap();
        for (scope, key, write) in transaction.writes() {
            let key = (scope.route.as_str().to_owned(), Arc::from(key));
            match write.value() {
                Some(value) => drop(table.insert(key, value.bytes.clone())),
                None => drop(table.remove(&key)),
            }
        }
    }

    /// The keys that there are.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().keys().map(|(_, key)| key.to_string()).collect()
    }
}

impl Engine for FakeEngine {
    fn commit(&self, _: Routed) -> Pending<'_, Result<Receipt, Refusal>> {
        unreachable!("the listener commits by the intake")
    }

    fn commit_with(&self, _: Routed, _: Transaction) -> Pending<'_, Result<Receipt, Uncommitted>> {
        unreachable!("the listener commits by the intake")
    }

    fn remember(&self, state: Transaction) -> Pending<'_, Result<(), Uncommitted>> {
        let room = self.has_room(&state);
        if room {
            self.write(&state);
        }
        Box::pin(async move { if room { Ok(()) } else { Err(Uncommitted::Conflict) } })
    }

    fn remembered(&self, scope: &Scope) -> Vec<(Arc<str>, Bytes)> {
        let state = self.state.lock().unwrap();
        let of = state.iter().filter(|((route, _), _)| route == scope.route.as_str());
        of.map(|((_, key), value)| (Arc::clone(key), value.clone())).collect()
    }

    fn receive<'a>(
        &'a self,
        _: &'a QueueName,
        ask: Ask,
    ) -> Pending<'a, Result<Vec<Consumed>, QueueFault>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(ask.max);
            let events: Vec<_> = {
                let mut ready = self.ready.lock().unwrap();
                let count = ready.len().min(ask.max);
                ready.drain(..count).collect()
            };
            if events.is_empty() {
                tokio::time::sleep(ask.wait).await;
            }
            let consumed = events.into_iter().map(|event| {
                let mut number = self.handed_out.lock().unwrap();
                *number += 1;
                let receipt = LeaseReceipt(number.to_string());
                Consumed { receipt, attempt: 1, event, letter: None }
            });
            Ok(consumed.collect())
        })
    }

    fn settle<'a>(
        &'a self,
        _: &'a QueueName,
        settlements: Vec<Settlement>,
    ) -> Pending<'a, Result<Vec<Settled>, QueueFault>> {
        let settled = settlements.iter().map(|_| Settled::Done).collect();
        self.settled.lock().unwrap().extend(settlements);
        Box::pin(async move { Ok(settled) })
    }

    fn redrive<'a>(
        &'a self,
        _: &'a QueueName,
        _: usize,
    ) -> Pending<'a, Result<Redriven, QueueFault>> {
        unreachable!("the listener moves no dead letters")
    }

    fn stats(&self) -> Pending<'_, Vec<(QueueName, QueueStats)>> {
        Box::pin(async { Vec::new() })
    }

    fn stop(&self) -> Pending<'_, ()> {
        Box::pin(async {})
    }
}

/// A line that says what it is told, in turn; then it takes everything.
pub(crate) struct Line {
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) says: Mutex<VecDeque<Result<Repeat, Refusal>>>,
    /// Deliveries that were taken.
    pub(crate) taken: Mutex<Vec<Delivery>>,
}

impl Intake for Line {
    fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
        let says = self.says.lock().unwrap().pop_front().unwrap_or(Ok(Repeat::First));
        Box::pin(async move {
            let repeat = says?;
            if repeat == Repeat::First {
                let state = &delivery.transport.state;
                if !self.engine.has_room(state) {
                    let retry_after = std::time::Duration::from_secs(1);
                    return Err(Refusal::Overloaded { what: STATE_OF_SOURCE, retry_after });
                }
                self.engine.write(state);
                self.taken.lock().unwrap().push(delivery);
            }
            Ok(Receipt::assertion(EventId::new(at(0), 1), repeat))
        })
    }
}

/// A listener without sockets.
pub(crate) struct House {
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) line: Arc<Line>,
    pub(crate) shared: Shared,
}

impl House {
    pub(crate) fn new(limits: MqttLimits) -> Self {
        Self::over(Arc::default(), limits)
    }

    /// A listener that takes up what the engine has.
    pub(crate) fn over(engine: Arc<FakeEngine>, limits: MqttLimits) -> Self {
        let says = Mutex::default();
        let line = Arc::new(Line { engine: Arc::clone(&engine), says, taken: Mutex::default() });
        let memory = Memory::new(Arc::clone(&engine) as _).unwrap();
        let kept = memory.load();
        let hub = Hub::new(limits.hub(), Arc::default(), Some(memory));
        hub.restore(kept, at(0));
        let rule = TopicRule {
            source: "s".parse().unwrap(),
            topics: vec![Filter::parse("#").unwrap()],
            payload_bytes_max: 16 * 1024 * 1024,
            dedupe: Dedupe::Off,
            format: Format::Message,
        };
        let shared = Shared {
            hub,
            wills: Wills::new(),
            limits,
            access: Access::default(),
            engine: Arc::clone(&engine) as _,
            queues: std::collections::HashSet::new(),
            claims: Claims::new(vec![rule]),
            intake: Arc::clone(&line) as _,
            clock: Clock::new(|| at(0)),
            dice: Box::new(|| 4),
        };
        Self { engine, line, shared }
    }
}
