//! What a delivery offers as its signature: every candidate that is well written, decoded.

use sluicegate_core::fields::{Fields, NotOnce};
use sluicegate_core::signature::SignatureFault;

use crate::signature::crypto::{Algorithm, TAG_BYTES_MAX};
use crate::signature::generic::{Form, Layout};

/// Signatures that one delivery may offer: providers send two while a secret is rolled.
const CANDIDATES_MAX: usize = 16;

/// A decoded signature of the right length for its algorithm.
pub(crate) struct Candidate {
    pub(crate) algorithm: Algorithm,
    bytes: [u8; TAG_BYTES_MAX],
    len: usize,
}

impl Candidate {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What the signature headers hold.
pub(crate) struct Offered<'a> {
    /// At least one.
    pub(crate) candidates: Vec<Candidate>,
    /// The time beside the signature, if the layout has one.
    pub(crate) time: Option<&'a str>,
}

/// Reads every signature header that is there.
pub(crate) fn read<'a>(
    headers: &'a Fields,
    names: &[String],
    layout: &Layout,
    forms: &[Form],
) -> Result<Offered<'a>, SignatureFault> {
    let mut offered = Offered { candidates: Vec::with_capacity(2), time: None };
    let mut present = 0;
    for name in names {
        let value = match headers.once(name) {
            Ok(value) => value,
            Err(NotOnce::Missing) => continue,
            Err(NotOnce::Doubled) => return Err(SignatureFault::Doubled { header: name.clone() }),
        };
        if value.is_empty() {
            return Err(malformed("it is empty"));
        }
        present += 1;
        read_value(value, layout, forms, &mut offered)?;
    }
    if present == 0 {
        let header = names.first().cloned().unwrap_or_default();
        return Err(SignatureFault::Missing { header });
    }
    if offered.candidates.is_empty() {
        return Err(malformed("nothing in it has the prefix, encoding and length of the scheme"));
    }
    Ok(offered)
}

/// The one signature that this text is, for schemes that carry it elsewhere than in a header.
pub(crate) fn of_text(text: &str, form: &Form) -> Result<Vec<Candidate>, SignatureFault> {
    let mut offered = Offered { candidates: Vec::with_capacity(1), time: None };
    offer(text, std::slice::from_ref(form), &mut offered)?;
    match offered.candidates {
        none if none.is_empty() => {
            Err(malformed("it has not the encoding and length of the scheme"))
        }
        candidates => Ok(candidates),
    }
}

fn read_value<'a>(
    value: &'a str,
    layout: &Layout,
    forms: &[Form],
    offered: &mut Offered<'a>,
) -> Result<(), SignatureFault> {
    match layout {
        Layout::Single => offer(value, forms, offered),
        Layout::List { separator } => {
            value.split(*separator).map(str::trim).try_for_each(|one| offer(one, forms, offered))
        }
        Layout::Tagged { separator, mark } => {
            let untagged = |one: &'a str| one.rsplit(*mark).next().unwrap_or_default();
            let mut each = value.split(*separator).map(str::trim).map(untagged);
            each.try_for_each(|one| offer(one, forms, offered))
        }
        Layout::Pairs { separator, time_key, signature_keys } => {
            for pair in value.split(*separator).map(str::trim) {
                let Some((key, text)) = pair.split_once('=') else { continue };
                if time_key.as_deref() == Some(key) {
                    if offered.time.replace(text).is_some() {
                        return Err(SignatureFault::MalformedTime);
                    }
                } else if signature_keys.iter().any(|known| known == key) {
                    offer(text, forms, offered)?;
                }
            }
            Ok(())
        }
    }
}

/// Takes a signature if it is written in one of the forms. One that is not is passed over: while a
/// secret is rolled, the other one in the list is what counts.
fn offer(text: &str, forms: &[Form], offered: &mut Offered<'_>) -> Result<(), SignatureFault> {
    for form in forms {
        let Some(text) = strip(text, form) else { continue };
        let mut bytes = [0; TAG_BYTES_MAX];
        let len = form.encoding.decode(text.as_bytes(), &mut bytes);
        if len != Some(form.algorithm.tag_bytes()) {
            continue;
        }
        if offered.candidates.len() == CANDIDATES_MAX {
            return Err(malformed("it holds too many signatures"));
        }
        let len = form.algorithm.tag_bytes();
        offered.candidates.push(Candidate { algorithm: form.algorithm, bytes, len });
    }
    Ok(())
}

fn strip<'t>(text: &'t str, form: &Form) -> Option<&'t str> {
    match text.strip_prefix(form.prefix.as_ref()) {
        Some(rest) => Some(rest),
        None if form.prefix_optional => Some(text),
        None => None,
    }
}

/// A header that must be there once and hold something.
pub(crate) fn once<'a>(headers: &'a Fields, name: &str) -> Result<&'a str, SignatureFault> {
    match headers.once(name) {
        Ok("") => Err(malformed("a header that it signs is empty")),
        Ok(value) => Ok(value),
        Err(NotOnce::Missing) => Err(SignatureFault::Missing { header: name.into() }),
        Err(NotOnce::Doubled) => Err(SignatureFault::Doubled { header: name.into() }),
    }
}

/// The one of these headers that is there. Two names for one thing may both be there only if they
/// say the same.
pub(crate) fn one_of<'a, 'n>(
    headers: &'a Fields,
    names: impl IntoIterator<Item = &'n str> + Clone,
) -> Result<&'a str, SignatureFault> {
    let mut found: Option<&str> = None;
    for name in names.clone() {
        match once(headers, name) {
            Ok(value) if found.is_some_and(|other| other != value) => {
                return Err(SignatureFault::Doubled { header: name.into() });
            }
            Ok(value) => found = Some(value),
            Err(SignatureFault::Missing { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    found.ok_or_else(|| SignatureFault::Missing {
        header: names.into_iter().next().unwrap_or_default().into(),
    })
}

pub(crate) fn malformed(what: &str) -> SignatureFault {
    SignatureFault::Malformed { what: what.into() }
}
