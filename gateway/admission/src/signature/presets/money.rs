//! Providers: where people pay and are paid.

use std::borrow::Cow;

use crate::facts::Fact;
use crate::handshake::{Answer, Asks, Handshake, Method, Place, When};
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm::Sha512;
use crate::signature::encoding::Encoding::Hex;
use crate::signature::generic::{Form, Layout};
use crate::signature::own::Compose;
use crate::signature::preset::{Own, Preset, Proof};
use crate::signature::presets::parts::{
    BASE, PAIR_SECONDS, SHA256_BASE64, STRIPE_PAIRS, at, header, text,
};

/// One row for each.
pub(super) const TABLE: &[Preset] = &[
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
        ack_s: Some(5),
        time: Some(PAIR_SECONDS),
        kind: &[at("/event_type")],
        happened: &[at("/occurred_at")],
        dedupe: &[at("/event_id")],
        ..BASE
    },
    Preset {
        name: "paddle-classic",
        title: "Paddle Classic",
        proof: Proof::Own(Own::PaddleClassic),
        needs: "public key in PEM",
        ack_s: Some(10),
        kind: &[Fact::Form(text("alert_name"))],
        dedupe: &[Fact::Form(text("alert_id"))],
        ..BASE
    },
    Preset {
        name: "adyen",
        title: "Adyen payments",
        proof: Proof::Own(Own::AdyenItems),
        needs: "HMAC key in hexadecimal",
        secret: &SecretEncoding::Hex,
        ack_s: Some(10),
        kind: &[at("/notificationItems/0/NotificationRequestItem/eventCode")],
        subject: &[at("/notificationItems/0/NotificationRequestItem/pspReference")],
        happened: &[at("/notificationItems/0/NotificationRequestItem/eventDate")],
        ..BASE
    },
    Preset {
        name: "paypal",
        title: "PayPal",
        proof: Proof::Own(Own::PayPal),
        needs: "webhook id, as the key",
        headers: &["paypal-transmission-sig"],
        kind: &[at("/event_type")],
        subject: &[at("/resource/id")],
        happened: &[at("/create_time")],
        ..BASE
    },
    Preset {
        name: "coinbase",
        aliases: &["hook0"],
        title: "Coinbase (Hook0)",
        proof: Proof::Own(Own::Composed(Compose::Hook0)),
        needs: "subscription secret",
        headers: &["x-hook0-signature"],
        kind: &[header("x-event-type"), at("/eventType")],
        dedupe: &[header("x-event-id")],
        ..BASE
    },
    Preset {
        name: "worldpay",
        title: "Worldpay Access",
        needs: "shared secret of the Event-Signature header",
        headers: &["event-signature"],
        layout: &Layout::Tagged { separator: ',', mark: '/' },
        ack_s: Some(10),
        kind: &[at("/eventDetails/type")],
        subject: &[at("/eventDetails/transactionReference")],
        happened: &[at("/eventTimestamp")],
        dedupe: &[at("/eventId")],
        ..BASE
    },
    Preset {
        name: "xero",
        title: "Xero",
        needs: "webhooks key",
        headers: &["x-xero-signature"],
        forms: SHA256_BASE64,
        ack_s: Some(5),
        handshakes: &[Handshake {
            name: "intent_to_receive",
            method: Method::Post,
            when: &[
                When::Is(Place::Pointer("/firstEventSequence"), "0"),
                When::Is(Place::Pointer("/lastEventSequence"), "0"),
            ],
            asks: Asks::Signature,
            answer: Answer::Fixed(200, ""),
            learns: None,
        }],
        kind: &[at("/events/0/eventType")],
        subject: &[at("/events/0/resourceId")],
        happened: &[at("/events/0/eventDateUtc")],
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
        name: "square",
        title: "Square",
        needs: "signature key, and public_url as registered",
        headers: &["x-square-hmacsha256-signature"],
        forms: SHA256_BASE64,
        template: "{url}{body}",
        ack_s: Some(10),
        kind: &[at("/type")],
        happened: &[at("/created_at")],
        dedupe: &[at("/event_id")],
        ..BASE
    },
    Preset {
        name: "shopify",
        title: "Shopify",
        needs: "app client secret",
        headers: &["x-shopify-hmac-sha256", "shopify-hmac-sha256"],
        forms: SHA256_BASE64,
        ack_s: Some(5),
        kind: &[header("x-shopify-topic"), header("shopify-topic")],
        subject: &[header("x-shopify-shop-domain"), header("shopify-shop-domain")],
        happened: &[header("x-shopify-triggered-at"), header("shopify-triggered-at")],
        dedupe: &[
            header("x-shopify-webhook-id"),
            header("shopify-webhook-id"),
            header("x-shopify-event-id"),
            header("shopify-event-id"),
        ],
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
        name: "razorpay",
        title: "Razorpay",
        headers: &["x-razorpay-signature"],
        kind: &[at("/event")],
        happened: &[at("/created_at")],
        dedupe: &[header("x-razorpay-event-id")],
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
        name: "lemonsqueezy",
        title: "Lemon Squeezy",
        needs: "signing secret",
        headers: &["x-signature"],
        kind: &[header("x-event-name"), at("/meta/event_name")],
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
];
