//! One living instance of a plugin: its store, its limits, and the two calls that it takes.
//!
//! An instance that has failed is never used again: its memory may be in any state.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sluicegate_core::event::Event;
use sluicegate_core::ids::{EventId, RouteName};
use sluicegate_core::letter::Cause;
use sluicegate_core::state::Session;
use wasmtime::component::InstancePre;
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::contract::exports::sluicegate::plugin::filter::{
    Decision, Failure, Subscription as Asked,
};
use crate::deadline::{Deadline, Overrun};
use crate::exports::{Exports, Guest};
use crate::fault::Fault;
use crate::imports::{Context, Memory};
use crate::memory::MemoryCap;
use crate::plugin::{About, Limits};
use crate::projection::{Projection, write_id};
use crate::series::Handles;
use crate::subscription::Subscription;
use crate::trial::Meter;
use crate::watch::{Watch, thread_time};

/// A living instance.
pub(crate) struct Instance {
    store: Store<Context>,
    guest: Guest,
    calls: u64,
    /// Memory beyond which it is replaced: halfway between what it had after `configure` and its
    /// cap, so that a plugin with a large base is not replaced after every call.
    memory_bytes_old: usize,
    /// What the plugin's numbers know of its memory.
    memory_bytes_seen: usize,
}

/// Where a plugin is asked.
pub(crate) struct Place<'a> {
    /// What the event's filters read and write. It is there before and after each call.
    pub(crate) session: &'a mut Option<Session>,
    /// The route.
    pub(crate) route: &'a RouteName,
    /// Room for the text of the event's id.
    pub(crate) id: &'a mut String,
    /// The clock of the question. Its last look is the start of the call.
    pub(crate) watch: &'a mut Watch,
}

/// What `configure` said.
pub(crate) enum Started {
    Ready(Box<Instance>, Asked),
    Refused(String),
}

/// What a guest answered, as the contract has it.
pub(crate) type Answer = Result<Decision, Failure>;

impl Instance {
    /// Makes an instance and configures it.
    pub(crate) fn start(
        about: &Arc<About>,
        instances: &InstancePre<Context>,
        exports: &Exports,
        limits: &Limits,
    ) -> Result<Started, Fault> {
        about.counts.starts.increment();
        let mut store = store(instances, about, limits);
        let guest = instances
            .instantiate(&mut store)
            .and_then(|instance| exports.load(&mut store, &instance))
            .map_err(|error| Fault { cause: start_cause(&store), ..fault(&error, &store) })?;
        let asked = match guest.configure(&mut store, &limits.config) {
            Ok(Ok(asked)) => asked,
            Ok(Err(why)) => return Ok(Started::Refused(why)),
            Err(error) => return Err(fault(&error, &store)),
        };
        let bytes = store.data().memory.bytes();
        about.counts.living.fetch_add(1, Ordering::Relaxed);
        let memory_bytes_old = bytes + limits.memory_bytes_max.saturating_sub(bytes) / 2;
        Ok(Started::Ready(
            Box::new(Self { store, guest, calls: 0, memory_bytes_old, memory_bytes_seen: 0 }),
            asked,
        ))
    }

    /// Asks it about an event. After a fault it must be thrown away.
    pub(crate) fn call(
        &mut self,
        event: &Event,
        wanted: &Subscription,
        deadline: Duration,
        place: Place<'_>,
    ) -> Result<Answer, Fault> {
        let Place { session, route, id, watch } = place;
        let deadline = Deadline::new(deadline, watch);
        self.begin(Some(event.id), deadline, answer_bytes_max(event));
        let context = self.store.data_mut();
        let remembers = context.state.grant.is_some();
        if remembers && let Some(mut session) = session.take() {
            session.begin_call();
            context.lend(session, route);
        }
        write_id(id, event);
        let projection = Projection::new(event, wanted);
        let answer = self.guest.filter(&mut self.store, projection.seen(id, event));
        self.end(watch);
        let answer = answer.map_err(|error| fault(&error, &self.store)).flatten();
        if remembers {
            *session = self.store.data_mut().take_back();
            if let (Some(session), Ok(Err(_)) | Err(_)) = (session, &answer) {
                session.undo_call();
            }
        }
        answer
    }

