//! Looks at every frame before lapin does, and keeps the messages for us.
//!
//! lapin reads tables by recursion, in every method that has one, also in those that only clients
//! send; it takes frames of any length, closes the connection over a text that is not UTF-8, and
//! collects a body whole before anyone is asked. One message could so overflow a stack, come back
//! for ever, or fill the memory. And each message costs it three frames, a lock and a wake-up.
//!
//! Here messages are put together from their frames, in bounds, and lapin sees none of them. One
//! that cannot be read is one that says why; the broker has it as it was. A method that no broker
//! sends ends the connection.

mod content;
mod frames;
mod properties;
mod reader;
mod tap;
mod unreadable;

pub(crate) use content::Delivered;
pub(crate) use frames::{FRAME_MAX, Guard};
pub(crate) use tap::{Tap, Taps};
pub(crate) use unreadable::Unreadable;
