//! What rows of the table share: forms, layouts and times.

use std::borrow::Cow;

use crate::facts::Fact;
use crate::handshake::{Answer, Asks, Handshake, Method, Place, When};
use crate::signature::crypto::Algorithm::{Sha1, Sha256, Sha384, Sha512};
use crate::signature::crypto::Signing;
use crate::signature::encoding::Encoding::{Base64, Hex};
use crate::signature::generic::{Form, Layout, TimeFrom, TimeRule, TimeUnit};
use crate::signature::preset::Preset;
use crate::signature::public::PublicForm;

pub(super) const BASE: Preset = Preset::BODY_HEX;

pub(super) const fn at(pointer: &'static str) -> Fact {
    Fact::pointer(pointer)
}

pub(super) const fn header(name: &'static str) -> Fact {
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

pub(super) const fn text(text: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(text)
}

pub(super) const SHA256_PREFIXED: &[Form] = &[Form::new("sha256=", Sha256, Hex)];
pub(super) const SHA256_PREFIXED_BASE64: &[Form] = &[Form::new("sha256=", Sha256, Base64)];
pub(super) const SHA256_BASE64: &[Form] = &[Form::new("", Sha256, Base64)];
pub(super) const SHA1_BARE: &[Form] = &[Form::new("", Sha1, Hex)];
pub(super) const SHA1_BASE64: &[Form] = &[Form::new("", Sha1, Base64)];
pub(super) const V0: &[Form] = &[Form::new("v0=", Sha256, Hex)];
pub(super) const V1_LIST: &[Form] = &[Form::new("v1=", Sha256, Hex)];
pub(super) const V1_COMMA: &[Form] = &[Form::new("v1,", Sha256, Base64)];
pub(super) const COMMAS: &Layout = &Layout::List { separator: ',' };
pub(super) const SPACES: &Layout = &Layout::List { separator: ' ' };
pub(super) const STRIPE_PAIRS: &Layout = &Layout::Pairs {
    separator: ',',
    time_key: Some(text("t")),
    signature_keys: Cow::Borrowed(&[text("v1")]),
};
pub(super) const PAIR_SECONDS: &TimeRule = &TimeRule::new(TimeFrom::Pair, TimeUnit::Seconds);
pub(super) const WEBHOOK_FORMS_ANY: &[Form] = &[
    Form::new("sha256=", Sha256, Hex),
    Form::new("sha384=", Sha384, Hex),
    Form::new("sha512=", Sha512, Hex),
];
pub(super) const WEBSUB_FORMS: &[Form] = &[
    Form::new("sha256=", Sha256, Hex),
    Form::new("sha384=", Sha384, Hex),
    Form::new("sha512=", Sha512, Hex),
    Form::new("sha1=", Sha1, Hex),
];

/// Standard Webhooks' signatures by private keys.
pub(super) const WEBHOOK_PUBLIC: PublicForm =
    PublicForm { signing: Signing::Ed25519, prefix: "v1a,", encoding: Base64, key_prefix: "whpk_" };

/// A handshake that reflects one text of the request's query, and proves nothing.
pub(super) const fn echo(name: &'static str, place: Place) -> Handshake {
    Handshake {
        name,
        method: Method::Get,
        when: QUERY_CHALLENGE,
        asks: Asks::Nothing,
        answer: Answer::Text(place),
        learns: None,
    }
}
const QUERY_CHALLENGE: &[When] = &[When::There(Place::Query("challenge"))];

/// The handshake of hubs: `GET` with the token that both sides know.
pub(super) const HUB: Handshake = Handshake {
    name: "hub_verification",
    method: Method::Get,
    when: &[
        When::Is(Place::Query("hub.mode"), "subscribe"),
        When::There(Place::Query("hub.challenge")),
    ],
    asks: Asks::Token(Place::Query("hub.verify_token")),
    answer: Answer::Text(Place::Query("hub.challenge")),
    learns: None,
};

pub(super) use header_time;
