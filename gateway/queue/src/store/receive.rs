//! The events of leases, read back from the log on the thread of their consumer.

use sluicegate_core::queue::{Consumed, Item, Lease, QueueFault, QueueNumber, Verb};

use super::Store;
use super::registry::Door;
use crate::format::entry::Position;
use crate::log::ReadBack;
use crate::owner::Mail;

impl Store {
    /// Reads the events of leases. What is damaged is taken out of the queue; what cannot be read
    /// now goes back.
    pub(super) async fn read_back(
        &self,
        queue: QueueNumber,
        door: &Door,
        leases: Vec<Lease>,
    ) -> Result<Vec<Consumed>, QueueFault> {
        let items: Vec<Item> = leases.iter().map(|lease| lease.item).collect();
        let read = match self.read(items).await {
            Ok(read) => read,
            Err(fault) => {
                tracing::error!(error = %fault, queue = %door.name, "events cannot be read back");
                let back = |lease: &Lease| {
                    (Some(lease.number), Verb::Nack { delay: None, reason: fault.to_string() })
                };
                let settlements = leases.iter().map(back).collect();
                self.ask(door, |to| Mail::Settle { settlements, to }).await?;
                return Err(QueueFault::StoreUnavailable { what: "events cannot be read back" });
            }
        };
        let mut consumed = Vec::with_capacity(leases.len());
        let mut lost = Vec::new();
        for (lease, read) in leases.into_iter().zip(read) {
            match read {
                ReadBack::Event(event, letter) => consumed.push(Consumed {
                    receipt: self.receipts.issue(queue, lease.number),
                    attempt: lease.item.attempts,
                    event,
                    letter,
                }),
                ReadBack::Damaged => lost.push(lease.number),
            }
        }
        if !lost.is_empty() {
            self.counters.quarantined.add(lost.len() as u64);
            tracing::error!(queue = %door.name, events = lost.len(), "events are damaged: lost");
            door.mail.send(Mail::Lost(lost)).await.map_err(|_| QueueFault::Stopping)?;
        }
        Ok(consumed)
    }

    /// Reads on this thread what was committed lately, and so lies in memory; the rest on a thread
    /// that may wait for the disk.
    async fn read(&self, items: Vec<Item>) -> std::io::Result<Vec<ReadBack>> {
        let newest = self.segments.newest();
        let lately = |item: &Item| {
            Position::unpack(item.place.position).segment.saturating_add(RECENT_SEGMENTS) > newest
        };
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
