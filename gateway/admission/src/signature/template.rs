//! What is signed, as a list of pieces. The pieces are fed to the HMAC one by one: the body is
//! never copied.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;

use crate::signature::candidates::once;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Box<str>),
    Body,
    Timestamp,
    Id,
    Url,
    UrlDecoded,
    Method,
    /// The fields of a form, sorted.
    Form,
    Header(Box<str>),
}

/// The text behind the pieces, except for headers.
pub(crate) struct Inputs<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) time: &'a str,
    pub(crate) id: &'a str,
    pub(crate) url: &'a str,
    pub(crate) method: &'a str,
    pub(crate) form: &'a [u8],
}

impl Template {
    /// Reads `{timestamp}.{body}`; else what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            push_literal(&mut pieces, literal)?;
            let (name, after) =
                after.split_once('}').ok_or_else(|| String::from("a '{' is not closed"))?;
            pieces.push(Piece::named(name)?);
            rest = after;
        }
        push_literal(&mut pieces, rest)?;
        let template = Self(pieces);
        let covered = template.has(&Piece::Body) || template.has(&Piece::Form);
        if covered { Ok(template) } else { Err("{body} is missing".into()) }
    }

    pub(crate) fn has(&self, piece: &Piece) -> bool {
        self.0.contains(piece)
    }

    /// Hands the pieces out in order; `header` says what a header holds.
    pub(crate) fn feed<'a>(
        &self,
        mut out: impl FnMut(&[u8]),
        inputs: &Inputs<'a>,
        header: impl Fn(&str) -> Result<&'a str, SignatureFault>,
    ) -> Result<(), SignatureFault> {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out(text.as_bytes()),
                Piece::Body => out(inputs.body),
                Piece::Timestamp => out(inputs.time.as_bytes()),
                Piece::Id => out(inputs.id.as_bytes()),
                Piece::Url => out(inputs.url.as_bytes()),
                Piece::UrlDecoded => out(decode_delimiters(inputs.url).as_bytes()),
                Piece::Method => out(inputs.method.as_bytes()),
                Piece::Form => out(inputs.form),
                Piece::Header(name) => out(header(name)?.as_bytes()),
            }
        }
        Ok(())
    }
}

impl Piece {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "body" => Self::Body,
            "timestamp" => Self::Timestamp,
            "id" => Self::Id,
            "url" => Self::Url,
            "url_decoded" => Self::UrlDecoded,
            "method" => Self::Method,
            "form" => Self::Form,
            _ => match name.strip_prefix("header:") {
                Some(header) if !header.is_empty() => Self::Header(header.to_lowercase().into()),
                _ => return Err(format!("{{{name}}} is not known")),
            },
        })
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) -> Result<(), String> {
    if text.contains('}') {
        return Err("a '}' closes nothing".into());
    }
    if !text.is_empty() {
        pieces.push(Piece::Literal(text.into()));
    }
    Ok(())
}

/// The URL that was signed: the public URL that the operator gave, since a proxy may have changed
/// what we see; with the target of the request where the public URL is an origin only, and with
/// its query where the public URL has none.
pub(crate) fn signed_url(public: &str, delivery: &Delivery) -> String {
    let after_scheme = public.find("://").map_or(0, |at| at + 3);
    let rest = public.get(after_scheme..).unwrap_or_default();
    if !rest.contains(['/', '?']) {
        return format!("{public}{}", delivery.target);
    }
    match delivery.target.split_once('?') {
        Some((_, query)) if !rest.contains('?') => format!("{public}?{query}"),
        _ => public.to_owned(),
    }
}

/// The same URL without its port, or with the port that its scheme has by itself: senders differ
/// about which of the two they sign.
pub(crate) fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| {
        (authority.get(..=user.len()).unwrap_or_default(), host)
    });
    let bracket = host.rfind(']').unwrap_or(0);
    let host = match host.rfind(':').filter(|colon| *colon > bracket) {
        Some(colon) => host.get(..colon)?.to_owned(),
        None => format!("{host}:{}", if scheme == "https" { 443 } else { 80 }),
    };
    Some(format!("{scheme}://{user}{host}{tail}"))
}

/// Decodes the escapes of delimiters, and no others: HubSpot signs URLs so.
fn decode_delimiters(url: &str) -> String {
    const ESCAPES: [(&str, &str); 14] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%40", "@"),
        ("%26", "&"),
        ("%3D", "="),
        ("%2B", "+"),
        ("%24", "$"),
        ("%60", "`"),
        ("%2C", ","),
        ("%22", "\""),
        ("%3B", ";"),
        ("%3E", ">"),
        ("%3C", "<"),
        ("%3F", "?"),
    ];
    ESCAPES.iter().fold(url.to_owned(), |url, (escape, plain)| {
        url.replace(escape, plain).replace(&escape.to_ascii_lowercase(), plain)
    })
}

/// A header of the delivery, for a template.
pub(crate) fn header_of<'a>(
    delivery: &'a Delivery,
) -> impl Fn(&str) -> Result<&'a str, SignatureFault> {
    |name| once(&delivery.headers, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use sluicegate_core::delivery::Transport;
    use sluicegate_core::fields::Fields;

    #[test]
    fn a_template_is_read_into_its_pieces() {
        let template = Template::parse("v0:{timestamp}:{header:X-A}{body}").unwrap();
        let literal = |text: &str| Piece::Literal(text.into());
        let pieces = [literal("v0:"), Piece::Timestamp, literal(":"), Piece::Header("x-a".into())];
        assert_eq!(template.0[..4], pieces);
        assert!(template.has(&Piece::Body) && !template.has(&Piece::Id));
    }

    #[test]
    fn a_template_that_signs_no_body_or_is_not_understood_is_refused() {
        for bad in ["", "{id}", "{body", "body}", "{body}}", "{bdy}{body}", "{header:}{body}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_signed_url_takes_from_the_request_only_what_the_operator_left_open() {
        let delivery = Delivery {
            source: "s".parse().unwrap(),
            method: "POST".into(),
            target: "/in?x=1".into(),
            headers: Fields::new(),
            body: Bytes::new(),
            peer: None,
            transport: Transport::default(),
        };
        for (public, signed) in [
            ("https://a.example", "https://a.example/in?x=1"),
            ("https://a.example/hook", "https://a.example/hook?x=1"),
            ("https://a.example/hook?y=2", "https://a.example/hook?y=2"),
        ] {
            assert_eq!(signed_url(public, &delivery), signed);
        }
    }

    #[test]
    fn a_url_is_known_with_its_port_and_without() {
        for (one, other) in [
            ("https://a.example/x?y=:1", "https://a.example:443/x?y=:1"),
            ("http://a.example", "http://a.example:80"),
            ("https://a.example:8443/x", "https://a.example/x"),
            ("https://u:p@a.example:1/x", "https://u:p@a.example/x"),
            ("https://[::1]/x", "https://[::1]:443/x"),
            ("https://[::1]:9/x", "https://[::1]/x"),
        ] {
            assert_eq!(other_port(one).as_deref(), Some(other));
        }
        assert_eq!(other_port("no url"), None);
    }

    proptest! {
        #[test]
        fn finding_the_port_of_a_url_never_panics(text: String) {
            other_port(&text);
        }

        #[test]
        fn reading_a_template_never_panics(text: String) {
            let _result = Template::parse(&text);
        }
    }
}
