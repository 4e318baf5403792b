//! The secret in another form: decoded where it is used as it stands, as it stands where it is
//! decoded, with or without its prefix, with a space or a newline at its end.

use super::attempt::{Case, Otherwise};
use super::mistake::{Likely, Mistake};
use crate::secret::{Key, Secret, SecretEncoding};
use crate::signature::{Encoding, Scheme};

pub(super) fn try_all(case: &mut Case<'_>) {
    for (what, change) in CHANGES {
        let keys: Vec<Key> = case.keys.iter().filter_map(|key| changed(key, *change)).collect();
        if !keys.is_empty() {
            let otherwise = Otherwise { keys: Some(keys), ..Otherwise::default() };
            found(case, otherwise, what);
        }
    }
    let Some(generic) = case.generic() else {
        // Where the secret is decoded from hexadecimal, it may have been used as it stands.
        let plain = |key: &Key| changed(key, |text| Some(Encoding::Hex.encode(text).into_bytes()));
        let keys = case.keys.iter().filter_map(plain).collect();
        let otherwise = Otherwise { keys: Some(keys), ..Otherwise::default() };
        return found(case, otherwise, "as it stands, not decoded");
    };
    for (what, encoding) in [
        ("as it stands, not decoded", SecretEncoding::Utf8),
        ("decoded from hexadecimal", SecretEncoding::Hex),
        ("decoded from base64", SecretEncoding::Base64),
        ("decoded from base64 behind `whsec_`", SecretEncoding::PrefixedBase64("whsec_".into())),
    ] {
        if encoding == generic.secret || !case.found.is_empty() {
            continue;
        }
        let scheme = Scheme::Generic(Box::new(crate::signature::GenericHmac {
            secret: encoding,
            ..generic.clone()
        }));
        let otherwise = Otherwise { scheme: Some(&scheme), ..Otherwise::default() };
        found(case, otherwise, what);
        let bare = case.keys.iter().filter_map(|key| changed(key, without_prefix)).collect();
        let otherwise =
            Otherwise { scheme: Some(&scheme), keys: Some(bare), ..Otherwise::default() };
        if case.found.is_empty() {
            found(case, otherwise, &format!("{what}, without its prefix"));
        }
    }
}

fn found(case: &mut Case<'_>, otherwise: Otherwise<'_>, what: &str) {
    if let Some(key) = case.holds(otherwise) {
        let detail = format!("the sender uses the secret of key {key} {what}");
        case.find(Likely::new(Mistake::SecretForm, detail));
    }
}

fn changed(key: &Key, change: fn(&[u8]) -> Option<Vec<u8>>) -> Option<Key> {
    let bytes = change(key.secret.expose()).filter(|bytes| !bytes.is_empty())?;
    Some(Key::new(key.id.clone(), Secret::new(bytes)))
}

type Change = fn(&[u8]) -> Option<Vec<u8>>;

const CHANGES: &[(&str, Change)] = &[
    ("without the space around it", |text| {
        let trimmed = text.trim_ascii();
        (trimmed.len() < text.len()).then(|| trimmed.to_vec())
    }),
    ("with a newline at its end", |text| Some([text, b"\n"].concat())),
    ("with the end of a line (CR LF) at its end", |text| Some([text, b"\r\n"].concat())),
    ("without its prefix", without_prefix),
    ("in quotation marks", |text| Some([b"\"", text, b"\""].concat())),
    ("in lower case", |text| Some(text.to_ascii_lowercase()).filter(|lower| lower != text)),
    ("in upper case", |text| Some(text.to_ascii_uppercase()).filter(|upper| upper != text)),
];

/// What stands behind `whsec_` and its like.
fn without_prefix(text: &[u8]) -> Option<Vec<u8>> {
    let at = text.iter().take(16).position(|byte| *byte == b'_')?;
    text.get(at + 1..).map(<[u8]>::to_vec)
}
