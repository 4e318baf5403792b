//! Why a connection to a broker is over.

use std::io;
use std::time::Duration;

/// Why a connection to a broker is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkFault {
    #[error("failed to connect: {0}")]
    Dial(#[source] io::Error),
    #[error("no CONNACK within {0:?}")]
    Silent(Duration),
    #[error("no SUBACK in time")]
    Unsubscribed,
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    #[error("the broker refused the subscription to {0}")]
    Subscription(String),
    #[error("the broker broke the protocol: {0}")]
    Protocol(&'static str),
    #[error("the broker said good-bye: reason {0:#04x}")]
    Parted(u8),
    #[error("the broker does not answer")]
    Dead,
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    #[error("failed to write down a packet id: the store does not take it")]
    Store,
}
