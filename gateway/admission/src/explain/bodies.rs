//! The body as it was signed, if something between the signing and here has changed it: written the
//! JSON anew, converted ends of lines, cut off or added what stands at the end.

use bytes::Bytes;
use sluicegate_core::delivery::Delivery;

use super::attempt::{Case, Otherwise};
use super::mistake::{Likely, Mistake};
use super::restyle;

pub(super) fn try_all(case: &mut Case<'_>) {
    for (what, body) in ends_of_lines(&case.delivery.body) {
        try_one(case, Mistake::LineEnds, &what, body);
        if !case.found.is_empty() {
            return;
        }
    }
    if case.delivery.body.len() > RESTYLED_BYTES_MAX {
        return;
    }
    for (what, body) in restyle::every_style(&case.delivery.body) {
        try_one(case, Mistake::Reserialised, &what, body);
        if !case.found.is_empty() {
            return;
        }
    }
}

fn try_one(case: &mut Case<'_>, mistake: Mistake, what: &str, body: Vec<u8>) {
    if body == case.delivery.body {
        return;
    }
    let changed = Delivery { body: Bytes::from(body), ..case.delivery.clone() };
    let otherwise = Otherwise { delivery: Some(&changed), ..Otherwise::default() };
    if case.holds(otherwise).is_some() {
        let detail = match mistake {
            Mistake::LineEnds => {
                format!("the body was signed {what}: something on the way changed it")
            }
            _ => format!(
                "the body was signed as {what}, and came otherwise: a proxy or the sender's own \
                 code wrote the JSON anew after signing; the raw bytes must be sent"
            ),
        };
        case.find(Likely::new(mistake, detail));
    }
}

fn ends_of_lines(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |what: &str, body: Vec<u8>| all.push((what.to_owned(), body));
    add("with CR LF at the end of lines, not LF", replaced(body, b"\n", b"\r\n"));
    add("with LF at the end of lines, not CR LF", replaced(body, b"\r\n", b"\n"));
    add("with CR LF at its end", [body, b"\r\n"].concat());
    add("with LF at its end", [body, b"\n"].concat());
    add("without the white space at its end", body.trim_ascii_end().to_vec());
    add("without the white space around it", body.trim_ascii().to_vec());
    if let Some(rest) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")) {
        add("without the end of its last line", rest.to_vec());
    }
    let mark: &[u8] = b"\xef\xbb\xbf";
    match body.strip_prefix(mark) {
        Some(rest) => add("without a byte order mark", rest.to_vec()),
        None => add("with a byte order mark", [mark, body].concat()),
    }
    add("as an empty body", Vec::new());
    all
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 16);
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                // What is CR LF already stays so.
                let already = to.ends_with(from) && out.ends_with(b"\r");
                out.extend_from_slice(if already { from } else { to });
                rest = after;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Larger bodies are not written anew: an explanation is not worth so much memory.
const RESTYLED_BYTES_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_are_converted_both_ways() {
        assert_eq!(replaced(b"a\nb\r\nc", b"\n", b"\r\n"), b"a\r\nb\r\nc");
        assert_eq!(replaced(b"a\nb\r\nc", b"\r\n", b"\n"), b"a\nb\nc");
        assert_eq!(replaced(b"", b"\n", b"\r\n"), b"");
    }
}
