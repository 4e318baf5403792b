//! The embedded queue engine: a durable log, and the owner task of each queue.
//!
//! One thread writes: it drains what producers have encoded, writes it, flushes once, and frees
//! them all (`writer`). One task owns each queue: `select` waits, `core::queue` decides, `perform`
//! does (`owner`). Payloads are never kept in memory: consumers' threads read them back from the
//! log, checked (`reader`). Nothing is acknowledged before it is durable; after a failed write or
//! flush the store is poisoned and refuses everything, and never tries that flush again.

mod archive;
mod claim;
mod config;
mod dedupe;
mod disk;
mod fault;
pub mod forensics;
mod format;
mod gauges;
mod index;
mod listing;
mod log;
mod metrics;
mod owner;
mod quarantine;
mod rate;
mod receipts;
mod recovery;
mod refused;
mod rooms;
mod seal;
mod store;
mod terms;
mod writer;

pub use config::{FsyncMode, Hold, QueueConfig, Retain, SourceConfig, StoreConfig, WhenFull};
pub use fault::OpenFault;
pub use metrics::{QueueMetrics, StateUsage, StoreMetrics};
pub use refused::{
    KeepFault, Kept, RefusedBounds, RefusedClass, RefusedDelivery, RefusedFault, RefusedLog,
    RefusedQuery, RefusedStanding, RefusedUsage,
};
pub use seal::{Encryption, KEY_BYTES, KeyWrap, LocalKey, NoteFault, Notes, WrapFault};
pub use store::{
    Browsed, Cursor, CursorError, Defined, Past, PastEvent, QueueInfo, QueueOrigin, Store,
};
pub use terms::{Field, TermsRules};

#[cfg(test)]
pub(crate) mod tests;
