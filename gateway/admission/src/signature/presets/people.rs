//! Providers: where people talk to each other and to companies.

use std::borrow::Cow;
use std::time::Duration;

use crate::facts::Fact;
use crate::signature::crypto::Algorithm::Sha1;
use crate::signature::encoding::Encoding::Hex;
use crate::signature::generic::{Form, TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::Preset;
use crate::signature::presets::parts::{
    BASE, SHA256_BASE64, SHA256_PREFIXED, SHA256_PREFIXED_BASE64, STRIPE_PAIRS, V0, at, header,
    header_time, text,
};

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
    Preset {
        name: "slack",
        title: "Slack",
        needs: "app signing secret",
        headers: &["x-slack-signature"],
        forms: V0,
        template: "v0:{timestamp}:{body}",
        time: Some(header_time!(Seconds, 300, "x-slack-request-timestamp")),
        kind: &[at("/event/type"), at("/type"), Fact::Form(text("command"))],
        happened: &[at("/event_time")],
        dedupe: &[at("/event_id")],
        form_field: Some("payload"),
        ..BASE
    },
    Preset {
        name: "zoom",
        title: "Zoom",
        needs: "app secret token",
        headers: &["x-zm-signature"],
        forms: V0,
        template: "v0:{timestamp}:{body}",
        time: Some(header_time!(Seconds, 300, "x-zm-request-timestamp")),
        kind: &[at("/event")],
        happened: &[at("/event_ts")],
        ..BASE
    },
    Preset {
        name: "meta",
        aliases: &["facebook", "whatsapp", "instagram"],
        title: "Meta",
        needs: "app secret",
        headers: &["x-hub-signature-256"],
        forms: SHA256_PREFIXED,
        kind: &[at("/object")],
        ..BASE
    },
    Preset {
        name: "twitter",
        aliases: &["x"],
        title: "X (Twitter)",
        needs: "consumer secret",
        headers: &["x-twitter-webhooks-signature"],
        forms: SHA256_PREFIXED_BASE64,
        ..BASE
    },
    Preset {
        name: "twitch",
        title: "Twitch EventSub",
        headers: &["twitch-eventsub-message-signature"],
        forms: SHA256_PREFIXED,
        template: "{id}{timestamp}{body}",
        id_headers: &["twitch-eventsub-message-id"],
        time: Some(header_time!(Rfc3339, 600, "twitch-eventsub-message-timestamp")),
        kind: &[header("twitch-eventsub-subscription-type")],
        dedupe: &[header("twitch-eventsub-message-id")],
        ..BASE
    },
    Preset {
        name: "line",
        title: "LINE",
        needs: "channel secret",
        headers: &["x-line-signature"],
        forms: SHA256_BASE64,
        ..BASE
    },
    Preset {
        name: "intercom",
        title: "Intercom",
        needs: "client secret",
        headers: &["x-hub-signature"],
        forms: &[Form::new("sha1=", Sha1, Hex)],
        kind: &[at("/topic")],
        happened: &[at("/created_at")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "zendesk",
        title: "Zendesk",
        needs: "webhook signing secret",
        headers: &["x-zendesk-webhook-signature"],
        forms: SHA256_BASE64,
        template: "{timestamp}{body}",
        time: Some(header_time!(Rfc3339, 300, "x-zendesk-webhook-signature-timestamp")),
        kind: &[at("/type")],
        dedupe: &[header("x-zendesk-webhook-invocation-id")],
        ..BASE
    },
    Preset {
        name: "hubspot",
        title: "HubSpot v3",
        needs: "app client secret, and public_url as registered",
        headers: &["x-hubspot-signature-v3"],
        forms: SHA256_BASE64,
        template: "{method}{url_decoded}{body}{timestamp}",
        time: Some(header_time!(Milliseconds, 300, "x-hubspot-request-timestamp")),
        ..BASE
    },
    Preset {
        name: "typeform",
        title: "Typeform",
        headers: &["typeform-signature"],
        forms: SHA256_PREFIXED_BASE64,
        kind: &[at("/event_type")],
        dedupe: &[at("/event_id")],
        ..BASE
    },
    Preset {
        name: "calendly",
        title: "Calendly",
        needs: "webhook signing key",
        headers: &["calendly-webhook-signature"],
        layout: STRIPE_PAIRS,
        template: "{timestamp}.{body}",
        time: Some(&TimeRule {
            from: TimeFrom::Pair,
            unit: TimeUnit::Seconds,
            past: Duration::from_secs(180),
            future: Duration::from_secs(180),
        }),
        kind: &[at("/event")],
        happened: &[at("/created_at")],
        ..BASE
    },
];
