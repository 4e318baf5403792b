//! What texts of a packet may say: no NUL anywhere (MQTT 5 section 1.5.4), no wildcard in a topic
//! name, no control character in a topic, no identifier that a client may not send.

use super::topic;
use super::wire::{ByteString, Packet, Publish, PublishProperties, WireFault};

/// Checks the texts of a packet from a client.
///
/// # Errors
/// When the protocol does not allow one of them.
pub(crate) fn check(packet: &Packet) -> Result<(), WireFault> {
    match packet {
        Packet::Connect(connect) => {
            plain(&connect.client_id)?;
            connect.username.as_ref().map_or(Ok(()), plain)?;
            pairs(&connect.user_properties)?;
            if let Some(will) = &connect.last_will {
                topic_name(&will.topic)?;
                will.content_type.as_ref().map_or(Ok(()), plain)?;
                will.response_topic.as_ref().map_or(Ok(()), topic_name)?;
                pairs(&will.user_properties)?;
            }
            Ok(())
        }
        Packet::Publish(publish) => publish_texts(publish),
        Packet::Subscribe(subscribe) => {
            pairs(&subscribe.user_properties)?;
            subscribe.topic_filters.iter().try_for_each(|(filter, _)| plain(filter))
        }
        Packet::Unsubscribe(unsubscribe) => {
            pairs(&unsubscribe.user_properties)?;
            unsubscribe.topic_filters.iter().try_for_each(plain)
        }
        Packet::PublishAck(ack) | Packet::PublishReceived(ack) => pairs(&ack.properties),
        Packet::PublishRelease(ack) | Packet::PublishComplete(ack) => pairs(&ack.properties),
        Packet::Disconnect(disconnect) => pairs(&disconnect.user_properties),
        _ => Ok(()),
    }
}

fn publish_texts(publish: &Publish) -> Result<(), WireFault> {
    let default = PublishProperties::default();
    let properties = publish.properties.as_ref().unwrap_or(&default);
    if !properties.subscription_ids.is_empty() {
        return Err(WireFault::Protocol("subscription identifier from a client"));
    }
    // An empty topic stands for an alias.
    if publish.topic.is_empty() {
        if properties.topic_alias.is_none() {
            return Err(WireFault::Protocol("no topic"));
        }
    } else {
        topic_name(&publish.topic)?;
    }
    properties.response_topic.as_ref().map_or(Ok(()), topic_name)?;
    properties.content_type.as_ref().map_or(Ok(()), plain)?;
    pairs(&properties.user_properties)
}

fn topic_name(name: &ByteString) -> Result<(), WireFault> {
    if topic::is_name(name) {
        Ok(())
    } else if topic::is_too_long(name) {
        Err(WireFault::TopicName)
    } else {
        Err(WireFault::Malformed("topic name"))
    }
}

fn pairs(pairs: &[(ByteString, ByteString)]) -> Result<(), WireFault> {
    pairs.iter().try_for_each(|(name, value)| plain(name).and_then(|()| plain(value)))
}

fn plain(text: &ByteString) -> Result<(), WireFault> {
    if text.contains('\0') { Err(WireFault::Malformed("NUL in a text")) } else { Ok(()) }
}
