//! Finds the values to mask in one pass over the text, and writes the text anew around them.

use std::ops::Range;

use sluicegate_plugin::json::{Error, Kind, Reader, Token, Value};

/// What to mask.
pub struct Rules {
    /// JSON Pointers (RFC 6901) as steps; the step `*` stands for any member or element.
    pub pointers: Vec<Vec<String>>,
    /// Names of members to mask wherever they are, in lower case.
    pub keys: Vec<String>,
    /// What stands in place of a masked value: JSON.
    pub mask: String,
}

impl Rules {
    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.keys.is_empty()
    }
}

/// The text with every matching value masked; `None` if there is none.
pub fn masked(text: &str, rules: &Rules) -> Result<Option<String>, Error> {
    let spans = spans(text, rules)?;
    if spans.is_empty() {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len() + spans.len() * rules.mask.len());
    let mut at = 0;
    for span in spans {
        out.push_str(&text[at..span.start]);
        out.push_str(&rules.mask);
        at = span.end;
    }
    out.push_str(&text[at..]);
    Ok(Some(out))
}

/// An open container: the pointers that lead into it, and how many elements it has had.
struct Open {
    pointers: Vec<usize>,
    elements: usize,
}

fn spans(text: &str, rules: &Rules) -> Result<Vec<Range<usize>>, Error> {
    let mut reader = Reader::new(text);
    let mut open: Vec<Open> = Vec::new();
    let mut key: Option<Range<usize>> = None;
    let mut spans = Vec::new();
    while let Some(token) = reader.token()? {
        match token.kind {
            Kind::Key => key = Some(token.span),
            Kind::ObjectEnd | Kind::ArrayEnd => drop(open.pop()),
            _ => {
                let name = key.take().and_then(|span| Value::new(&text[span]).as_str());
                let pointers = leading(&mut open, name.as_deref(), rules);
                let named = name.is_some_and(|name| {
                    rules.keys.iter().any(|key| key.eq_ignore_ascii_case(&name))
                });
                let depth = open.len();
                if named || pointers.iter().any(|at| rules.pointers[*at].len() == depth) {
                    spans.push(reader.skip(&token)?);
                } else if is_container(&token) {
                    open.push(Open { pointers, elements: 0 });
                }
            }
        }
    }
    Ok(spans)
}

/// The pointers that lead to the value that begins here.
fn leading(open: &mut [Open], name: Option<&str>, rules: &Rules) -> Vec<usize> {
    let depth = open.len();
    let Some(parent) = open.last_mut() else { return (0..rules.pointers.len()).collect() };
    let element = parent.elements;
    parent.elements += 1;
    let leads = |at: &&usize| match (rules.pointers[**at].get(depth - 1).map(String::as_str), name)
    {
        (Some("*"), _) => true,
        (Some(step), Some(name)) => step == name,
        (Some(step), None) => step.parse() == Ok(element),
        (None, _) => false,
    };
    parent.pointers.iter().filter(leads).copied().collect()
}

fn is_container(token: &Token) -> bool {
    matches!(token.kind, Kind::ObjectStart | Kind::ArrayStart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str, pointers: &[&str], keys: &[&str]) -> Option<String> {
        let rules = Rules {
            pointers: pointers
                .iter()
                .map(|pointer| pointer.split('/').skip(1).map(str::to_owned).collect())
                .collect(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            mask: "0".into(),
        };
        masked(text, &rules).unwrap()
    }

    #[test]
    fn pointers_find_members_elements_and_any() {
        let text = r#"{"a":[{"b":1},{"b":[2]}],"b":3}"#;
        assert_eq!(mask(text, &["/a/1/b"], &[]).unwrap(), r#"{"a":[{"b":1},{"b":0}],"b":3}"#);
        assert_eq!(mask(text, &["/a/*/b"], &[]).unwrap(), r#"{"a":[{"b":0},{"b":0}],"b":3}"#);
        assert_eq!(mask(text, &["/a", "/b"], &[]).unwrap(), r#"{"a":0,"b":0}"#);
        assert_eq!(mask(text, &[""], &[]).unwrap(), "0");
        assert_eq!(mask(text, &["/a/2", "/c", "/b/c"], &[]), None);
    }

    #[test]
    fn keys_are_found_at_any_depth_in_any_case_and_doubled() {
        let text = r#"{"Token":{"x":1},"n":[{"token":"t"}],"to\u006ben":2,"tokens":3}"#;
        let clean = r#"{"Token":0,"n":[{"token":0}],"to\u006ben":0,"tokens":3}"#;
        assert_eq!(mask(text, &[], &["token"]).unwrap(), clean);
    }

    #[test]
    fn every_other_byte_stays() {
        let text = " {\"é\" :\t1.50e0 , \"k\": [ ] }\r\n";
        assert_eq!(mask(text, &[], &["k"]).unwrap(), " {\"é\" :\t1.50e0 , \"k\": 0 }\r\n");
    }
}
