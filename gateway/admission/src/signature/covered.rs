//! Whether a signature covers the body at all, for schemes that sign the fields of a form: Twilio
//! and Mandrill. A body that is no form must be named by its hash in the URL that is signed.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;

use crate::facts::{form_fields, is_form};
use crate::signature::candidates::malformed;
use crate::signature::crypto::{same, sha256};
use crate::signature::encoding::Encoding;

/// What `{form}` stands for: the fields of the body if it is a form, else nothing, if the body is
/// empty or the URL holds its hash.
///
/// IMPORTANT: the media type is not signed. Whichever one a stranger writes, the body is covered:
/// by the fields, or by the hash. The fields are signed without marks between them, as the
/// providers have it: whoever recorded a form can move the border between a name and its value,
/// and no more.
pub(crate) fn covered_form(delivery: &Delivery, url: &str) -> Result<Vec<u8>, SignatureFault> {
    let attested = attested(&delivery.body, url)?;
    if is_form(delivery.headers.first("content-type").unwrap_or_default()) {
        let fields = sorted_fields(&delivery.body);
        return fields.ok_or_else(|| malformed("the body is not a form that can be read"));
    }
    if attested || delivery.body.is_empty() {
        return Ok(Vec::new());
    }
    Err(malformed("the body is no form, and the URL does not hold its hash"))
}

/// Each name with each of its values, sorted, each pair once.
pub(crate) fn sorted_fields(body: &[u8]) -> Option<Vec<u8>> {
    let mut sorted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (name, value) in form_fields(body)? {
        sorted.entry(name).or_default().insert(value);
    }
    let mut out = Vec::with_capacity(body.len());
    for (name, values) in &sorted {
        for value in values {
            out.extend_from_slice(name);
            out.extend_from_slice(value);
        }
    }
    Some(out)
}

/// Whether the URL holds the hash of the body; a fault if it holds another.
fn attested(body: &[u8], url: &str) -> Result<bool, SignatureFault> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut found = None;
    for pair in query.split('&') {
        if let Some(text) = pair.strip_prefix("bodySHA256=")
            && found.replace(text).is_some()
        {
            return Err(malformed("the URL holds bodySHA256 twice"));
        }
    }
    let Some(text) = found else { return Ok(false) };
    let mut hash = [0; 32];
    let whole = Encoding::Hex.decode(text.as_bytes(), &mut hash) == Some(32);
    if whole && same(&sha256(body).0, &hash) { Ok(true) } else { Err(SignatureFault::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_and_each_pair_counts_once() {
        let fields = sorted_fields(b"b=2&a=x&b=1&b=2&a=%20y").unwrap();
        assert_eq!(fields, b"a yaxb1b2");
        assert_eq!(sorted_fields(b"a=%zz"), None);
    }

    #[test]
    fn the_hash_in_the_url_must_be_that_of_the_body_and_there_once() {
        let hash = sha256(b"{}").to_string();
        let url = |query: &str| format!("https://a.example/x?{query}");
        assert_eq!(attested(b"{}", &url(&format!("a=1&bodySHA256={hash}"))), Ok(true));
        assert_eq!(attested(b"{}", &url("a=1")), Ok(false));
        assert!(attested(b"{ }", &url(&format!("bodySHA256={hash}"))).is_err());
        assert!(attested(b"{}", &url("bodySHA256=00")).is_err());
        assert!(attested(b"{}", &url(&format!("bodySHA256={hash}&bodySHA256={hash}"))).is_err());
    }
}
