//! The AMQP source, and what it dials with, against a broker that says what no honest one would.

#![cfg(test)]

mod consume;
mod dial;
mod fake;
