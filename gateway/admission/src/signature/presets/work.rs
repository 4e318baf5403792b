//! Providers: where work and files are kept, and families of schemes.

use std::borrow::Cow;
use std::time::Duration;

use crate::secret::SecretEncoding;
use crate::signature::generic::{TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::Preset;
use crate::signature::presets::parts::{
    BASE, PAIR_SECONDS, SHA256_BASE64, SHA256_PREFIXED, SPACES, STRIPE_PAIRS, V1_COMMA,
    WEBHOOK_FORMS_ANY, WEBSUB_FORMS, at, header, header_time, text,
};

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
    Preset {
        name: "standard-webhooks",
        aliases: &["svix", "openai", "clerk", "resend", "replicate", "polar", "supabase"],
        title: "Standard Webhooks",
        needs: "signing secret (whsec_...)",
        headers: &["webhook-signature", "svix-signature"],
        layout: SPACES,
        forms: V1_COMMA,
        template: "{id}.{timestamp}.{body}",
        id_headers: &["webhook-id", "svix-id"],
        time: Some(header_time!(Seconds, 300, "webhook-timestamp", "svix-timestamp")),
        secret: &SecretEncoding::PrefixedBase64(text("whsec_")),
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
        ..BASE
    },
    Preset {
        name: "jira",
        title: "Jira Cloud",
        headers: &["x-hub-signature"],
        forms: WEBHOOK_FORMS_ANY,
        kind: &[at("/webhookEvent")],
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
        kind: &[header("linear-event"), at("/type")],
        happened: &[at("/createdAt")],
        dedupe: &[header("linear-delivery")],
        ..BASE
    },
    Preset {
        name: "notion",
        title: "Notion",
        needs: "verification token",
        headers: &["x-notion-signature"],
        forms: SHA256_PREFIXED,
        kind: &[at("/type")],
        happened: &[at("/timestamp")],
        dedupe: &[at("/id")],
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
];
