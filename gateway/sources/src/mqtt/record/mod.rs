//! How what outlives the process is written down. Versioned: what cannot be read, because it is of
//! another version or damaged, is left out and logged.

mod message;
mod session;
mod waiting;
mod will;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use message::{message, message_len, read_message};
pub(crate) use session::{Session, read_session, session};
pub(crate) use waiting::{Recipient, Waiting, read_waiting, recipient_len, waiting};
pub(crate) use will::{read_will, will};

/// The length of a JSON head in four bytes, the head, and the rest.
fn with_head(head: &impl Serialize, rest: &[u8]) -> Vec<u8> {
    // Texts and numbers cannot fail to be JSON; if they did, the record would not be read back.
    let head = serde_json::to_vec(head).unwrap_or_default();
    let mut out = Vec::with_capacity(4 + head.len() + rest.len());
    out.extend(u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(head);
    out.extend_from_slice(rest);
    out
}

/// A head and the rest.
fn headed<Head: DeserializeOwned>(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (len, bytes) = bytes.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (head, rest) = bytes.split_at_checked(len)?;
    Some((serde_json::from_slice(head).ok()?, rest))
}

const VERSION: u8 = 1;
