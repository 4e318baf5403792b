//! The on-disk format, version 3. Each file of this folder describes one shape beside its types.
//!
//! ```text
//! data/format, format.copy   what the folder is, version, its key (see `folder`)
//! data/lock              locked while a process has the folder open
//! data/keyring[.bak]     the wrapped data keys of a sealed folder (see `seal::keyring`)
//! data/queues            the names of the queues by number (see `catalogue`)
//! data/settings, settings.copy   what operators set (see `settings`)
//! data/log/<n>.log       segments, n in ten digits; each a run of entries (see `entry`)
//! data/log/<n>.index     where a segment's arrivals are, by queue (see `index::file`); derived
//! data/checkpoints/*     every queue as it was, the last two (see `checkpoint`); derived
//! data/ballast           zeros: room for settlements on a full disk (see `log::yard`)
//! data/*/*.new           drafts that a power cut left: never read
//! data/keys/<n>.keys     idempotency keys of deleted segment n (see `keys`)
//! data/quarantine/*.bin  bytes that were not entries where entries should be
//! data/refused/<source>.<n>.log   deliveries that were refused (see `refused`); no part of the log
//! ```
//!
//! The first entry of a segment is its catalogue: the names again. Numbers are never used again.
//! Indexes, checkpoints and the file of names are derived: what is lost is read from the log.
//! Integers are little-endian or LEB128, texts are UTF-8 after their length.
//!
//! Version 2 had no state of plugins: its commits end with their drops, its checkpoints with their
//! queues. A folder of version 2 is read as it is, and becomes one of version 3 when it is opened:
//! from then on entries and checkpoints of both versions lie in it, and a program that knows only
//! version 2 refuses it.

pub(crate) mod again;
pub(crate) mod bytes;
pub(crate) mod catalogue;
pub(crate) mod changes;
pub(crate) mod checkpoint;
pub(crate) mod commit;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod folder;
pub(crate) mod item;
pub(crate) mod keys;
pub(crate) mod letter;
pub(crate) mod refused;
pub(crate) mod settings;
pub(crate) mod state;

/// The version of everything here.
pub(crate) const VERSION: u8 = 3;
/// The version before, which is read too.
pub(crate) const VERSION_BEFORE: u8 = 2;

/// Whether something of this version can be read.
pub(crate) fn is_known(version: u8) -> bool {
    matches!(version, VERSION_BEFORE | VERSION)
}
