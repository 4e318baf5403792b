//! What filters remember between events: who may, how much, and the rules by which what an event's
//! filters read and wrote becomes one transaction. Nothing here reads a clock or touches a disk.

mod layer;
mod quota;
mod scratch;
mod session;
mod slot;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod words;

pub use layer::Layer;
pub use scratch::Scratch;
pub use session::Session;
pub use table::{Table, Ticket};
pub use transaction::{Part, Touched, Transaction, Write};
pub use words::{Conflict, Grant, Refused, Scope, Seen, Usage, Value, Version};
