//! The table of providers. A row says only in what it differs from HMAC-SHA256 over the body in
//! hexadecimal; where the facts come from is in `gateway/docs`.

use std::borrow::Cow;
use std::time::Duration;

use crate::facts::Fact;
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm::{Sha1, Sha256, Sha384, Sha512};
use crate::signature::encoding::Encoding::{Base64, Hex};
use crate::signature::generic::{Form, Layout, TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::{Preset, Proof};

const BASE: Preset = Preset::BODY_HEX;

const fn at(pointer: &'static str) -> Fact {
    Fact::pointer(pointer)
}

const fn header(name: &'static str) -> Fact {
    Fact::header(name)
}

/// A time in a header. A macro, since a function may not drop what it borrows in a static.
macro_rules! header_time {
    ($unit:ident, $tolerance_s:literal, $($name:literal),+) => {
        &TimeRule {
            from: TimeFrom::Header(Cow::Borrowed(&[$(text($name)),+])),
            unit: TimeUnit::$unit,
            past: Duration::from_secs($tolerance_s),
            future: Duration::from_secs(300),
        }
    };
}

const fn text(text: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(text)
}

const SHA256_PREFIXED: &[Form] = &[Form::new("sha256=", Sha256, Hex)];
const SHA256_PREFIXED_BASE64: &[Form] = &[Form::new("sha256=", Sha256, Base64)];
const SHA256_BASE64: &[Form] = &[Form::new("", Sha256, Base64)];
const SHA1_BARE: &[Form] = &[Form::new("", Sha1, Hex)];
const V0: &[Form] = &[Form::new("v0=", Sha256, Hex)];
const V1_LIST: &[Form] = &[Form::new("v1=", Sha256, Hex)];
const V1_COMMA: &[Form] = &[Form::new("v1,", Sha256, Base64)];
const COMMAS: &Layout = &Layout::List { separator: ',' };
const SPACES: &Layout = &Layout::List { separator: ' ' };
const STRIPE_PAIRS: &Layout = &Layout::Pairs {
    separator: ',',
    time_key: Some(text("t")),
    signature_keys: Cow::Borrowed(&[text("v1")]),
};
const PAIR_SECONDS: &TimeRule = &TimeRule::new(TimeFrom::Pair, TimeUnit::Seconds);
const WEBHOOK_FORMS_ANY: &[Form] = &[
    Form::new("sha256=", Sha256, Hex),
    Form::new("sha384=", Sha384, Hex),
    Form::new("sha512=", Sha512, Hex),
];
const WEBSUB_FORMS: &[Form] = &[
    Form::new("sha256=", Sha256, Hex),
    Form::new("sha384=", Sha384, Hex),
    Form::new("sha512=", Sha512, Hex),
    Form::new("sha1=", Sha1, Hex),
];

/// Every preset.
pub static ALL: &[Preset] = &[
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
        name: "stripe",
        title: "Stripe",
        needs: "endpoint signing secret, with its whsec_",
        headers: &["stripe-signature"],
        layout: STRIPE_PAIRS,
        template: "{timestamp}.{body}",
        time: Some(PAIR_SECONDS),
        kind: &[at("/type")],
        happened: &[at("/created")],
        dedupe: &[at("/id")],
        ..BASE
    },
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
        name: "websub",
        title: "WebSub hubs",
        needs: "hub.secret",
        headers: &["x-hub-signature"],
        forms: WEBSUB_FORMS,
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
        name: "shopify",
        title: "Shopify",
        needs: "app client secret",
        headers: &["x-shopify-hmac-sha256", "shopify-hmac-sha256"],
        forms: SHA256_BASE64,
        kind: &[header("x-shopify-topic"), header("shopify-topic")],
        subject: &[header("x-shopify-shop-domain"), header("shopify-shop-domain")],
        happened: &[header("x-shopify-triggered-at")],
        dedupe: &[header("x-shopify-webhook-id"), header("x-shopify-event-id")],
        ..BASE
    },
    Preset {
        name: "square",
        title: "Square",
        needs: "signature key, and public_url as registered",
        headers: &["x-square-hmacsha256-signature"],
        forms: SHA256_BASE64,
        template: "{url}{body}",
        kind: &[at("/type")],
        happened: &[at("/created_at")],
        dedupe: &[at("/event_id")],
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
        name: "sentry",
        title: "Sentry",
        needs: "integration client secret",
        headers: &["sentry-hook-signature"],
        kind: &[header("sentry-hook-resource")],
        dedupe: &[header("request-id")],
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
        name: "dropbox",
        title: "Dropbox",
        needs: "app secret",
        headers: &["x-dropbox-signature"],
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
        name: "twitter",
        aliases: &["x"],
        title: "X (Twitter)",
        needs: "consumer secret",
        headers: &["x-twitter-webhooks-signature"],
        forms: SHA256_PREFIXED_BASE64,
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
        name: "paddle",
        title: "Paddle Billing",
        needs: "notification destination secret",
        headers: &["paddle-signature"],
        layout: &Layout::Pairs {
            separator: ';',
            time_key: Some(text("ts")),
            signature_keys: Cow::Borrowed(&[text("h1")]),
        },
        template: "{timestamp}:{body}",
        time: Some(PAIR_SECONDS),
        kind: &[at("/event_type")],
        happened: &[at("/occurred_at")],
        dedupe: &[at("/event_id")],
        ..BASE
    },
    Preset {
        name: "adyen-platform",
        title: "Adyen (all but payments)",
        needs: "HMAC key in hexadecimal",
        headers: &["hmacsignature"],
        forms: SHA256_BASE64,
        secret: &SecretEncoding::Hex,
        kind: &[at("/type"), at("/eventType")],
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
        name: "line",
        title: "LINE",
        needs: "channel secret",
        headers: &["x-line-signature"],
        forms: SHA256_BASE64,
        ..BASE
    },
    Preset {
        name: "gocardless",
        title: "GoCardless",
        needs: "webhook endpoint secret",
        headers: &["webhook-signature"],
        dedupe: &[at("/meta/webhook_id")],
        ..BASE
    },
    Preset {
        name: "coinbase-commerce",
        title: "Coinbase Commerce",
        needs: "webhook shared secret",
        headers: &["x-cc-webhook-signature"],
        kind: &[at("/event/type")],
        happened: &[at("/event/created_at")],
        dedupe: &[at("/event/id")],
        ..BASE
    },
    Preset {
        name: "razorpay",
        title: "Razorpay",
        headers: &["x-razorpay-signature"],
        kind: &[at("/event")],
        happened: &[at("/created_at")],
        dedupe: &[header("x-razorpay-event-id")],
        ..BASE
    },
    Preset {
        name: "lemonsqueezy",
        title: "Lemon Squeezy",
        needs: "signing secret",
        headers: &["x-signature"],
        kind: &[header("x-event-name"), at("/meta/event_name")],
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
        name: "clickup",
        title: "ClickUp",
        headers: &["x-signature"],
        kind: &[at("/event")],
        ..BASE
    },
    Preset {
        name: "paystack",
        title: "Paystack",
        needs: "secret key",
        headers: &["x-paystack-signature"],
        forms: &[Form::new("", Sha512, Hex)],
        kind: &[at("/event")],
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
        name: "scalr",
        title: "Scalr",
        headers: &["x-signature"],
        forms: SHA1_BARE,
        template: "{body}{timestamp}",
        time: Some(header_time!(Rfc1123, 300, "date")),
        ..BASE
    },
];
