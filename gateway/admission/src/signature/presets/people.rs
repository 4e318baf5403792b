//! Providers: where people talk to each other and to companies.

use std::borrow::Cow;
use std::time::Duration;

use crate::facts::Fact;
use crate::handshake::{Answer, Asks, Handshake, Method, Place, Term, When};
use crate::signature::crypto::Algorithm::{KeyedSha256, Sha1};
use crate::signature::crypto::Signing;
use crate::signature::encoding::Encoding::{Base64, Hex};
use crate::signature::generic::{Form, TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::{Own, Preset, Proof};
use crate::signature::presets::parts::{
    BASE, HUB, SHA1_BASE64, SHA256_BASE64, SHA256_PREFIXED, SHA256_PREFIXED_BASE64, STRIPE_PAIRS,
    V0, at, echo, header, header_time, text,
};
use crate::signature::public::PublicForm;
use crate::signature::token::TokenPlace;

const HUBSPOT_KIND: &[Fact] = &[at("/0/subscriptionType"), at("/subscriptionType")];
const HUBSPOT_SUBJECT: &[Fact] = &[at("/0/objectId"), at("/objectId")];

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
        ack_s: Some(3),
        handshakes: &[Handshake {
            name: "url_verification",
            method: Method::Post,
            when: &[When::Is(Place::Pointer("/type"), "url_verification")],
            asks: Asks::Signature,
            answer: Answer::Text(Place::Pointer("/challenge")),
            learns: None,
        }],
        kind: &[at("/event/type"), at("/type"), Fact::Form(text("command"))],
        subject: &[at("/team_id")],
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
        ack_s: Some(3),
        handshakes: &[Handshake {
            name: "url_validation",
            method: Method::Post,
            when: &[When::Is(Place::Pointer("/event"), "endpoint.url_validation")],
            asks: Asks::Signature,
            answer: Answer::Json(&[
                ("plainToken", Term::Value(Place::Pointer("/payload/plainToken"))),
                (
                    "encryptedToken",
                    Term::Mac {
                        of: Place::Pointer("/payload/plainToken"),
                        prefix: "",
                        encoding: Hex,
                    },
                ),
            ]),
            learns: None,
        }],
        kind: &[at("/event")],
        subject: &[at("/payload/account_id")],
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
        handshakes: &[HUB],
        kind: &[at("/object")],
        subject: &[at("/entry/0/id")],
        ..BASE
    },
    Preset {
        name: "twitter",
        aliases: &["x"],
        title: "X (Twitter)",
        needs: "consumer secret",
        headers: &["x-twitter-webhooks-signature"],
        forms: SHA256_PREFIXED_BASE64,
        token_refused: true,
        ack_s: Some(3),
        handshakes: &[Handshake {
            name: "crc",
            method: Method::Get,
            when: &[When::There(Place::Query("crc_token"))],
            asks: Asks::Nothing,
            answer: Answer::Json(&[(
                "response_token",
                Term::Mac { of: Place::Query("crc_token"), prefix: "sha256=", encoding: Base64 },
            )]),
            learns: None,
        }],
        subject: &[at("/for_user_id")],
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
        handshakes: &[Handshake {
            name: "callback_verification",
            method: Method::Post,
            when: &[When::Is(
                Place::Header("twitch-eventsub-message-type"),
                "webhook_callback_verification",
            )],
            asks: Asks::Signature,
            answer: Answer::Text(Place::Pointer("/challenge")),
            learns: None,
        }],
        kind: &[header("twitch-eventsub-subscription-type")],
        subject: &[at("/subscription/id")],
        dedupe: &[header("twitch-eventsub-message-id")],
        ..BASE
    },
    Preset {
        name: "line",
        title: "LINE",
        needs: "channel secret",
        headers: &["x-line-signature"],
        forms: SHA256_BASE64,
        kind: &[at("/events/0/type")],
        subject: &[at("/destination")],
        dedupe: &[at("/events/*/webhookEventId")],
        ..BASE
    },
    Preset {
        name: "intercom",
        title: "Intercom",
        needs: "client secret",
        headers: &["x-hub-signature"],
        forms: &[Form::new("sha1=", Sha1, Hex)],
        ack_s: Some(5),
        handshakes: &[Handshake {
            name: "probe",
            method: Method::Head,
            when: &[],
            asks: Asks::Nothing,
            answer: Answer::Fixed(200, ""),
            learns: None,
        }],
        kind: &[at("/topic")],
        subject: &[at("/data/item/id")],
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
        ack_s: Some(12),
        kind: &[at("/type")],
        subject: &[at("/subject")],
        happened: &[at("/time")],
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
        ack_s: Some(5),
        kind: HUBSPOT_KIND,
        subject: HUBSPOT_SUBJECT,
        ..BASE
    },
    Preset {
        name: "hubspot-v2",
        title: "HubSpot v2",
        needs: "app client secret, and public_url as registered",
        headers: &["x-hubspot-signature"],
        forms: &[Form::new("", KeyedSha256, Hex)],
        template: "{method}{url}{body}",
        ack_s: Some(5),
        kind: HUBSPOT_KIND,
        subject: HUBSPOT_SUBJECT,
        ..BASE
    },
    Preset {
        name: "hubspot-v1",
        title: "HubSpot v1",
        needs: "app client secret",
        headers: &["x-hubspot-signature"],
        forms: &[Form::new("", KeyedSha256, Hex)],
        ack_s: Some(5),
        kind: HUBSPOT_KIND,
        subject: HUBSPOT_SUBJECT,
        ..BASE
    },
    Preset {
        name: "twilio",
        title: "Twilio",
        needs: "auth token, and public_url as registered",
        headers: &["x-twilio-signature"],
        forms: SHA1_BASE64,
        template: "{url}{form}",
        any_port: true,
        ack_s: Some(15),
        kind: &[at("/0/type"), Fact::Form(text("EventType"))],
        subject: &[Fact::Form(text("MessageSid")), Fact::Form(text("CallSid"))],
        dedupe: &[header("i-twilio-idempotency-token")],
        ..BASE
    },
    Preset {
        name: "mandrill",
        title: "Mandrill",
        needs: "webhook key, and public_url as registered",
        headers: &["x-mandrill-signature"],
        forms: SHA1_BASE64,
        template: "{url}{form}",
        form_field: Some("mandrill_events"),
        handshakes: &[Handshake {
            name: "probe",
            method: Method::Head,
            when: &[],
            asks: Asks::Nothing,
            answer: Answer::Fixed(200, ""),
            learns: None,
        }],
        kind: &[at("/0/event")],
        subject: &[at("/0/_id")],
        happened: &[at("/0/ts")],
        ..BASE
    },
    Preset {
        name: "sendgrid",
        title: "SendGrid",
        proof: Proof::PublicKey,
        needs: "verification key (a public key in base64)",
        headers: &["x-twilio-email-event-webhook-signature"],
        template: "{timestamp}{body}",
        time: Some(header_time!(Seconds, 600, "x-twilio-email-event-webhook-timestamp")),
        public: Some(PublicForm {
            signing: Signing::EcdsaP256,
            prefix: "",
            encoding: Base64,
            key_prefix: "",
        }),
        ack_s: Some(10),
        kind: &[at("/0/event")],
        subject: &[at("/0/sg_message_id")],
        happened: &[at("/0/timestamp")],
        ..BASE
    },
    Preset {
        name: "discord",
        title: "Discord",
        proof: Proof::PublicKey,
        needs: "application public key in hexadecimal",
        headers: &["x-signature-ed25519"],
        template: "{timestamp}{body}",
        time: Some(header_time!(Seconds, 300, "x-signature-timestamp")),
        public: Some(PublicForm {
            signing: Signing::Ed25519,
            prefix: "",
            encoding: Hex,
            key_prefix: "",
        }),
        ack_s: Some(3),
        handshakes: &[
            Handshake {
                name: "ping",
                method: Method::Post,
                when: &[
                    When::Is(Place::Pointer("/type"), "1"),
                    When::Missing(Place::Pointer("/event/type")),
                ],
                asks: Asks::Signature,
                answer: Answer::Fixed(200, r#"{"type":1}"#),
                learns: None,
            },
            Handshake {
                name: "webhook_ping",
                method: Method::Post,
                when: &[When::Is(Place::Pointer("/type"), "0")],
                asks: Asks::Signature,
                answer: Answer::Fixed(204, ""),
                learns: None,
            },
        ],
        kind: &[at("/event/type"), at("/type")],
        subject: &[at("/application_id")],
        happened: &[at("/event/timestamp")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "mailgun",
        title: "Mailgun",
        proof: Proof::Own(Own::Mailgun),
        needs: "HTTP webhook signing key",
        kind: &[at("/event-data/event"), Fact::Form(text("event"))],
        subject: &[at("/event-data/message/headers/message-id")],
        ..BASE
    },
    Preset {
        name: "postmark",
        title: "Postmark",
        proof: Proof::Token(TokenPlace::Basic),
        needs: "user:password of the webhook's URL",
        headers: &["authorization"],
        kind: &[at("/RecordType")],
        subject: &[at("/MessageID")],
        ..BASE
    },
    Preset {
        name: "klaviyo",
        title: "Klaviyo",
        headers: &["klaviyo-signature"],
        template: "{body}{timestamp}",
        time: Some(header_time!(Rfc1123, 300, "klaviyo-timestamp")),
        kind: &[at("/data/0/topic"), at("/data/topic")],
        ..BASE
    },
    Preset {
        name: "nylas",
        title: "Nylas",
        headers: &["x-nylas-signature"],
        ack_s: Some(10),
        handshakes: &[echo("challenge", Place::Query("challenge"))],
        kind: &[at("/type")],
        subject: &[at("/data/object/id")],
        happened: &[at("/time")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "typeform",
        title: "Typeform",
        headers: &["typeform-signature"],
        forms: SHA256_PREFIXED_BASE64,
        ack_s: Some(30),
        kind: &[at("/event_type")],
        subject: &[at("/form_response/form_id")],
        happened: &[at("/form_response/submitted_at")],
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
