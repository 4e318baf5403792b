//! The events of leases, read back from the log on the thread of their consumer.

use sluicegate_core::queue::{Consumed, Item, Lease, QueueFault, Verb};

use super::Store;
use crate::log::ReadBack;
use crate::owner::Mail;
use crate::rooms::Room;
use crate::writer::{Work, give_back};

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
    /// now goes back.
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
                tracing::error!(error = %fault, queue = %room.name(), "events cannot be read back");
                let back = |lease: &Lease| {
                    (Some(lease.number), Verb::Nack { delay: None, reason: fault.to_string() })
                };
                let settlements = leases.iter().map(back).collect();
                self.ask(room, |to| Mail::Settle { settlements, to }).await?;
                return Err(QueueFault::StoreUnavailable { what: "events cannot be read back" });
            }
        };
        let mut consumed = Vec::with_capacity(leases.len());
        let (mut lost, mut damaged) = (Vec::new(), Vec::new());
        for (lease, read) in leases.into_iter().zip(read) {
            match read {
                ReadBack::Event(event, letter) => consumed.push(Consumed {
                    receipt: self.receipts.issue(room.number, lease.number),
                    attempt: lease.item.attempts,
                    event,
                    letter,
                }),
                ReadBack::Damaged => {
                    lost.push(lease.number);
                    damaged.push(lease.item.event);
                }
            }
        }
        if !lost.is_empty() {
            self.counters.quarantined.add(lost.len() as u64);
            tracing::error!(queue = %room.name(), events = lost.len(), "events are damaged: lost");
            self.desk.lay_changes(Work::SetAside(damaged));
            room.mail.send(Mail::Lost(lost)).await.map_err(|_| QueueFault::Stopping)?;
        }
        Ok(consumed)
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
