//! The signature in another form, or in another header: hexadecimal for base64, with or without a
//! prefix, of another hash.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::fields::Fields;

use super::attempt::{Case, Otherwise, headers_of, with_forms};
use super::mistake::{Likely, Mistake};
use crate::signature::{Algorithm, Encoding, Form, GenericHmac, Layout};

/// The same header, another form.
pub(super) fn try_forms(case: &mut Case<'_>) {
    if let Some(generic) = case.generic() {
        let likely = of_forms(case, &generic, None);
        likely.into_iter().for_each(|likely| case.find(likely));
    } else {
        bare_tokens(case);
    }
}

/// Another header, in the scheme's form or in any.
pub(super) fn try_headers(case: &mut Case<'_>) {
    let read = headers_of(case.scheme);
    let Some(expected) = read.first().cloned() else { return };
    let others: Vec<(String, String)> = case
        .delivery
        .headers
        .iter()
        .filter(|(name, value)| !read.iter().any(|own| own == name) && value.len() >= 8)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, value) in others {
        let moved = with_header(case.delivery, &read, &expected, &value);
        let otherwise = Otherwise { delivery: Some(&moved), ..Otherwise::default() };
        let said =
            |more: &str| format!("the signature is in {name}; the scheme reads {expected}{more}");
        if case.holds(otherwise).is_some() {
            case.find(Likely::new(Mistake::WrongHeader, said("")));
            continue;
        }
        let Some(generic) = case.generic() else { continue };
        if let Some(form) = of_forms(case, &generic, Some(&moved)) {
            let detail = said(&format!("; and {}", form.detail));
            case.find(Likely::new(Mistake::WrongHeader, detail));
        }
    }
}

/// The form in which the signature holds, told by what is otherwise in it.
fn of_forms(
    case: &mut Case<'_>,
    generic: &GenericHmac,
    moved: Option<&Delivery>,
) -> Option<Likely> {
    let layouts = [generic.layout.clone(), Layout::Single];
    for layout in layouts {
        let generic = GenericHmac { layout, ..generic.clone() };
        for prefix in prefixes(&generic) {
            // All forms of one prefix at once; the one that holds is looked for only then.
            let all: Vec<Form> = every_form(prefix).collect();
            let scheme = with_forms(generic.clone(), all.clone());
            let otherwise =
                Otherwise { delivery: moved, scheme: Some(&scheme), ..Otherwise::default() };
            if case.holds(otherwise).is_none() {
                continue;
            }
            for form in all {
                let scheme = with_forms(generic.clone(), vec![form.clone()]);
                let otherwise =
                    Otherwise { delivery: moved, scheme: Some(&scheme), ..Otherwise::default() };
                if case.holds(otherwise).is_some() {
                    return Some(told(&generic.forms, &form));
                }
            }
        }
    }
    None
}

/// What is otherwise in a form than in those that the scheme reads.
fn told(expected: &[Form], found: &Form) -> Likely {
    let with = |same: &dyn Fn(&Form) -> bool| expected.iter().any(same);
    let names = |form: &Form| (form.algorithm.name(), encoding_name(form.encoding));
    let (algorithm, encoding) = names(found);
    let first = expected.first().map(names).unwrap_or_default();
    if !with(&|form| form.algorithm == found.algorithm) {
        let detail = format!("it is signed with HMAC-{algorithm}; the scheme reads {}", first.0);
        return Likely::new(Mistake::WrongAlgorithm, detail);
    }
    if !with(&|form| form.encoding == found.encoding) {
        let detail =
            format!("the signature is written in {encoding}; the scheme reads {}", first.1);
        return Likely::new(Mistake::Encoding, detail);
    }
    let quoted = |form: &Form| match form.prefix.as_ref() {
        "" => "nothing".to_owned(),
        prefix => format!("`{prefix}`"),
    };
    let wanted = expected.first().map(quoted).unwrap_or_default();
    let detail =
        format!("{} stands before the signature; the scheme reads {wanted}", quoted(found));
    Likely::new(Mistake::Prefix, detail)
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Hex => "hexadecimal",
        Encoding::Base64 => "base64",
        Encoding::Base64Url => "base64 for URLs",
    }
}

fn every_form(prefix: &str) -> impl Iterator<Item = Form> + use<'_> {
    let encodings = [Encoding::Hex, Encoding::Base64, Encoding::Base64Url];
    let all = Algorithm::ALL.into_iter().flat_map(move |algorithm| {
        encodings.into_iter().map(move |encoding| (algorithm, encoding))
    });
    all.map(move |(algorithm, encoding)| Form {
        prefix: prefix.to_owned().into(),
        prefix_optional: false,
        algorithm,
        encoding,
    })
}

fn prefixes(generic: &GenericHmac) -> Vec<&'static str> {
    const KNOWN: [&str; 9] =
        ["", "sha256=", "sha1=", "sha512=", "sha384=", "v0=", "v1=", "v1,", "HMAC "];
    // The scheme's own first: with it only encoding and algorithm are otherwise.
    let own = |prefix: &&str| generic.forms.iter().any(|form| form.prefix == **prefix);
    let (mut first, rest): (Vec<_>, Vec<_>) = KNOWN.into_iter().partition(own);
    first.extend(rest);
    first
}

/// A token with a word before it that the sender was not told to write, or without one that it was.
fn bare_tokens(case: &mut Case<'_>) {
    let read = headers_of(case.scheme);
    for name in &read {
        let Some(value) = case.delivery.headers.first(name).map(str::to_owned) else { continue };
        for word in ["Bearer ", "Basic ", "Token "] {
            let bare = value.strip_prefix(word).map(str::to_owned);
            let changed = bare.clone().unwrap_or_else(|| format!("{word}{value}"));
            let moved = with_header(case.delivery, &read, name, &changed);
            let otherwise = Otherwise { delivery: Some(&moved), ..Otherwise::default() };
            if case.holds(otherwise).is_some() {
                let word = word.trim_end();
                let detail = match bare {
                    Some(_) => {
                        format!("{name} says `{word}` before the token; the secret has none")
                    }
                    None => {
                        format!("the secret begins with `{word}`, and {name} has the token bare")
                    }
                };
                case.find(Likely::new(Mistake::Prefix, detail));
            }
        }
    }
}

/// The delivery with this header in place of all that the scheme reads.
fn with_header(delivery: &Delivery, read: &[String], name: &str, value: &str) -> Delivery {
    let headers = delivery.headers.iter().filter(|(name, _)| !read.iter().any(|own| own == name));
    let mut headers: Fields = headers.collect();
    headers.push(name, value);
    Delivery { headers, ..delivery.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_otherwise_in_a_form_is_told_by_its_name() {
        let expected = [Form::new("sha256=", Algorithm::Sha256, Encoding::Hex)];
        for (prefix, algorithm, encoding, mistake) in [
            ("sha256=", Algorithm::Sha256, Encoding::Base64, Mistake::Encoding),
            ("", Algorithm::Sha256, Encoding::Hex, Mistake::Prefix),
            ("sha1=", Algorithm::Sha1, Encoding::Hex, Mistake::WrongAlgorithm),
        ] {
            assert_eq!(told(&expected, &Form::new(prefix, algorithm, encoding)).mistake, mistake);
        }
    }

    #[test]
    fn a_scheme_is_still_a_scheme_with_every_form() {
        let scheme = with_forms(GenericHmac::default(), every_form("x").collect());
        let crate::signature::Scheme::Generic(generic) = scheme else { panic!("it is generic") };
        assert_eq!(generic.forms.len(), Algorithm::ALL.len() * 3);
    }
}
