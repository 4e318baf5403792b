//! The session of a client as rules: packets and times in, packets and steps out. No socket, no
//! clock, no lock: who owns a session decides when it is asked.
//!
//! [`Session`] lives as long as the client wants; [`Link`] as long as one connection.

mod aliases;
mod answered;
mod ids;
mod inbound;
mod link;
mod outbound;
mod owner;
#[cfg(test)]
mod random;
mod row;
mod rules;
mod step;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod troubles;

pub(crate) use inbound::Mark;
pub(crate) use link::{Link, Terms};
pub(crate) use outbound::OutboxLimits;
pub(crate) use owner::Owner;
pub(crate) use rules::{Offered, Session, Subscription};
pub(crate) use step::{Ending, Judged, Step, Taking, WillFate};
