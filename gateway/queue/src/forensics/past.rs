//! The events of the log of a folder that no gateway has open, as they came. Nothing is changed.

use std::io;
use std::path::Path;

use super::look::opened;
use super::stopped::{Options, Stopped};
use crate::fault::OpenFault;
use crate::log::Reader;
use crate::store::{Cursor, PastEvent, read_past};

/// Hands every event of the log to `take`, in order, each once however many queues it went to,
/// whatever became of it there. What is damaged is passed over.
///
/// # Errors
/// When the folder cannot be looked at, or is sealed and its key was not given.
pub fn past(
    folder: &Path,
    options: &Options,
    take: &mut dyn FnMut(PastEvent),
) -> Result<(), OpenFault> {
    let stopped = opened(folder, options)?;
    each(&stopped, take).map_err(OpenFault::disk("read the log"))
}

fn each(stopped: &Stopped, take: &mut dyn FnMut(PastEvent)) -> io::Result<()> {
    let recovered = stopped.recover(&stopped.overlay())?;
    let reader = Reader(recovered.segments, stopped.unsealer.clone());
    let mut next = Some(Cursor::START.0);
    while let Some(from) = next {
        let part = read_past(&reader, from, PART_BYTES)?;
        next = part.next;
        for event in part.events {
            take(event.named(|queue| recovered.names.get(usize::from(queue.0)).cloned()));
        }
    }
    Ok(())
}

/// Bytes of the log that are read together.
const PART_BYTES: usize = 4 * 1024 * 1024;
