//! A small JSON reader for payloads and configurations.
//!
//! It reads where it is asked to look and no further, keeps the place of everything in the text,
//! and adds a few kilobytes to a component. It does not recurse, so nesting cannot exhaust the
//! stack; nesting deeper than [`DEPTH_MAX`] is an error.

mod reader;
mod scan;
mod text;
mod value;

pub use reader::{DEPTH_MAX, Error, Kind, Reader, Token};
pub use value::Value;
