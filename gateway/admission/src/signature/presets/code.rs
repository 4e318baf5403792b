//! Providers: where code lives, is built and is watched.

use std::borrow::Cow;
use std::time::Duration;

use crate::signature::crypto::Algorithm::Sha1;
use crate::signature::encoding::Encoding::Hex;
use crate::signature::generic::{Form, Layout, TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::{Preset, Proof};
use crate::signature::presets::parts::{
    BASE, COMMAS, PAIR_SECONDS, SHA1_BARE, SHA256_PREFIXED, V1_LIST, at, header, header_time, text,
};

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
    Preset {
        name: "github",
        title: "GitHub",
        headers: &["x-hub-signature-256"],
        forms: SHA256_PREFIXED,
        kind: &[header("x-github-event")],
        dedupe: &[header("x-github-delivery")],
        form_field: Some("payload"),
        ..BASE
    },
    Preset {
        name: "gitlab",
        title: "GitLab",
        proof: Proof::Token,
        needs: "secret token (for signing tokens use standard-webhooks)",
        headers: &["x-gitlab-token"],
        kind: &[header("x-gitlab-event")],
        dedupe: &[header("idempotency-key"), header("x-gitlab-event-uuid")],
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
];
