//! The HTTP source over real sockets: what it takes, what it refuses, and how long it waits.

#![cfg(test)]

mod bad_input;
mod flow;
mod front;
mod h2;
mod handshakes;
mod limits;
mod property;
mod refusals;
mod stop;
mod world;
