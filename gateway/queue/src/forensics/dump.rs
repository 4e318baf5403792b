//! Dumping a folder: every entry of the log in order, as JSON.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value, json};
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Place, QueueNumber};

use super::stopped::{Options, Stopped};
use super::verify::word;
use super::words::{self, Names};
use crate::fault::OpenFault;
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};
use crate::format::{again, catalogue, changes};
use crate::log::{Found, Walk, segment_name, walk};
use crate::recovery::numbered;
use crate::store::Cursor;

/// Which entries are dumped, and how much of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those from this place on.
    pub from: Option<Cursor>,
    /// Those before this place.
    pub to: Option<Cursor>,
    /// Those that say something of this queue.
    pub queue: Option<QueueName>,
    /// Those of these kinds; all, if there are none.
    pub kinds: Vec<EntryKind>,
    /// Whether payloads and the values of headers are shown.
    pub payloads: Payloads,
}

/// The kinds of entries in a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A delivery, and everything that it became.
    Commit,
    /// What happened to events of a queue.
    Changes,
    /// Events of the past, placed once more.
    Again,
    /// The names of the queues.
    Catalogue,
    /// Bytes that are no entry.
    Damage,
}

/// Whether payloads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payloads {
    /// Their lengths only.
    #[default]
    Left,
    /// They are shown, as text or in base64.
    Shown,
}

/// Hands every entry that passes the filter to `sink`, in the order of the log. Nothing is changed.
/// Sealed entries that no key opens are handed over without what is in them. Returns how many were.
///
/// # Errors
/// When the folder cannot be looked at, or the sink fails: then its error is the source of an
/// [`OpenFault::Disk`].
pub fn dump(
    folder: &Path,
    options: &Options,
    filter: &Filter,
    sink: &mut dyn FnMut(Value) -> io::Result<()>,
) -> Result<u64, OpenFault> {
    let stopped = Stopped::look(folder, options)?;
    dump_stopped(&stopped, filter, sink).map_err(OpenFault::disk("dump the log"))
}

pub(crate) fn dump_stopped(
    stopped: &Stopped,
    filter: &Filter,
    sink: &mut dyn FnMut(Value) -> io::Result<()>,
) -> io::Result<u64> {
    let bytes = stopped.disk.read(catalogue::FILE)?.unwrap_or_default();
    let known = catalogue::decode_file(&bytes).unwrap_or_default();
    let names = Names(known.iter().map(ToString::to_string).collect());
    let mut dump = Dump { stopped, filter, names, count: 0 };
    for segment in numbered(&*stopped.disk, "log", ".log")? {
        let before = filter.from.is_some_and(|from| from.0.segment() > segment);
        let after = filter.to.is_some_and(|to| to.0.segment() < segment);
        if !before && !after {
            dump.segment(segment, sink)?;
        }
    }
    Ok(dump.count)
}

struct Dump<'d> {
    stopped: &'d Stopped,
    filter: &'d Filter,
    names: Names,
    count: u64,
}

