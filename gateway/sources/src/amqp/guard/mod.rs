//! Looks at every frame before lapin does.
//!
//! lapin reads tables by recursion, in every method that has one, also in those that only clients
//! send; it takes frames of any length, and closes the connection over a text that is not UTF-8,
//! and collects a body whole before anyone is asked. A method that no broker sends ends the
//! connection. One message could so overflow a stack, come back
//! for ever, or fill the memory. Here such a message becomes an empty one with a mark, which the
//! source then refuses; the broker still has the message as it was.

mod frames;
mod marks;
mod properties;
mod reader;

pub(crate) use frames::{FRAME_MAX, Guard};
pub(crate) use marks::Mark;
