//! The HTTP sink against a real HTTP server on loopback.

#![cfg(test)]

mod guard;
mod outcomes;
mod receiver;
mod tls;
mod wire;
