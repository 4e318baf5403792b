//! What a session asks of the connection that it speaks through.

use std::num::NonZeroU16;

use super::super::wire::{
    DisconnectReasonCode, Publish, PublishAckReason, QoS, Subscribe, Unsubscribe, WireFault,
};
use super::inbound::Mark;

/// What is to be done beside writing the replies.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing.
    On,
    /// A message goes through the line; what comes of it is told by [`super::Session::judged`].
    Take(Box<Publish>, Taking),
    /// Subscriptions are to be made.
    Subscribe(Subscribe),
    /// Subscriptions are to be ended.
    Unsubscribe(Unsubscribe),
    /// A QoS 2 packet id is to be forgotten; PUBCOMP is said by [`super::Session::forgotten`].
    Forget(NonZeroU16, Mark),
    /// It is to be written down that a client has a message of QoS 2; PUBREL is said by
    /// [`super::Session::released`].
    Release(NonZeroU16),
    /// PUBCOMP came for a message of which that was written down: it can be deleted.
    Completed(NonZeroU16),
}

/// A PUBLISH that is on its way through the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taking {
    pub(crate) qos: QoS,
    /// None for QoS 0.
    pub(crate) id: Option<NonZeroU16>,
}

/// What the line said about a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is durable.
    Taken,
    /// It is not taken, and never will be as it is.
    Refused(PublishAckReason, DisconnectReasonCode),
    /// It is not taken now: the client must send it again, later.
    NotNow(DisconnectReasonCode),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What is told to a client of MQTT 5; `None`: it went by itself, or nothing may be told.
    pub(crate) say: Option<DisconnectReasonCode>,
    /// What becomes of its will.
    pub(crate) will: WillFate,
}

/// What becomes of a will when its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WillFate {
    /// It is published.
    Published,
    /// It is forgotten.
    Dropped,
}

impl Ending {
    /// The gateway ends the connection for this reason.
    pub(crate) fn because(reason: DisconnectReasonCode) -> Self {
        Self { say: Some(reason), will: WillFate::Published }
    }

    /// The connection broke.
    pub(crate) const BROKEN: Self = Self { say: None, will: WillFate::Published };
}

impl From<WireFault> for Ending {
    fn from(fault: WireFault) -> Self {
        Self::because(fault.reason())
    }
}