impl Dump<'_> {
    fn segment(
        &mut self,
        segment: u32,
        sink: &mut dyn FnMut(Value) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = self.stopped.disk.open(&segment_name(segment))?;
        let (mut scratch, mut failed) = (Vec::new(), None);
        walk(&*file, Walk { segment, from: 0, ends_with_zeros: false }, |found| {
            let shown = match found {
                Found::Entry { position, head, body } => {
                    match self.stopped.unsealer.open(&head, body, &mut scratch) {
                        Ok(Some(opened)) => self.entry(position, head.kind, opened),
                        Ok(None) => self.damage(
                            segment,
                            u64::from(position.offset),
                            head.entry_len() as u64,
                        ),
                        Err(_) => self.locked(position, head.kind, head.entry_len()),
                    }
                }
                Found::Damage(range) | Found::Tail(range) if range.is_empty() => None,
                Found::Damage(range) | Found::Tail(range) => {
                    self.damage(segment, range.start, range.end - range.start)
                }
            };
            let Some(shown) = shown else { return ControlFlow::Continue(()) };
            self.count += 1;
            match sink(shown) {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => {
                    failed = Some(fault);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// An entry that can be read; `None` if the filter does not want it.
    fn entry(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<Value> {
        if kind == Kind::Catalogue {
            let names = catalogue::decode(body).unwrap_or_default();
            self.names = Names(names.iter().map(ToString::to_string).collect());
        }
        if !self.wants(position, of(kind)?) {
            return None;
        }
        let (packed, names) = (position.pack(), &self.names);
        let mut queues: Vec<QueueNumber> = Vec::new();
        let said = match kind {
            Kind::Commit => Commit::decode(body).and_then(|commit| {
                queues.extend(commit.placed().map(|placed| placed.queue));
                words::commit(&commit, packed, names, self.filter.payloads)
            }),
            Kind::Changes => changes::decode(body).and_then(|all| {
                queues.push(all.queue);
                let moved = all.all.iter().zip(0_u16..).filter_map(|((_, happened), part)| {
                    let id = Place { position: packed, part };
                    crate::listing::moved_to(all.queue, happened, id)
                });
                queues.extend(moved.map(|(queue, _)| queue));
                words::changes(&all, packed, names)
            }),
            Kind::Again => again::decode(body, packed).map(|items| {
                queues.extend(items.iter().map(|(queue, _)| *queue));
                let one = |(queue, item): &(QueueNumber, sluicegate_core::queue::Item)| {
                    json!({
                        "queue": names.of(*queue),
                        "place": words::cursor(item.id),
                        "bytes_at": words::cursor(item.event),
                    })
                };
                let placed: Vec<Value> = items.iter().map(one).collect();
                Map::from_iter([("placed".to_owned(), placed.into())])
            }),
            Kind::Catalogue | Kind::Snapshot | Kind::Refused | Kind::Mark => {
                Some(Map::from_iter([("queues".to_owned(), names.0.clone().into())]))
            }
        };
        if let Some(wanted) = &self.filter.queue
            && !queues.iter().any(|queue| names.of(*queue) == wanted.as_str())
        {
            return None;
        }
        let mut shown = self.head(position, word(kind));
        shown.extend(said.unwrap_or_else(|| {
            Map::from_iter([("damaged".to_owned(), "its body is not what was written".into())])
        }));
        Some(Value::Object(shown))
    }

    fn locked(&self, position: Position, kind: Kind, len: usize) -> Option<Value> {
        if self.filter.queue.is_some() || !self.wants(position, of(kind)?) {
            return None;
        }
        let mut shown = self.head(position, word(kind));
        shown.insert("locked".into(), true.into());
        shown.insert("bytes".into(), len.into());
        Some(Value::Object(shown))
    }

    fn damage(&self, segment: u32, offset: u64, len: u64) -> Option<Value> {
        let position = Position { segment, offset: u32::try_from(offset).ok()? };
        if self.filter.queue.is_some() || !self.wants(position, EntryKind::Damage) {
            return None;
        }
        let mut shown = self.head(position, "damage");
        shown.insert("bytes".into(), len.into());
        Some(Value::Object(shown))
    }

    fn head(&self, position: Position, kind: &str) -> Map<String, Value> {
        Map::from_iter([
            ("position".to_owned(), words::cursor(Place { position: position.pack(), part: 0 })),
            ("segment".to_owned(), position.segment.into()),
            ("offset".to_owned(), position.offset.into()),
            ("kind".to_owned(), kind.into()),
        ])
    }

    fn wants(&self, position: Position, kind: EntryKind) -> bool {
        let Filter { from, to, kinds, .. } = self.filter;
        let position = position.pack();
        from.is_none_or(|from| position >= from.0.position)
            && to.is_none_or(|to| position < to.0.position)
            && (kinds.is_empty() || kinds.contains(&kind))
    }
}

fn of(kind: Kind) -> Option<EntryKind> {
    match kind {
        Kind::Commit => Some(EntryKind::Commit),
        Kind::Changes => Some(EntryKind::Changes),
        Kind::Again => Some(EntryKind::Again),
        Kind::Catalogue => Some(EntryKind::Catalogue),
        // They are never in the log.
        Kind::Snapshot | Kind::Refused | Kind::Mark => None,
    }
}
