//! Providers: where code lives, is built and is watched.

use std::borrow::Cow;
use std::time::Duration;

use crate::handshake::{Answer, Asks, Handshake, Method, Place, Term, When};
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm::Sha1;
use crate::signature::encoding::Encoding::Hex;
use crate::signature::generic::{Form, Layout, TimeFrom, TimeRule, TimeUnit};
use crate::signature::own::Compose;
use crate::signature::preset::{Own, Preset, Proof};
use crate::signature::presets::parts::{
    BASE, COMMAS, PAIR_SECONDS, SHA1_BARE, SHA256_PREFIXED, SPACES, V1_COMMA, V1_LIST,
    WEBHOOK_PUBLIC, at, header, header_time, text,
};
use crate::signature::token::TokenPlace;

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
    Preset {
        name: "github",
        title: "GitHub",
        headers: &["x-hub-signature-256"],
        forms: SHA256_PREFIXED,
        ack_s: Some(10),
        kind: &[header("x-github-event")],
        dedupe: &[header("x-github-delivery")],
        form_field: Some("payload"),
        ..BASE
    },
    Preset {
        name: "gitlab",
        title: "GitLab",
        proof: Proof::Token(TokenPlace::Header),
        needs: "secret token (for signing tokens: gitlab-signed)",
        headers: &["x-gitlab-token"],
        ack_s: Some(10),
        kind: &[header("x-gitlab-event")],
        dedupe: &[header("idempotency-key"), header("x-gitlab-event-uuid")],
        ..BASE
    },
    Preset {
        name: "gitlab-signed",
        title: "GitLab, signing token",
        needs: "signing token (whsec_...)",
        headers: &["webhook-signature"],
        layout: SPACES,
        forms: V1_COMMA,
        template: "{id}.{timestamp}.{body}",
        id_headers: &["webhook-id"],
        time: Some(header_time!(Seconds, 300, "webhook-timestamp")),
        secret: &SecretEncoding::PrefixedBase64(text("whsec_")),
        public: Some(WEBHOOK_PUBLIC),
        ack_s: Some(10),
        kind: &[header("x-gitlab-event")],
        subject: &[at("/project/path_with_namespace")],
        dedupe: &[header("webhook-id"), header("idempotency-key")],
        ..BASE
    },
    Preset {
        name: "gitea",
        aliases: &["forgejo"],
        title: "Gitea and Forgejo",
        headers: &["x-gitea-signature", "x-forgejo-signature"],
        kind: &[header("x-gitea-event"), header("x-forgejo-event")],
        dedupe: &[header("x-gitea-delivery"), header("x-forgejo-delivery")],
        ..BASE
    },
    Preset {
        name: "bitbucket",
        title: "Bitbucket Cloud and Data Center",
        headers: &["x-hub-signature"],
        forms: SHA256_PREFIXED,
        kind: &[header("x-event-key")],
        dedupe: &[header("x-request-uuid")],
        ..BASE
    },
    Preset {
        name: "circleci",
        title: "CircleCI",
        headers: &["circleci-signature"],
        layout: COMMAS,
        forms: V1_LIST,
        ack_s: Some(10),
        subject: &[at("/project/slug")],
        kind: &[header("circleci-event-type"), at("/type")],
        happened: &[at("/happened_at")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "buildkite",
        title: "Buildkite",
        needs: "webhook token, sent as a signature",
        headers: &["x-buildkite-signature"],
        layout: &Layout::Pairs {
            separator: ',',
            time_key: Some(text("timestamp")),
            signature_keys: Cow::Borrowed(&[text("signature")]),
        },
        template: "{timestamp}.{body}",
        time: Some(PAIR_SECONDS),
        kind: &[header("x-buildkite-event"), at("/event")],
        dedupe: &[header("x-buildkite-request")],
        ..BASE
    },
    Preset {
        name: "vercel",
        title: "Vercel",
        needs: "webhook or integration secret",
        headers: &["x-vercel-signature"],
        forms: SHA1_BARE,
        kind: &[at("/type")],
        happened: &[at("/createdAt")],
        dedupe: &[at("/id")],
        ..BASE
    },
    Preset {
        name: "expo",
        title: "Expo EAS",
        headers: &["expo-signature"],
        forms: &[Form::new("sha1=", Sha1, Hex)],
        ..BASE
    },
    Preset {
        name: "sentry",
        title: "Sentry",
        needs: "integration client secret",
        headers: &["sentry-hook-signature"],
        ack_s: Some(1),
        kind: &[header("sentry-hook-resource")],
        dedupe: &[header("request-id")],
        ..BASE
    },
    Preset {
        name: "pagerduty",
        title: "PagerDuty v3",
        headers: &["x-pagerduty-signature"],
        layout: COMMAS,
        forms: V1_LIST,
        kind: &[at("/event/event_type")],
        subject: &[at("/event/data/id")],
        happened: &[at("/event/occurred_at")],
        dedupe: &[at("/event/id")],
        ..BASE
    },
    Preset {
        name: "launchdarkly",
        title: "LaunchDarkly",
        headers: &["x-ld-signature"],
        kind: &[at("/kind")],
        happened: &[at("/date")],
        dedupe: &[at("/_id")],
        ..BASE
    },
    Preset {
        name: "scalr",
        title: "Scalr",
        headers: &["x-signature"],
        forms: SHA1_BARE,
        template: "{body}{timestamp}",
        time: Some(header_time!(Rfc1123, 300, "date")),
        ..BASE
    },
    Preset {
        name: "contentful",
        title: "Contentful",
        proof: Proof::Own(Own::Composed(Compose::Contentful)),
        needs: "request verification secret, and public_url as registered",
        headers: &["x-contentful-signature"],
        kind: &[header("x-contentful-topic")],
        subject: &[at("/sys/id")],
        dedupe: &[header("x-contentful-webhook-request-attempt-id")],
        ..BASE
    },
    Preset {
        name: "fal",
        title: "fal",
        proof: Proof::Own(Own::Composed(Compose::Fal)),
        needs: "user id, as the key",
        headers: &["x-fal-webhook-signature"],
        kind: &[at("/status")],
        subject: &[header("x-fal-webhook-request-id")],
        dedupe: &[header("x-fal-webhook-request-id")],
        ..BASE
    },
    Preset {
        name: "google-pubsub",
        title: "Google Cloud Pub/Sub push",
        proof: Proof::Own(Own::Oidc),
        needs: "service account's address as the key, and public_url as audience",
        kind: &[at("/message/attributes/eventType")],
        subject: &[at("/subscription")],
        happened: &[at("/message/publishTime")],
        dedupe: &[at("/message/messageId")],
        ..BASE
    },
    Preset {
        name: "cloudflare-stream",
        title: "Cloudflare Stream",
        headers: &["webhook-signature"],
        layout: &Layout::Pairs {
            separator: ',',
            time_key: Some(text("time")),
            signature_keys: Cow::Borrowed(&[text("sig1")]),
        },
        template: "{timestamp}.{body}",
        time: Some(PAIR_SECONDS),
        kind: &[at("/status/state")],
        subject: &[at("/uid")],
        ..BASE
    },
    Preset {
        name: "cloudevents",
        title: "CloudEvents, with a token",
        proof: Proof::Token(TokenPlace::Header),
        needs: "what is in authorization, with its `Bearer`",
        headers: &["authorization"],
        handshakes: &[Handshake {
            name: "validation",
            method: Method::Options,
            when: &[When::There(Place::Header("webhook-request-origin"))],
            asks: Asks::Origin,
            answer: Answer::Grant,
            learns: None,
        }],
        kind: &[header("ce-type"), at("/type")],
        subject: &[header("ce-subject"), at("/subject")],
        happened: &[header("ce-time"), at("/time")],
        dedupe: &[header("ce-id"), at("/id")],
        ..BASE
    },
    Preset {
        name: "azure-event-grid",
        title: "Azure Event Grid",
        proof: Proof::Token(TokenPlace::Query("code")),
        needs: "the `code` in the query of the subscription's URL",
        ack_s: Some(30),
        handshakes: &[Handshake {
            name: "subscription_validation",
            method: Method::Post,
            when: &[When::Is(Place::Header("aeg-event-type"), "SubscriptionValidation")],
            asks: Asks::Signature,
            answer: Answer::Json(&[(
                "validationResponse",
                Term::Value(Place::Pointer("/0/data/validationCode")),
            )]),
            learns: None,
        }],
        kind: &[at("/0/eventType")],
        subject: &[at("/0/subject")],
        happened: &[at("/0/eventTime")],
        dedupe: &[at("/*/id")],
        ..BASE
    },
];
