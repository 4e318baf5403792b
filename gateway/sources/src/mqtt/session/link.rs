//! What belongs to one connection of a client: its version, its aliases, its windows.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Timestamp;
use tokio::sync::Notify;

use super::super::wire::{Connect, Packet, Publish, Version};
use super::aliases::{AliasesIn, AliasesOut, NoSuchAlias};

/// What the listener grants to every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// QoS 1 and 2 messages of a client that may be on their way through the line.
    pub(crate) receive_max: u16,
    /// Topic aliases that a client may set.
    pub(crate) alias_max: u16,
    /// Messages that a client may publish in a second, and at once.
    pub(crate) rate: Option<NonZeroU32>,
    /// The longest keep-alive; a client that asks for none, or a longer one, gets it.
    pub(crate) keep_alive_max: Option<u16>,
    /// Messages that are sent to a client without an answer, whatever it says it takes.
    pub(crate) window_max: u16,
    /// Seconds that a session may stay without its client.
    pub(crate) expiry_max: u32,
    /// Bytes of a packet that is sent, whatever the client says it takes.
    pub(crate) packet_bytes_max: usize,
}

/// One connection of a client.
#[derive(Debug)]
pub(crate) struct Link {
    /// Tells it from other connections of the same client.
    pub(crate) number: u64,
    pub(crate) version: Version,
    pub(crate) client: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
    /// Messages of QoS 1 and 2 that the client takes unanswered.
    pub(crate) window: u16,
    /// Bytes of a packet that the client takes.
    pub(crate) packet_bytes_max: usize,
    /// As the CONNECT has it.
    pub(crate) expiry_asked: u32,
    pub(super) expiry_max: u32,
    /// In force; what CONNACK says if it is not what was asked for.
    pub(crate) keep_alive: u16,
    /// Messages of the client that are not answered to the end.
    pub(super) owed: u16,
    pub(super) owed_max: u16,
    /// The token that the client came in with is good until then.
    pub(crate) until: Option<Timestamp>,
    /// Something waits for the client, or another connection comes, or took its place.
    pub(crate) wake: Arc<Notify>,
    heard: Timestamp,
    /// The time that a message takes by the rate of the client.
    spacing: Option<Duration>,
    /// Its messages until now are paid for at this time.
    paid: Timestamp,
    aliases_in: AliasesIn,
    aliases_out: AliasesOut,
}

impl Link {
    pub(crate) fn new(
        connect: &Connect,
        version: Version,
        client: Arc<str>,
        terms: Terms,
        now: Timestamp,
    ) -> Self {
        let asked = connect.receive_max.map_or(u16::MAX, std::num::NonZeroU16::get);
        let bytes = connect.max_packet_size.and_then(|max| usize::try_from(max.get()).ok());
        let keep_alive = match terms.keep_alive_max {
            Some(max) if connect.keep_alive == 0 || connect.keep_alive > max => max,
            _ => connect.keep_alive,
        };
        // 3.1.1 has no word for it: what the client asked for counts.
        let v5 = version == Version::V5;
        Self {
            number: 0,
            version,
            client,
            user: None,
            window: asked.min(terms.window_max),
            packet_bytes_max: bytes.unwrap_or(usize::MAX).min(terms.packet_bytes_max),
            expiry_asked: connect.session_expiry_interval_secs,
            expiry_max: terms.expiry_max,
            keep_alive: if v5 { keep_alive } else { connect.keep_alive },
            owed: 0,
            owed_max: terms.receive_max,
            until: None,
            wake: Arc::default(),
            heard: now,
            spacing: terms.rate.map(|rate| Duration::from_secs(1) / rate.get()),
            paid: now,
            aliases_in: AliasesIn::new(terms.alias_max),
            aliases_out: AliasesOut::new(connect.topic_alias_max),
        }
    }

    /// A packet came whole.
    pub(crate) fn hear(&mut self, now: Timestamp) {
        self.heard = now;
    }

    /// The client has published so many messages, or what counts like that. Gives back until when
    /// they are paid for, where that counts at all.
    pub(super) fn pay(&mut self, messages: usize) -> Option<Timestamp> {
        let spacing = self.spacing?;
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.paid = self.paid.max(self.heard).plus(spacing.saturating_mul(messages));
        Some(self.paid)
    }

    /// What the client has published over another connection counts here, too.
    pub(super) fn paid_before(&mut self, paid: Timestamp) {
        self.paid = self.paid.max(paid);
    }

    /// Whether the client is held to a rate.
    pub(crate) fn has_rate(&self) -> bool {
        self.spacing.is_some()
    }

    /// How long nothing more is taken from the client: it is over its rate by more than it may
    /// publish at once.
    pub(crate) fn pause(&self, now: Timestamp) -> Option<Duration> {
        let ahead = self.paid.since(now);
        ahead.checked_sub(Duration::from_secs(1)).filter(|left| !left.is_zero())
    }

    /// When the client has been silent for one and a half times its keep-alive (section 3.1.2.10).
    pub(crate) fn silent_at(&self) -> Option<Timestamp> {
        let patience = Duration::from_millis(u64::from(self.keep_alive) * 1500);
        (self.keep_alive > 0).then(|| self.heard.plus(patience))
    }

    /// Puts the topic in the place of an alias.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), NoSuchAlias> {
        match self.version {
            Version::V3 => Ok(()),
            Version::V5 => self.aliases_in.resolve(publish),
        }
    }

    /// The packet that was made last was not sent.
    pub(crate) fn unsent(&mut self) {
        self.aliases_out.unsent();
    }

    /// Puts an alias in the place of the topic, where the client takes them.
    pub(crate) fn shorten(&mut self, mut packet: Packet) -> Packet {
        if let Packet::Publish(publish) = &mut packet {
            self.aliases_out.shorten(publish);
        }
        packet
    }
}
