//! The on-disk format, version 2. Each file of this folder describes one shape beside its types.
//!
//! ```text
//! data/format            "sluicegate-data", version, the folder's key (see `folder`)
//! data/lock              locked while a process has the folder open
//! data/keyring[.bak]     the wrapped data keys of a sealed folder (see `seal::keyring`)
//! data/queues            the names of the queues by number (see `catalogue`)
//! data/settings, settings.copy   what operators set (see `settings`)
//! data/log/<n>.log       segments, n in ten digits; each a run of entries (see `entry`)
//! data/log/<n>.index     where a segment's arrivals are, by queue (see `index::file`); derived
//! data/checkpoints/*     every queue as it was, the last two (see `checkpoint`); derived
//! data/ballast           zeros: room for settlements on a full disk (see `log::yard`)
//! data/keys/<n>.keys     idempotency keys of deleted segment n (see `keys`)
//! data/quarantine/*.bin  bytes that were not entries where entries should be
//! ```
//!
//! The first entry of a segment is its catalogue: the names again. Numbers are never used again.
//! Indexes, checkpoints and the file of names are derived: what is lost is read from the log.
//! Integers are little-endian or LEB128, texts are UTF-8 after their length.

pub(crate) mod again;
pub(crate) mod bytes;
pub(crate) mod catalogue;
pub(crate) mod changes;
pub(crate) mod checkpoint;
pub(crate) mod commit;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod item;
pub(crate) mod keys;
pub(crate) mod letter;
pub(crate) mod settings;

/// The version of everything here.
pub(crate) const VERSION: u8 = 2;
