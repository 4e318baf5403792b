//! Holds the double against the list that the gateway is held against too.

use std::fmt::Display;
use std::time::Duration;

use super::double::{self, Grant};
use super::{Error, delete, get, increment, set, set_if_absent};

#[test]
fn the_double_answers_as_the_gateway_does() {
    let mut steps = 0;
    let lines = include_str!("../../../state.cases").lines().enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let (question, wanted) = line.split_once(" => ").unwrap_or((line, ""));
        let words: Vec<&str> = question.split(' ').collect();
        let said = said(&words);
        let right = match (said.strip_prefix("some "), wanted.strip_prefix("some ")) {
            (Some(said), Some(wanted)) => said == hex(&bytes(wanted)),
            _ => said == wanted,
        };
        assert!(right, "line {}: {line}: {said}", at + 1);
        steps += usize::from(!wanted.is_empty());
    }
    assert!(steps > 100, "only {steps} steps were read");
}

#[test]
fn a_full_state_takes_no_new_key() {
    set("old", b"1", None).unwrap();
    double::fill();
    assert_eq!(set("old", b"2", None), Ok(()));
    assert_eq!(set("new", b"1", None), Err(Error::QuotaExceeded));
    assert_eq!(double::keys(), ["old"]);
    double::clear();
    assert_eq!(set("new", b"1", None), Ok(()));
}

/// Does one step; the answer, with a value in hexadecimal.
fn said(words: &[&str]) -> String {
    let number = |at: usize| words[at].parse::<usize>().unwrap();
    let key = || text(words[1]);
    let ttl = |at: usize| words.get(at).map(|ms| Duration::from_millis(ms.parse().unwrap()));
    match words[0] {
        "case" => double::clear(),
        "grant" => double::grant(Grant {
            keys_max: number(1),
            bytes_max: number(2),
            value_bytes_max: number(3),
        }),
        "pass" => double::pass(Duration::from_millis(words[1].parse().unwrap())),
        "get" => {
            let value = get(&key());
            let word = |value| match value {
                Some(value) => format!("some {}", hex(value)),
                None => "none".to_owned(),
            };
            return answer(value.as_ref().map(|value| word(value.as_deref())));
        }
        "set" => return answer(set(&key(), &bytes(words[2]), ttl(3)).as_ref().map(|()| "ok")),
        "set-if-absent" => {
            return answer(set_if_absent(&key(), &bytes(words[2]), ttl(3)).as_ref());
        }
        "delete" => return answer(delete(&key()).as_ref().map(|()| "ok")),
        "increment" => {
            return answer(increment(&key(), words[2].parse().unwrap(), ttl(3)).as_ref());
        }
        unknown => panic!("{unknown}"),
    }
    String::new()
}

fn answer(result: Result<impl Display, &Error>) -> String {
    match result {
        Ok(said) => said.to_string(),
        Err(Error::QuotaExceeded) => "quota-exceeded".to_owned(),
        Err(Error::TooLarge) => "too-large".to_owned(),
        Err(Error::Unavailable(why)) => format!("unavailable {why}"),
    }
}

fn text(word: &str) -> String {
    String::from_utf8(bytes(word)).unwrap()
}

/// The bytes that a word of the list stands for.
fn bytes(word: &str) -> Vec<u8> {
    if word == "\"\"" {
        return Vec::new();
    }
    if let Some(digits) = word.strip_prefix("0x") {
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        return pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    }
    match word.split_once('*') {
        Some((part, times)) => part.repeat(times.parse().unwrap()).into_bytes(),
        None => word.as_bytes().to_vec(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
