//! The events of leases, read back from the log on the thread of their consumer.

use sluicegate_core::queue::{Consumed, Item, Lease, Place, QueueFault};
use sluicegate_core::seams::Ask;
use tokio::sync::oneshot;

use super::Store;
use crate::log::ReadBack;
use crate::owner::{Mail, Reply};
use crate::rooms::Room;
use crate::writer::{Work, give_back};

/// An ask that waits for its answer. If the consumer goes away meanwhile, the owner of the queue
/// is told: it need not look at all who wait to find out.
struct Asking<'a> {
    room: &'a Room,
    ask: u64,
    answer: oneshot::Receiver<Result<Vec<Lease>, QueueFault>>,
    is_answered: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        // Closed first: an owner that meets the ask after this does not take it up.
        self.answer.close();
        match self.answer.try_recv() {
            Ok(answer) => give_back(&self.room.mail.downgrade(), &answer.unwrap_or_default()),
            Err(_) => self.room.withdrawn.leave_quietly(&mut vec![self.ask]),
        }
    }
}

/// Asks the owner of a queue for events, and waits for its answer; `None` if the owner has ended.
pub(super) async fn ask_for(room: &Room, terms: Ask) -> Option<Result<Vec<Lease>, QueueFault>> {
    let (to, answer) = oneshot::channel();
    let ask = room.number_ask();
    let mut asking = Asking { room, ask, answer, is_answered: false };
    let mail = Mail::Ask { ask, terms, to: Reply(to) };
    room.mail.send(mail).await.ok()?;
    let leases = (&mut asking.answer).await;
    asking.is_answered = true;
    leases.ok()
}

/// Leases on their way to a consumer. If the consumer goes away before it has them, they go back.
struct OnTheWay<'a> {
    room: &'a Room,
    leases: Vec<Lease>,
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        give_back(&self.room.mail.downgrade(), &self.leases);
    }
}

impl Store {
    /// Reads the events of leases. What is damaged is taken out of the queue; what cannot be read
    /// now goes back, to be offered again later.
    pub(super) async fn read_back(
        &self,
        room: &Room,
        leases: Vec<Lease>,
    ) -> Result<Vec<Consumed>, QueueFault> {
        let items: Vec<Item> = leases.iter().map(|lease| lease.item).collect();
        let mut on_the_way = OnTheWay { room, leases };
        let read = self.read(items).await;
        let leases = std::mem::take(&mut on_the_way.leases);
        let read = match read {
            Ok(read) => read,
            Err(fault) => {
                let why = fault.to_string();
                let back = leases.into_iter().map(|lease| (lease, why.clone())).collect();
                self.put_back(room, back).await?;
                return Err(QueueFault::StoreUnavailable { what: "events cannot be read back" });
            }
        };
        let mut consumed = Vec::with_capacity(leases.len());
        let (mut lost, mut damaged) = (Vec::new(), Vec::new());
        let (mut letters, mut unreadable) = (Vec::new(), Vec::new());
        for (lease, read) in leases.into_iter().zip(read) {
            match read {
                ReadBack::Event(event, letter) => {
                    if letter.is_none() {
                        // The event is not held back because nobody knows any more why it is here.
                        letters.extend(lease.item.letter);
                    }
                    consumed.push(Consumed {
                        receipt: self.receipts.issue(room.number, lease.number),
                        attempt: lease.item.attempts,
                        event,
                        letter,
                    });
                }
                ReadBack::Damaged => {
                    lost.push(lease.number);
                    damaged.push(lease.item.event);
                }
                ReadBack::Unreadable(fault) => unreadable.push((lease, fault.to_string())),
            }
        }
        if !unreadable.is_empty() {
            self.put_back(room, unreadable).await?;
        }
        if !letters.is_empty() {
            let (queue, count) = (room.name(), letters.len());
            tracing::error!(%queue, count, "dead letters are delivered without their reasons");
            self.set_aside(letters);
        }
        if !lost.is_empty() {
            tracing::error!(queue = %room.name(), events = lost.len(), "events are damaged: lost");
            self.set_aside(damaged);
            room.mail.send(Mail::Lost(lost)).await.map_err(|_| QueueFault::Stopping)?;
        }
        Ok(consumed)
    }

    /// What is damaged there is copied aside, for a person to look at.
    fn set_aside(&self, damaged: Vec<Place>) {
        self.counters.quarantined.add(damaged.len() as u64);
        self.desk.lay_changes(Work::SetAside(damaged));
    }

    /// Ends leases whose events cannot be read now, for these reasons.
    async fn put_back(&self, room: &Room, back: Vec<(Lease, String)>) -> Result<(), QueueFault> {
        let why = back.first().map(|(_, why)| why.clone()).unwrap_or_default();
        let (queue, events) = (room.name(), back.len());
        tracing::error!(error = why, %queue, events, "events cannot be read back");
        self.counters.unread.add(events as u64);
        let back = back.into_iter().map(|(lease, why)| (lease.number, why)).collect();
        room.mail.send(Mail::Unread(back)).await.map_err(|_| QueueFault::Stopping)
    }

    /// Reads on this thread what was committed lately, and so lies in memory; the rest on a thread
    /// that may wait for the disk.
    pub(super) async fn read(&self, items: Vec<Item>) -> std::io::Result<Vec<ReadBack>> {
        let newest = self.segments.newest();
        let lately = |item: &Item| item.event.segment().saturating_add(RECENT_SEGMENTS) > newest;
        if items.iter().all(lately) {
            return self.reader.read(&items);
        }
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.read(&items));
        read.await.unwrap_or_else(|fault| Err(std::io::Error::other(fault)))
    }
}

/// Segments, counted from the newest, that are read without leaving the thread.
const RECENT_SEGMENTS: u32 = 2;
