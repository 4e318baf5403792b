//! The scheme `generic`: an HMAC that the configuration spells out.

use std::borrow::Cow;
use std::time::Duration;

use sluicegate_admission::{
    Algorithm, Encoding, Facts, Form, GenericHmac, Layout, SecretEncoding, TimeFrom, TimeRule,
    TimeUnit,
};

use super::check::Checker;
use super::scalars::Span;
use super::shape;

impl Checker<'_> {
    /// The scheme; what contradicts itself in its description is a fault at its place.
    pub(super) fn generic(&mut self, at: &str, generic: &shape::Generic) -> Option<GenericHmac> {
        let layout = self.layout(at, generic)?;
        let from = self.time_from(at, generic)?;
        let secret = self.secret_encoding(at, generic)?;
        let lower = |name: &String| name.to_ascii_lowercase();
        Some(GenericHmac {
            headers: std::iter::once(&generic.header)
                .chain(&generic.header_aliases)
                .map(lower)
                .collect(),
            layout,
            forms: vec![Form {
                prefix: generic.prefix.clone().into(),
                prefix_optional: generic.prefix_optional,
                algorithm: algorithm(generic.algorithm),
                encoding: encoding(generic.encoding),
            }],
            template: generic.template.clone().unwrap_or_else(|| "{body}".to_owned()),
            id_headers: generic.id_header.iter().map(lower).collect(),
            time: from.map(|from| time_rule(from, generic)),
            secret,
            any_port: generic.any_port,
            token_refused: false,
            facts: Facts::default(),
        })
    }

    fn layout(&mut self, at: &str, generic: &shape::Generic) -> Option<Layout> {
        let separator = first(generic.separator.as_ref());
        match (&generic.pairs, separator, first(generic.tag_mark.as_ref())) {
            (None, None, None) => Some(Layout::Single),
            (None, Some(separator), None) => Some(Layout::List { separator }),
            (None, Some(separator), Some(mark)) => Some(Layout::Tagged { separator, mark }),
            (None, None, Some(_)) => self.contradiction(at, "tag_mark needs a separator"),
            (Some(pairs), None, None) => {
                let keys: Vec<_> = pairs.signatures.iter().cloned().map(Cow::Owned).collect();
                Some(Layout::Pairs {
                    separator: first(pairs.separator.as_ref()).unwrap_or(','),
                    time_key: pairs.timestamp.clone().map(Cow::Owned),
                    signature_keys: Cow::Owned(keys),
                })
            }
            (Some(_), _, _) => {
                self.contradiction(at, "pairs have a separator of their own, and no tag_mark")
            }
        }
    }

    /// Where the time is; `None` within: there is none.
    fn time_from(&mut self, at: &str, generic: &shape::Generic) -> Option<Option<TimeFrom>> {
        let pair = generic.pairs.as_ref().and_then(|pairs| pairs.timestamp.as_ref());
        let froms = [
            generic
                .timestamp_header
                .as_ref()
                .map(|name| TimeFrom::Header(vec![Cow::Owned(name.to_ascii_lowercase())].into())),
            generic.timestamp_pointer.clone().map(|pointer| TimeFrom::Pointer(pointer.into())),
            pair.map(|_| TimeFrom::Pair),
        ];
        let mut froms = froms.into_iter().flatten();
        match (froms.next(), froms.next()) {
            (from, None) => Some(from),
            (_, Some(_)) => self.contradiction(at, "the timestamp is in one place only"),
        }
    }

    fn secret_encoding(&mut self, at: &str, generic: &shape::Generic) -> Option<SecretEncoding> {
        match (generic.secret_encoding, &generic.secret_prefix) {
            (shape::SecretEncoding::Utf8, None) => Some(SecretEncoding::Utf8),
            (shape::SecretEncoding::Hex, None) => Some(SecretEncoding::Hex),
            (shape::SecretEncoding::Base64, None) => Some(SecretEncoding::Base64),
            (shape::SecretEncoding::Base64, Some(prefix)) => {
                Some(SecretEncoding::PrefixedBase64(prefix.clone().into()))
            }
            (_, Some(_)) => self.contradiction(at, "secret_prefix needs secret_encoding: base64"),
        }
    }

    fn contradiction<T>(&mut self, at: &str, what: &str) -> Option<T> {
        self.fault(at, "scheme_incomplete", what);
        None
    }
}

fn time_rule(from: TimeFrom, generic: &shape::Generic) -> TimeRule {
    let rule = TimeRule::new(from, unit(generic.timestamp_unit));
    let or = |span: Option<Span>, own: Duration| span.map_or(own, |span| span.0);
    TimeRule {
        past: or(generic.timestamp_past, rule.past),
        future: or(generic.timestamp_future, rule.future),
        ..rule
    }
}

fn algorithm(algorithm: shape::Algorithm) -> Algorithm {
    match algorithm {
        shape::Algorithm::Sha1 => Algorithm::Sha1,
        shape::Algorithm::Sha256 => Algorithm::Sha256,
        shape::Algorithm::Sha384 => Algorithm::Sha384,
        shape::Algorithm::Sha512 => Algorithm::Sha512,
    }
}

fn encoding(encoding: shape::Encoding) -> Encoding {
    match encoding {
        shape::Encoding::Hex => Encoding::Hex,
        shape::Encoding::Base64 => Encoding::Base64,
        shape::Encoding::Base64url => Encoding::Base64Url,
    }
}

fn unit(unit: shape::TimestampUnit) -> TimeUnit {
    match unit {
        shape::TimestampUnit::Seconds => TimeUnit::Seconds,
        shape::TimestampUnit::Milliseconds => TimeUnit::Milliseconds,
        shape::TimestampUnit::Rfc3339 => TimeUnit::Rfc3339,
        shape::TimestampUnit::Rfc1123 => TimeUnit::Rfc1123,
    }
}

/// The first character of a text that has one; the schema lets no longer one pass.
fn first(text: Option<&String>) -> Option<char> {
    text.and_then(|text| text.chars().next())
}
