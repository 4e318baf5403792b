//! A message of a broker as a delivery of ours: what is read of it, and in which words.

mod cloudevents;
mod read;
mod types;
mod values;

pub(super) use read::{Message, read};
