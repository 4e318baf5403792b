//! A command line of curl as a delivery: what people have at hand when a webhook does not come in.
//!
//! Known are `-X`, `-H`, `-d` with its kin, `-u` and the URL, as browsers and providers write them;
//! what is not known is told, not guessed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The delivery of a command line; files of it are read from `folder`.
pub(super) fn delivery(line: &str, folder: &Path) -> Result<Value, String> {
    let words = words(line)?;
    let mut words = words.into_iter();
    match words.next().as_deref() {
        Some("curl") => {}
        _ => return Err("a command line of curl begins with `curl`".to_owned()),
    }
    let (mut method, mut url, mut body) = (None, None, None::<Vec<u8>>);
    let mut headers: Vec<(String, String)> = Vec::new();
    while let Some(word) = words.next() {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => (word.clone(), None),
        };
        let mut value = || {
            joined.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "-X" | "--request" => method = Some(value()?),
            "-H" | "--header" => {
                let header = value()?;
                let (name, text) = header.split_once(':').unwrap_or((&header, ""));
                headers.push((name.trim().to_owned(), text.trim().to_owned()));
            }
            "-d" | "--data" | "--data-ascii" | "--data-raw" | "--data-binary" | "--json" => {
                let said = value()?;
                let more = match said.strip_prefix('@').filter(|_| name != "--data-raw") {
                    Some(file) => read(&folder.join(file), name == "--data-binary")?,
                    None => said.into_bytes(),
                };
                body = Some(match body {
                    Some(before) => [before.as_slice(), b"&", &more].concat(),
                    None => more,
                });
                if name == "--json" {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
            }
            "-u" | "--user" => {
                let basic = STANDARD.encode(value()?);
                headers.push(("authorization".to_owned(), format!("Basic {basic}")));
            }
            "--url" => url = Some(value()?),
            "-A" | "--user-agent" => headers.push(("user-agent".to_owned(), value()?)),
            "-b" | "--cookie" => headers.push(("cookie".to_owned(), value()?)),
            "-s" | "-S" | "-sS" | "-i" | "-v" | "-k" | "-L" | "--silent" | "--compressed"
            | "--insecure" | "--location" | "--verbose" | "--include" => {}
            other if other.starts_with('-') => {
                return Err(format!("{other} of curl is not known here"));
            }
            _ => url = Some(word),
        }
    }
    let url = url.ok_or("a command line of curl has a URL")?;
    let (host, target) = host_and_target(&url);
    let has = |name: &str| headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let form = body.is_some() && !has("content-type");
    if !has("host") {
        headers.push(("host".to_owned(), host));
    }
    if form {
        let content_type = "application/x-www-form-urlencoded".to_owned();
        headers.push(("content-type".to_owned(), content_type));
    }
    let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    let body = STANDARD.encode(body.unwrap_or_default());
    Ok(json!({ "method": method, "target": target, "headers": headers, "body_base64": body }))
}

/// A file as curl sends it: `-d` takes the ends of lines away.
fn read(file: &Path, whole: bool) -> Result<Vec<u8>, String> {
    let bytes =
        std::fs::read(file).map_err(|fault| format!("cannot read {}: {fault}", file.display()))?;
    let keep = |byte: &u8| whole || !matches!(byte, b'\r' | b'\n');
    Ok(bytes.into_iter().filter(keep).collect())
}

fn host_and_target(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let target = target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    (host.to_owned(), format!("{slash}{target}"))
}

/// The words of a shell command: quotes, `$'...'`, and lines that go on after a backslash.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let text = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(letter) => text.push(letter),
                        None => return Err("a ' is not closed".to_owned()),
                    }
                }
            }
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                dollar(&mut letters, word.get_or_insert_default())?;
            }
            '"' => {
                let text = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => match letters.next() {
                            Some('\n') => {}
                            Some(one @ ('"' | '\\' | '$' | '`')) => text.push(one),
                            Some(other) => text.extend(['\\', other]),
                            None => return Err("a \" is not closed".to_owned()),
                        },
                        Some(letter) => text.push(letter),
                        None => return Err("a \" is not closed".to_owned()),
                    }
                }
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some('\r') if letters.peek() == Some(&'\n') => {
                    letters.next();
                }
                Some(letter) => word.get_or_insert_default().push(letter),
            },
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The inside of `$'...'`, with its escapes.
fn dollar(letters: &mut impl Iterator<Item = char>, text: &mut String) -> Result<(), String> {
    loop {
        match letters.next() {
            Some('\'') => return Ok(()),
            Some('\\') => match letters.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    text.push(code.ok_or_else(|| format!("\\u{digits} is no character"))?);
                }
                Some(other) => text.push(other),
                None => return Err("a $' is not closed".to_owned()),
            },
            Some(letter) => text.push(letter),
            None => return Err("a $' is not closed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_line(line: &str) -> Value {
        delivery(line, Path::new(".")).unwrap()
    }

    #[test]
    fn what_browsers_and_providers_write_is_read() {
        let line = "curl -sS 'https://hooks.example/in?x=1#y' \\\n  \
                    -H 'X-Hub-Signature-256: sha256=ab' \
                    --data-raw $'{\"a\":\\'1\\'\\n}' --compressed";
        let read = read_line(line);
        assert_eq!((&read["method"], &read["target"]), (&json!("POST"), &json!("/in?x=1")));
        assert_eq!(read["headers"][0], json!(["X-Hub-Signature-256", "sha256=ab"]));
        assert_eq!(read["headers"][1], json!(["host", "hooks.example"]));
        let body = STANDARD.decode(read["body_base64"].as_str().unwrap()).unwrap();
        assert_eq!(body, b"{\"a\":'1'\n}");
        let read = read_line("curl -d a=1 -d b=2 --url localhost:8080");
        assert_eq!(
            (&read["target"], &read["headers"][0]),
            (&json!("/"), &json!(["host", "localhost:8080"]))
        );
        assert_eq!(read["body_base64"], json!(STANDARD.encode("a=1&b=2")));
        assert_eq!(read_line("curl --request=PUT x")["method"], "PUT");
    }

    #[test]
    fn what_is_not_known_is_told() {
        for bad in ["", "wget x", "curl", "curl --form a=b x", "curl 'x", "curl -H"] {
            assert!(delivery(bad, Path::new(".")).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise: String) {
            let _ = words(&noise);
        }

        #[test]
        fn what_is_quoted_is_read_as_it_was(text: String) {
            let quoted = text.replace('\'', "'\\''");
            prop_assert_eq!(words(&format!("a '{quoted}' b")).unwrap(), ["a", &text, "b"]);
        }
    }
}
