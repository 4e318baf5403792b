//! Form-encoded bodies (`application/x-www-form-urlencoded`, WHATWG URL section 5.1): one field out
//! of them, or all. The payload of the event stays the form, byte for byte.

use std::borrow::Cow;

/// Whether the media type says that the body is a form.
pub(crate) fn is_form(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The decoded value of a field that is there exactly once; a field that is doubled is ambiguous
/// and counts as missing.
pub(crate) fn field<'b>(body: &'b [u8], name: &str) -> Option<Cow<'b, [u8]>> {
    let mut found = None;
    for pair in body.split(|byte| *byte == b'&') {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let key = sides.next().unwrap_or_default();
        if decode(key)?.as_ref() != name.as_bytes() {
            continue;
        }
        if found.replace(sides.next().unwrap_or_default()).is_some() {
            return None;
        }
    }
    decode(found?)
}

/// A name and its value, decoded.
pub(crate) type Pair<'b> = (Cow<'b, [u8]>, Cow<'b, [u8]>);

/// Every field in order, decoded; `None` if an escape is broken, or there are more than
/// [`FIELDS_MAX`].
pub(crate) fn fields(body: &[u8]) -> Option<Vec<Pair<'_>>> {
    let mut all = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if all.len() == FIELDS_MAX {
            return None;
        }
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let mut side = || decode(sides.next().unwrap_or_default());
        all.push((side()?, side()?));
    }
    Some(all)
}

/// Fields of one form, where all of them count: as many as PHP takes.
const FIELDS_MAX: usize = 1000;

/// Undoes `+` and `%XX`; `None` if an escape is cut off or no hexadecimal.
fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    Some(Cow::Owned(out))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_is_decoded() {
        let body = b"a=1&payload=%7B%22k%22%3A+%22v%22%7D&empty=&bare";
        assert_eq!(field(body, "payload").as_deref(), Some(&br#"{"k": "v"}"#[..]));
        assert_eq!(field(body, "a").as_deref(), Some(&b"1"[..]));
        assert_eq!(field(body, "empty").as_deref(), Some(&b""[..]));
        assert_eq!(field(body, "bare").as_deref(), Some(&b""[..]));
        assert_eq!(field(body, "none"), None);
    }

    #[test]
    fn all_fields_come_in_their_order_and_a_flood_of_them_is_refused() {
        let all = fields(b"b=1&a=%20x&b=&c&").unwrap();
        let text: Vec<_> = all.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"b", b"1"), (b"a", b" x"), (b"b", b""), (b"c", b"")];
        assert_eq!(text, expected);
        assert!(fields(b"").unwrap().is_empty() && fields(b"a=%2").is_none());
        assert!(fields("a=1&".repeat(1000).as_bytes()).is_some());
        assert!(fields("a=1&".repeat(1001).as_bytes()).is_none());
    }

    #[test]
    fn a_doubled_field_and_a_broken_escape_give_nothing() {
        assert_eq!(field(b"payload=1&payload=2", "payload"), None);
        assert_eq!(field(b"payload=1&p%61yload=2", "payload"), None);
        for broken in ["payload=%", "payload=%4", "payload=%zz", "%=1&payload=1"] {
            assert_eq!(field(broken.as_bytes(), "payload"), None, "{broken}");
        }
    }

    #[test]
    fn forms_are_known_by_their_media_type() {
        assert!(is_form("application/x-www-form-urlencoded"));
        assert!(is_form("Application/X-WWW-Form-Urlencoded; charset=utf-8"));
        assert!(!is_form("application/json") && !is_form(""));
    }

    proptest! {
        #[test]
        fn reading_a_form_never_panics(body: Vec<u8>, name: String) {
            field(&body, &name);
            fields(&body);
        }
    }
}
