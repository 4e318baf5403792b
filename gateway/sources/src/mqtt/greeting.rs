//! The CONNECT of a connection: who it is, what it wants, and the CONNACK.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::access::Subject;
use super::hub::{Entered, Last, Start};
use super::message::of_will;
use super::seat::Will;
use super::session::Link;
use super::shared::Shared;
use super::wire::{ByteString, Connect, ConnectAck, ConnectAckReason, Version};

/// A client that was let in.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) link: Link,
    pub(crate) entered: Entered,
    pub(crate) ack: ConnectAck,
}

impl Shared {
    /// Judges a CONNECT, and lets the client in.
    ///
    /// # Errors
    /// What CONNACK says to a client that is not.
    pub(crate) async fn greet(
        &self,
        connect: &Connect,
        version: Version,
        peer: IpAddr,
    ) -> Result<Greeted, ConnectAckReason> {
        if connect.auth_method.is_some() {
            return Err(ConnectAckReason::BadAuthenticationMethod);
        }
        let (client, assigned) = self.client_id(connect)?;
        self.admit(connect).await.inspect_err(|_| {
            self.hub.metrics.unauthorised.increment();
            tracing::info!(%peer, %client, "an MQTT client was not let in");
        })?;
        let now = self.now();
        let mut link = Link::new(connect, version, Arc::clone(&client), self.limits.terms(), now);
        let will = self.will(connect, &link)?;
        let expiry = connect.session_expiry_interval_secs;
        let granted = expiry.min(self.limits.session_expiry_max);
        let start = Start { clean: connect.clean_start, expiry: granted };
        let entered = self
            .hub
            .enter(&mut link, start, will, now)
            .map_err(|_| ConnectAckReason::QuotaExceeded)?;
        if self.keep(&entered.seat).await.is_err() {
            self.hub.leave(&entered.seat, link.number, Last::Parted, self.now());
            return Err(ConnectAckReason::ServerUnavailable);
        }
        let ack = ConnectAck {
            session_present: entered.present,
            receive_max: NonZeroU16::new(self.limits.receive_max).unwrap_or(NonZeroU16::MIN),
            max_packet_size: u32::try_from(self.limits.packet_bytes_max).ok(),
            topic_alias_max: self.limits.alias_max,
            session_expiry_interval_secs: (granted != expiry).then_some(granted),
            server_keepalive_sec: (link.keep_alive != connect.keep_alive)
                .then_some(link.keep_alive),
            assigned_client_id: assigned.then(|| ByteString::from(&*client)),
            ..ConnectAck::default()
        };
        Ok(Greeted { link, entered, ack })
    }

    /// The id of the client, and whether it was given here.
    fn client_id(&self, connect: &Connect) -> Result<(Arc<str>, bool), ConnectAckReason> {
        let asked = &connect.client_id;
        if asked.is_empty() {
            return Ok((format!("auto-{:016x}{:016x}", self.roll(), self.roll()).into(), true));
        }
        if asked.len() > self.limits.client_id_bytes_max || asked.chars().any(char::is_control) {
            return Err(ConnectAckReason::ClientIdentifierNotValid);
        }
        Ok(((&**asked).into(), false))
    }

    async fn admit(&self, connect: &Connect) -> Result<(), ConnectAckReason> {
        match (&connect.username, &connect.password) {
            (None, None) if self.access.anonymous => Ok(()),
            (None, None) => Err(ConnectAckReason::NotAuthorized),
            (Some(name), Some(password)) if self.access.users.knows(name, password).await => Ok(()),
            _ => Err(ConnectAckReason::BadUserNameOrPassword),
        }
    }

    /// The will of a CONNECT: held to the same rules as what the client publishes itself.
    fn will(&self, connect: &Connect, link: &Link) -> Result<Option<Will>, ConnectAckReason> {
        let Some(will) = &connect.last_will else { return Ok(None) };
        let subject = Subject { client: Arc::clone(&link.client), user: link.user.clone() };
        if !self.access.may_publish(&subject, &will.topic) {
            self.hub.metrics.unauthorised.increment();
            return Err(ConnectAckReason::NotAuthorized);
        }
        Ok(Some(Will {
            publish: of_will(will),
            client: Arc::clone(&link.client),
            user: link.user.clone(),
            delay: will.will_delay_interval_sec.unwrap_or(0),
            number: Some(self.hub.ledger.number()),
        }))
    }
}
