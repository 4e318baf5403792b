//! The CONNECT of a connection: who it is, what it wants, and the CONNACK.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Timestamp;
use tokio::time::timeout;

use super::access::Subject;
use super::entrance::Start;
use super::message::of_will;
use super::seat::{Seat, Will};
use super::session::Link;
use super::shared::{Allowed, Shared};
use super::users::Busy;
use super::wire::{ByteString, Connect, ConnectAck, ConnectAckReason, Version};

/// A client that may come in.
#[derive(Debug)]
pub(crate) struct Candidate {
    link: Link,
    start: Start,
    will: Option<Will>,
    ack: ConnectAck,
}

/// A client that was let in.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) link: Link,
    pub(crate) seat: Arc<Seat>,
    pub(crate) ack: ConnectAck,
}

/// Who a client is.
#[derive(Debug, Default)]
struct Admitted {
    user: Option<Arc<str>>,
    /// It may stay until then.
    until: Option<Timestamp>,
}

impl Shared {
    /// Judges a CONNECT. Changes nothing: it may be broken off.
    ///
    /// # Errors
    /// What CONNACK says to a client that may not come in.
    pub(crate) async fn examine(
        &self,
        connect: &Connect,
        version: Version,
        peer: IpAddr,
        certified: Option<Arc<str>>,
    ) -> Result<Candidate, ConnectAckReason> {
        if connect.auth_method.is_some() {
            return Err(ConnectAckReason::BadAuthenticationMethod);
        }
        let (client, assigned) = self.client_id(connect)?;
        let admitted = self.admit(connect, certified).await.inspect_err(|_| {
            self.hub.metrics.unauthorised.increment();
            tracing::info!(%peer, %client, "an MQTT client was not let in");
        })?;
        let now = self.now();
        let mut link = Link::new(connect, version, Arc::clone(&client), self.limits.terms(), now);
        (link.user, link.until) = (admitted.user, admitted.until);
        let will = self.will(connect, &link)?;
        let expiry = connect.session_expiry_interval_secs;
        let granted = expiry.min(self.limits.session_expiry_max);
        let start = Start { clean: connect.clean_start, expiry: granted };
        let ack = ConnectAck {
            receive_max: NonZeroU16::new(self.limits.receive_max).unwrap_or(NonZeroU16::MIN),
            max_packet_size: u32::try_from(self.limits.packet_bytes_max).ok(),
            topic_alias_max: self.limits.alias_max,
            session_expiry_interval_secs: (granted != expiry).then_some(granted),
            server_keepalive_sec: (link.keep_alive != connect.keep_alive)
                .then_some(link.keep_alive),
            assigned_client_id: assigned.then(|| ByteString::from(&*client)),
            ..ConnectAck::default()
        };
        Ok(Candidate { link, start, will, ack })
    }

    /// Lets a client in. Not to be broken off: it would have its place, and nobody would leave it.
    ///
    /// # Errors
    /// What CONNACK says to a client for which there is no room, or that has come again already.
    pub(crate) async fn welcome(
        self: &Arc<Self>,
        candidate: Candidate,
    ) -> Result<Greeted, ConnectAckReason> {
        let Candidate { mut link, start, will, mut ack } = candidate;
        if let Some(heard) = self.hub.knock(&link.client) {
            // Who has not been heard by then is cut short.
            if let Ok(Ok(())) = timeout(LAST_WORDS, heard).await {
                return Err(ConnectAckReason::ServerBusy);
            }
            // It could not be listened to meanwhile.
            link.hear(self.now());
        }
        let subject = Subject { client: Arc::clone(&link.client), user: link.user.clone() };
        let allowed = Allowed { shared: self, subject };
        let mut entered = self
            .hub
            .enter(&mut link, start, will, &allowed, self.now())
            .map_err(|_| ConnectAckReason::QuotaExceeded)?;
        // Whatever comes of this connection, the one before it is lost.
        self.lose(entered.will.take());
        if self.keep(&entered.seat).await.is_err() {
            self.lose(self.hub.turn_away(entered, link.number, self.now()));
            return Err(ConnectAckReason::ServerUnavailable);
        }
        self.hub.let_in(&mut entered);
        ack.session_present = entered.present;
        Ok(Greeted { link, seat: entered.seat, ack })
    }

    /// Publishes a will, and lets nobody wait for it.
    fn lose(self: &Arc<Self>, will: Option<Will>) {
        let Some(will) = will else { return };
        let shared = Arc::clone(self);
        tokio::spawn(async move { shared.publish_will(will).await });
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

    /// Who the client is, if it may come in: by its certificate, its password, or its token.
    async fn admit(
        &self,
        connect: &Connect,
        certified: Option<Arc<str>>,
    ) -> Result<Admitted, ConnectAckReason> {
        let named = connect.username.as_deref().filter(|name| !name.is_empty());
        let bad = Err(ConnectAckReason::BadUserNameOrPassword);
        if let Some(user) = certified {
            // A name that is not its own is not overheard.
            let own = !user.is_empty() && named.is_none_or(|name| *name == *user);
            return if own { Ok(Admitted { user: Some(user), until: None }) } else { bad };
        }
        let Some(password) = &connect.password else {
            return match named {
                None if self.access.anonymous => Ok(Admitted::default()),
                None => Err(ConnectAckReason::NotAuthorized),
                Some(_) => bad,
            };
        };
        if let Some(tokens) = &self.access.tokens {
            let now = self.clock.moment();
            if let Some(claims) = tokens.read(password, now.wall)
                && named.is_none_or(|name| *name == *claims.user)
            {
                let until = Some(now.steady.plus(claims.until.since(now.wall)));
                return Ok(Admitted { user: Some(claims.user.into()), until });
            }
        }
        match named {
            Some(name) => match self.access.users.knows(name, password).await {
                Ok(true) => Ok(Admitted { user: Some(name.into()), until: None }),
                Ok(false) => bad,
                Err(Busy) => Err(ConnectAckReason::ServerBusy),
            },
            None => bad,
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

/// How long a connection waits until the one before it was heard.
const LAST_WORDS: Duration = Duration::from_secs(5);