    /// Asks it about several events in one call, none of which it remembers anything of. After a
    /// fault it must be thrown away; none of the events was answered then.
    pub(crate) fn call_together(
        &mut self,
        events: &[&Event],
        wanted: &Subscription,
        deadline: Duration,
    ) -> Result<Vec<Answer>, Fault> {
        let answer_bytes = events.iter().map(|event| answer_bytes_max(event)).sum();
        let mut watch = Watch::start();
        // What it logs is about all of them.
        self.begin(None, Deadline::new(deadline, &watch), answer_bytes);
        let ids: Vec<String> = events.iter().map(|event| event.id.to_string()).collect();
        let projections: Vec<_> = events.iter().map(|it| Projection::new(it, wanted)).collect();
        let parts = ids.iter().zip(events).zip(&projections);
        let seen: Vec<_> = parts.map(|((id, event), it)| it.seen(id, event)).collect();
        let answers = self.guest.filter_together(&mut self.store, &seen);
        self.end(&mut watch);
        answers.map_err(|error| fault(&error, &self.store)).flatten()
    }

    fn begin(&mut self, event: Option<EventId>, deadline: Deadline, answer_bytes: usize) {
        let context = self.store.data_mut();
        context.event = event;
        context.deadline = deadline;
        self.store.set_epoch_deadline(1);
        self.store.set_hostcall_fuel(answer_bytes);
    }

    /// Counts a call.
    fn end(&mut self, watch: &mut Watch) {
        self.calls += 1;
        let context = self.store.data();
        let took = watch.lap(|| Some(context.deadline.ran(thread_time())));
        let counts = &context.about.counts;
        counts.call_time_ns.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        if context.memory.bytes() > self.memory_bytes_seen {
            self.memory_bytes_seen = context.memory.bytes();
            counts.memory_bytes_max.fetch_max(self.memory_bytes_seen, Ordering::Relaxed);
        }
    }

    /// What all its memories and tables take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.bytes()
    }

    /// Instructions that it has left, on an engine that counts them.
    pub(crate) fn fuel(&self) -> Option<u64> {
        self.store.get_fuel().ok()
    }

    /// Whether it has answered before: only then can a fresh one do better.
    pub(crate) fn is_used(&self) -> bool {
        self.calls > 1
    }

    /// Whether it should make room for a fresh one.
    pub(crate) fn is_old(&self, recycle_calls: u64) -> bool {
        (recycle_calls > 0 && self.calls >= recycle_calls)
            || self.store.data().memory.bytes() > self.memory_bytes_old
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.store.data().about.counts.living.fetch_sub(1, Ordering::Relaxed);
    }
}

fn store(instances: &InstancePre<Context>, about: &Arc<About>, limits: &Limits) -> Store<Context> {
    let context = Context {
        about: Arc::clone(about),
        memory: MemoryCap::new(limits.memory_bytes_max),
        deadline: Deadline::new(limits.deadline.max(START_DEADLINE), &Watch::start()),
        handles: Handles::default(),
        event: None,
        state: Memory::granted(limits.state),
    };
    let mut store = Store::new(instances.engine(), context);
    store.limiter(|context| &mut context.memory);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().deadline.tick(Instant::now(), thread_time())?;
        Ok(UpdateDeadline::Continue(1))
    });
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(ANSWER_BYTES_BASE);
    if limits.meter == Meter::Fuel {
        // An engine that counts takes it.
        let _ = store.set_fuel(u64::MAX);
    }
    store
}

/// What went wrong, from what wasmtime says and what the limits saw.
fn fault(error: &wasmtime::Error, store: &Store<Context>) -> Fault {
    if let Some(overrun) = error.downcast_ref::<Overrun>() {
        return Fault::new(Cause::Deadline, overrun.to_string());
    }
    let memory = &store.data().memory;
    if memory.refused() {
        let bytes = memory.bytes();
        return Fault::new(
            Cause::Memory,
            format!("reached its memory cap (it had {bytes} bytes): {}", error.root_cause()),
        );
    }
    // The type of this error is private to wasmtime.
    if error.root_cause().to_string().starts_with("too much data is being copied") {
        return Fault::bad("its answer is larger than an answer to this event may be");
    }
    // A trap of the guest has this type; what is left is an answer that cannot be lifted, such as
    // text that is not UTF-8 or a list outside its memory.
    match error.downcast_ref::<Trap>() {
        Some(trap) => Fault::new(Cause::Trap, trap.to_string()),
        None => Fault::bad(format!("its answer cannot be read: {}", error.root_cause())),
    }
}

/// Before its first call, a guest that is not there has either asked for too much or broken.
fn start_cause(store: &Store<Context>) -> Cause {
    if store.data().memory.refused() { Cause::Memory } else { Cause::Trap }
}

/// Bytes that a guest may hand over in one call: room for several rewritten copies of the event.
fn answer_bytes_max(event: &Event) -> usize {
    ANSWER_BYTES_BASE + event.weight().saturating_mul(4)
}

/// What a guest may hand over about the smallest event.
const ANSWER_BYTES_BASE: usize = 1024 * 1024;

/// An interpreter takes longer to start than to answer.
const START_DEADLINE: Duration = Duration::from_secs(1);
