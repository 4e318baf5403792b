//! Tests of the hub and the wire, without a socket and in virtual time.

mod entrance;
pub(crate) mod house;
pub(crate) mod hub;
mod keeping;
mod oracle;
mod parting;
mod subscribing;
mod talk;
mod wire;
