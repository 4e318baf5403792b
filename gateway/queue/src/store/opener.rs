//! Starting the owner of a queue: when the store is opened, and when a queue is added.

use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{QueueNumber, QueueState};
use sluicegate_core::time::Clock;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::listing::Listings;
use crate::owner::{Owner, Waiting};
use crate::rooms::{Plan, Registry, Room};
use crate::writer::{Desk, Inbox};

/// What every owner is given.
pub(crate) struct Opener {
    pub(crate) runtime: Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) listings: Arc<Listings>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
}

impl Opener {
    /// Starts the owner of a queue, and adds the queue, which nobody finds by its name yet.
    pub(crate) fn start(
        &self,
        number: QueueNumber,
        name: QueueName,
        plan: Plan,
        state: QueueState,
    ) -> Arc<Room> {
        let (mail, mailbox) = mpsc::channel(MAILBOX);
        let (inbox, back) = (Arc::new(Inbox::default()), mail.downgrade());
        let room = Arc::new(Room::new(number, name, plan, Arc::clone(&inbox), mail));
        let owner = Owner {
            room: Arc::clone(&room),
            state,
            mailbox,
            back,
            inbox,
            listings: Arc::clone(&self.listings),
            desk: Arc::clone(&self.desk),
            clock: self.clock.clone(),
            random: self.seed ^ u64::from(number.0).rotate_left(32),
            waiting: Waiting::default(),
        };
        let task = self.runtime.spawn(owner.run()).abort_handle();
        room.is_owned_by(task);
        self.registry.add(Arc::clone(&room));
        room
    }
}

/// Questions that may wait for an owner; who asks more waits to ask.
const MAILBOX: usize = 256;
