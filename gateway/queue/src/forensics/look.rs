//! A look at the queues of a folder that no gateway has open, as its next start would have them.

use std::io;
use std::path::Path;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, Place, QueueNumber, QueueStats};

use super::lying;
use super::stopped::{Options, Stopped};
use crate::fault::OpenFault;
use crate::format::settings;
use crate::log::Reader;
use crate::owner::Seen;
use crate::store::{Browsed, Cursor, browsed, merge};

/// The numbers of every queue, by name. Queues that were removed are left out, and what is counted
/// since a start is nothing.
///
/// # Errors
/// When the folder cannot be looked at, or is sealed and its key was not given.
pub fn queues(folder: &Path, options: &Options) -> Result<Vec<(QueueName, QueueStats)>, OpenFault> {
    let stopped = opened(folder, options)?;
    stats(&stopped).map_err(OpenFault::disk("read the data folder"))
}

/// At most `max` events of a queue after a place, in the order in which they came; `None` if there
/// is no such queue.
///
/// # Errors
/// As those of [`queues`].
pub fn peek(
    folder: &Path,
    options: &Options,
    queue: &QueueName,
    after: Option<Cursor>,
    max: usize,
) -> Result<Option<Vec<Browsed>>, OpenFault> {
    let stopped = opened(folder, options)?;
    look(&stopped, queue, after, max).map_err(OpenFault::disk("read the data folder"))
}

pub(super) fn opened(folder: &Path, options: &Options) -> Result<Stopped, OpenFault> {
    let mut stopped = Stopped::look(folder, options)?;
    stopped.locked.take().map_or(Ok(stopped), Err)
}

fn stats(stopped: &Stopped) -> io::Result<Vec<(QueueName, QueueStats)>> {
    let recovered = stopped.recover(&stopped.overlay())?;
    let removed = removed(stopped)?;
    let now = stopped.clock.moment();
    let mut dead = vec![0_u64; recovered.states.len()];
    for (state, number) in recovered.states.iter().zip(0_u16..) {
        let tell = |item: &Item, _| {
            let origin = item.origin.and_then(|origin| dead.get_mut(usize::from(origin.0)));
            origin.into_iter().for_each(|dead| *dead += 1);
        };
        lying::each(QueueNumber(number), state, now, &recovered.listings, tell)?;
    }
    let mut all = Vec::new();
    for (((state, name), number), dead) in
        recovered.states.iter().zip(recovered.names).zip(0_u16..).zip(dead)
    {
        let stats = QueueStats { dead, ..state.stats(now) };
        if stats.depth > 0 || !removed.contains(&QueueNumber(number)) {
            all.push((name, stats));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(all)
}

fn removed(stopped: &Stopped) -> io::Result<std::collections::BTreeSet<QueueNumber>> {
    for file in settings::FILES {
        let bytes = stopped.disk.read(file)?;
        if let Some(settings) = bytes.and_then(|bytes| settings::decode(&bytes)) {
            return Ok(settings.removed);
        }
    }
    Ok(std::collections::BTreeSet::new())
}

fn look(
    stopped: &Stopped,
    queue: &QueueName,
    after: Option<Cursor>,
    max: usize,
) -> io::Result<Option<Vec<Browsed>>> {
    let recovered = stopped.recover(&stopped.overlay())?;
    let found = recovered.names.iter().zip(&recovered.states).zip(0_u16..);
    // A name may stand there twice: the queue that was removed is the older one.
    let Some(((_, state), number)) = found.filter(|((name, _), _)| *name == queue).last() else {
        return Ok(None);
    };
    let after = after.map_or(Place::START, |cursor| cursor.0);
    let view = state.view(stopped.clock.moment(), after, max);
    let failures = view.held.iter().map(|(item, _)| state.failures_of(item.id).to_vec()).collect();
    let seen = Seen { view, failures };
    let lying = merge(&recovered.listings, QueueNumber(number), seen, after, max)?;
    let items: Vec<Item> = lying.iter().map(|lying| lying.item).collect();
    let read = Reader(recovered.segments, stopped.unsealer.clone()).read(&items)?;
    Ok(Some(lying.into_iter().zip(read).map(|(lying, read)| browsed(lying, read)).collect()))
}
