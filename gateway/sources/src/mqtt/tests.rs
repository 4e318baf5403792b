//! Tests of the hub and the wire, without a socket and in virtual time.

mod hub;
mod oracle;
mod wire;
