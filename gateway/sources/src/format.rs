//! What a message of a broker or device holds, whichever protocol it came by.

use std::fmt::Write as _;

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One event: the payload is its payload.
    #[default]
    Message,
    /// CloudEvents, by the binding of the protocol.
    CloudEvents,
}

/// The value of an attribute as HTTP has it (CloudEvents HTTP binding 1.0.2, section 3.1.3.2), so
/// that one reader in the house judges them all.
pub(crate) fn http_value(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' | 0..=0x20 | 0x7f.. => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            other => encoded.push(char::from(other)),
        }
    }
    encoded
}
