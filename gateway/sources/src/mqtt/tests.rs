//! Tests of the hub and the wire, without a socket and in virtual time.

mod entrance;
mod hub;
mod oracle;
mod subscribing;
mod talk;
mod wire;
