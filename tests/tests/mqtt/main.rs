//! MQTT, in and out: the listener, its sessions, and the ways to other brokers.

mod access;
mod attacks;
mod bench;
mod bridge;
mod crash;
mod interoperability;
mod kills;
mod limits;
mod listener;
mod released;
mod signed;
