//! Providers: where work and files are kept, and families of schemes.

use std::borrow::Cow;
use std::time::Duration;

use crate::handshake::{Answer, Asks, Handshake, Method, Place, Term, When};
use crate::secret::SecretEncoding;
use crate::signature::generic::{TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::{Own, Preset, Proof};
use crate::signature::presets::parts::{
    BASE, HUB, PAIR_SECONDS, SHA256_BASE64, SHA256_PREFIXED, SPACES, STRIPE_PAIRS, V1_COMMA,
    WEBHOOK_FORMS_ANY, WEBHOOK_PUBLIC, WEBSUB_FORMS, at, echo, header, header_time, text,
};
use crate::signature::token::TokenPlace;

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
    Preset {
        name: "standard-webhooks",
        aliases: &["svix", "openai", "clerk", "resend", "replicate", "polar", "dodo", "supabase"],
        title: "Standard Webhooks",
        needs: "signing secret (whsec_...), or public key (whpk_...)",
        headers: &["webhook-signature", "svix-signature"],
        layout: SPACES,
        forms: V1_COMMA,
        template: "{id}.{timestamp}.{body}",
        id_headers: &["webhook-id", "svix-id"],
        time: Some(header_time!(Seconds, 300, "webhook-timestamp", "svix-timestamp")),
        secret: &SecretEncoding::PrefixedBase64(text("whsec_")),
        public: Some(WEBHOOK_PUBLIC),
        kind: &[at("/type")],
        dedupe: &[header("webhook-id"), header("svix-id")],
        ..BASE
    },
    Preset {
        name: "websub",
        title: "WebSub hubs",
        needs: "hub.secret",
        headers: &["x-hub-signature"],
        forms: WEBSUB_FORMS,
        handshakes: &[HUB],
        ..BASE
    },
    Preset {
        name: "jira",
        title: "Jira Cloud",
        headers: &["x-hub-signature"],
        forms: WEBHOOK_FORMS_ANY,
        kind: &[at("/webhookEvent")],
        subject: &[at("/issue/key")],
        happened: &[at("/timestamp")],
        dedupe: &[header("x-atlassian-webhook-identifier")],
        ..BASE
    },
    Preset {
        name: "linear",
        title: "Linear",
        headers: &["linear-signature"],
        time: Some(&TimeRule {
            from: TimeFrom::Pointer(text("/webhookTimestamp")),
            unit: TimeUnit::Milliseconds,
            past: Duration::from_secs(60),
            future: Duration::from_secs(60),
        }),
        ack_s: Some(5),
        kind: &[header("linear-event"), at("/type")],
        subject: &[at("/data/id")],
        happened: &[at("/createdAt")],
        dedupe: &[header("linear-delivery")],
        ..BASE
    },
    Preset {
        name: "notion",
        title: "Notion",
        needs: "verification token, or no key: it is taken from the handshake",
        headers: &["x-notion-signature"],
        forms: SHA256_PREFIXED,
        handshakes: &[Handshake {
            name: "verification_token",
            method: Method::Post,
            when: &[
                When::There(Place::Pointer("/verification_token")),
                When::Missing(Place::Header("x-notion-signature")),
            ],
            asks: Asks::Nothing,
            answer: Answer::Fixed(200, ""),
            learns: Some(Place::Pointer("/verification_token")),
        }],
        subject: &[at("/entity/id")],
        kind: &[at("/type")],
        happened: &[at("/timestamp")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "asana",
        title: "Asana",
        needs: "secret of the webhook, or no key: it is taken from the handshake",
        headers: &["x-hook-signature"],
        ack_s: Some(10),
        handshakes: &[Handshake {
            name: "hook_secret",
            method: Method::Post,
            when: &[
                When::There(Place::Header("x-hook-secret")),
                When::Missing(Place::Header("x-hook-signature")),
            ],
            asks: Asks::Nothing,
            answer: Answer::Header("x-hook-secret"),
            learns: Some(Place::Header("x-hook-secret")),
        }],
        kind: &[at("/events/0/action")],
        subject: &[at("/events/0/resource/gid")],
        happened: &[at("/events/0/created_at")],
        ..BASE
    },
    Preset {
        name: "clickup",
        title: "ClickUp",
        headers: &["x-signature"],
        kind: &[at("/event")],
        ..BASE
    },
    Preset {
        name: "dropbox",
        title: "Dropbox",
        needs: "app secret",
        headers: &["x-dropbox-signature"],
        ack_s: Some(10),
        handshakes: &[echo("challenge", Place::Query("challenge"))],
        ..BASE
    },
    Preset {
        name: "box",
        title: "Box",
        needs: "primary and secondary signature keys",
        headers: &["box-signature-primary", "box-signature-secondary"],
        forms: SHA256_BASE64,
        template: "{body}{timestamp}",
        time: Some(header_time!(Rfc3339, 600, "box-delivery-timestamp")),
        kind: &[at("/trigger")],
        subject: &[at("/source/id")],
        happened: &[at("/created_at")],
        dedupe: &[header("box-delivery-id")],
        ..BASE
    },
    Preset {
        name: "mux",
        title: "Mux",
        headers: &["mux-signature"],
        layout: STRIPE_PAIRS,
        template: "{timestamp}.{body}",
        time: Some(PAIR_SECONDS),
        kind: &[at("/type")],
        happened: &[at("/created_at")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "workos",
        title: "WorkOS",
        headers: &["workos-signature"],
        layout: STRIPE_PAIRS,
        template: "{timestamp}.{body}",
        time: Some(&TimeRule::new(TimeFrom::Pair, TimeUnit::Milliseconds)),
        kind: &[at("/event")],
        happened: &[at("/created_at")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "atlassian-connect",
        title: "Atlassian Connect",
        proof: Proof::Own(Own::Connect),
        needs: "shared secret of the installation",
        kind: &[at("/webhookEvent"), at("/event")],
        subject: &[at("/issue/key")],
        happened: &[at("/timestamp")],
        dedupe: &[header("x-atlassian-webhook-identifier")],
        ..BASE
    },
    Preset {
        name: "monday",
        title: "monday.com",
        proof: Proof::Own(Own::Jwt),
        needs: "app signing secret",
        handshakes: &[Handshake {
            name: "challenge",
            method: Method::Post,
            when: &[
                When::There(Place::Pointer("/challenge")),
                When::Missing(Place::Pointer("/event/type")),
            ],
            asks: Asks::Nothing,
            answer: Answer::Json(&[("challenge", Term::Value(Place::Pointer("/challenge")))]),
            learns: None,
        }],
        kind: &[at("/event/type")],
        subject: &[at("/event/pulseId")],
        happened: &[at("/event/triggerTime")],
        dedupe: &[at("/event/triggerUuid")],
        ..BASE
    },
    Preset {
        name: "okta",
        title: "Okta",
        proof: Proof::Token(TokenPlace::Header),
        needs: "what is in authorization",
        headers: &["authorization"],
        ack_s: Some(3),
        handshakes: &[Handshake {
            name: "verification",
            method: Method::Get,
            when: &[When::There(Place::Header("x-okta-verification-challenge"))],
            asks: Asks::Nothing,
            answer: Answer::Json(&[(
                "verification",
                Term::Value(Place::Header("x-okta-verification-challenge")),
            )]),
            learns: None,
        }],
        kind: &[at("/data/events/0/eventType"), at("/eventType")],
        subject: &[at("/source")],
        happened: &[at("/eventTime")],
        dedupe: &[at("/eventId")],
        ..BASE
    },
    Preset {
        name: "microsoft-graph",
        title: "Microsoft Graph",
        proof: Proof::Token(TokenPlace::Items("value", "clientState")),
        needs: "clientState of the subscription",
        ack_s: Some(10),
        handshakes: &[Handshake {
            name: "validation",
            method: Method::Post,
            when: &[When::There(Place::Query("validationToken"))],
            asks: Asks::Nothing,
            answer: Answer::Text(Place::Query("validationToken")),
            learns: None,
        }],
        kind: &[at("/value/0/changeType"), at("/value/0/lifecycleEvent")],
        subject: &[at("/value/0/resource")],
        ..BASE
    },
    Preset {
        name: "docusign",
        title: "DocuSign Connect",
        needs: "HMAC keys, all that are live",
        headers: &[
            "x-docusign-signature-1",
            "x-docusign-signature-2",
            "x-docusign-signature-3",
            "x-docusign-signature-4",
            "x-docusign-signature-5",
        ],
        forms: SHA256_BASE64,
        kind: &[at("/event")],
        subject: &[at("/data/envelopeId")],
        happened: &[at("/generatedDateTime")],
        ..BASE
    },
    Preset {
        name: "aws-sns",
        aliases: &["sns"],
        title: "Amazon SNS",
        proof: Proof::Own(Own::Sns),
        needs: "ARN of the topic, as the key",
        ack_s: Some(15),
        handshakes: &[
            Handshake {
                name: "subscription_confirmation",
                method: Method::Post,
                when: &[When::Is(Place::Pointer("/Type"), "SubscriptionConfirmation")],
                asks: Asks::Signature,
                answer: Answer::Confirm(Place::Pointer("/SubscribeURL")),
                learns: None,
            },
            Handshake {
                name: "unsubscribe_confirmation",
                method: Method::Post,
                when: &[When::Is(Place::Pointer("/Type"), "UnsubscribeConfirmation")],
                asks: Asks::Signature,
                answer: Answer::Fixed(200, ""),
                learns: None,
            },
        ],
        kind: &[at("/Type")],
        subject: &[at("/Subject")],
        happened: &[at("/Timestamp")],
        dedupe: &[at("/MessageId")],
        ..BASE
    },
];
