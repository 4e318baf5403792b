//! One line of a selection: a field, its modifiers, and the values that it is compared with.
//! Modifiers that are not known are refused by name.

use std::net::IpAddr;

use regex_lite::{Regex, RegexBuilder};
use sluicegate_plugin::json::Value;

use crate::facts::{Fact, Facts, Fields};
use crate::glob::{Glob, Where};

/// A field and what must be of it.
pub struct Test {
    place: usize,
    wanted: Vec<Wanted>,
    /// All of `wanted` must be, not one.
    is_all: bool,
}

/// What is looked for anywhere in an event.
pub struct Keyword(Glob);

/// What a value is compared with.
enum Wanted {
    Text(Glob),
    Pattern(Regex),
    Network(IpAddr, u8),
    Number(Order, f64),
    /// The value of another field, in any case.
    Field(usize),
    /// `null`: the field is not there, or is `null`.
    Nothing,
    /// The field is there, or is not.
    Exists(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What the modifiers say.
struct Modifiers {
    place: Where,
    kind: Kind,
    is_all: bool,
    is_cased: bool,
    flags: Vec<char>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Pattern,
    Network,
    Number(Order),
    Field,
    Exists,
}

impl Test {
    /// Reads `field|modifier|modifier` and its values.
    pub fn read(key: &str, value: Value<'_>, fields: &mut Fields) -> Result<Self, String> {
        let mut words = key.split('|');
        let name = words.next().filter(|name| !name.is_empty()).ok_or("it names no field")?;
        let modifiers = Modifiers::read(words)?;
        let mut values = Vec::new();
        if value.raw().starts_with('[') {
            value.elements(|element| values.push(element)).map_err(|error| error.to_string())?;
        } else {
            values.push(value);
        }
        if values.is_empty() {
            return Err("it has no value".into());
        }
        let place = fields.place(name);
        let wanted = values.into_iter().map(|value| modifiers.wanted(value, fields));
        Ok(Self { place, wanted: wanted.collect::<Result<_, _>>()?, is_all: modifiers.is_all })
    }

    /// Whether an event is so.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let values = facts.values(self.place);
        let is = |wanted: &Wanted| wanted.is_one_of(values, facts);
        if self.is_all { self.wanted.iter().all(is) } else { self.wanted.iter().any(is) }
    }
}

impl Keyword {
    /// Reads a keyword.
    pub fn read(value: Value<'_>) -> Result<Self, String> {
        Ok(Self(Glob::read(&scalar(value)?, Where::Anywhere, false)))
    }

    /// Whether it stands anywhere in an event.
    pub fn is_in(&self, facts: &Facts<'_>) -> bool {
        facts.everything.iter().any(|value| self.0.matches(value))
    }
}

impl Modifiers {
    fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (mut place, mut kind) = (Where::Whole, Kind::Text);
        let (mut is_all, mut is_cased, mut flags) = (false, false, Vec::new());
        for word in words {
            match word {
                "contains" => place = Where::Anywhere,
                "startswith" => place = Where::Start,
                "endswith" => place = Where::End,
                "all" => is_all = true,
                "cased" => is_cased = true,
                "re" => kind = Kind::Pattern,
                "i" | "m" | "s" if matches!(kind, Kind::Pattern) => flags.extend(word.chars()),
                "cidr" => kind = Kind::Network,
                "lt" => kind = Kind::Number(Order::Less),
                "lte" => kind = Kind::Number(Order::LessOrEqual),
                "gt" => kind = Kind::Number(Order::Greater),
                "gte" => kind = Kind::Number(Order::GreaterOrEqual),
                "fieldref" => kind = Kind::Field,
                "exists" => kind = Kind::Exists,
                _ => return Err(format!("the modifier {word:?} is not supported")),
            }
        }
        if place != Where::Whole && !matches!(kind, Kind::Text) {
            return Err("contains, startswith and endswith go with texts alone".into());
        }
        Ok(Self { place, kind, is_all, is_cased, flags })
    }

    fn wanted(&self, value: Value<'_>, fields: &mut Fields) -> Result<Wanted, String> {
        if value.is_null() && matches!(self.kind, Kind::Text) {
            return Ok(Wanted::Nothing);
        }
        let text = scalar(value)?;
        Ok(match self.kind {
            Kind::Text => Wanted::Text(Glob::read(&text, self.place, self.is_cased)),
            Kind::Pattern => {
                let pattern = RegexBuilder::new(&text)
                    .case_insensitive(self.flags.contains(&'i'))
                    .multi_line(self.flags.contains(&'m'))
                    .dot_matches_new_line(self.flags.contains(&'s'))
                    .build();
                Wanted::Pattern(pattern.map_err(|error| format!("{text:?}: {error}"))?)
            }
            Kind::Network => network(&text).ok_or(format!("{text:?} is no network"))?,
            Kind::Number(order) => {
                let number = text.parse().map_err(|_| format!("{text:?} is no number"))?;
                Wanted::Number(order, number)
            }
            Kind::Field => Wanted::Field(fields.place(&text)),
            Kind::Exists => match text.as_str() {
                "true" => Wanted::Exists(true),
                "false" => Wanted::Exists(false),
                _ => return Err("exists is true or false".into()),
            },
        })
    }
}

impl Wanted {
    fn is_one_of(&self, values: &[Fact<'_>], facts: &Facts<'_>) -> bool {
        match self {
            Self::Nothing => values.iter().all(|value| *value == Fact::Null),
            Self::Exists(wanted) => values.is_empty() != *wanted,
            _ => values.iter().any(|value| match value {
                Fact::Text(text) => self.is(text, facts),
                Fact::Null => false,
            }),
        }
    }

    fn is(&self, text: &str, facts: &Facts<'_>) -> bool {
        match self {
            Self::Text(glob) => glob.matches(text),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Network(network, bits) => {
                text.parse().is_ok_and(|address| contains(*network, *bits, address))
            }
            Self::Number(order, number) => {
                text.parse().is_ok_and(|found: f64| order.holds(found, *number))
            }
            Self::Field(place) => facts.values(*place).iter().any(|other| match other {
                Fact::Text(other) => text.to_lowercase() == other.to_lowercase(),
                Fact::Null => false,
            }),
            Self::Nothing | Self::Exists(_) => false,
        }
    }
}

impl Order {
    fn holds(self, found: f64, wanted: f64) -> bool {
        match self {
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
        }
    }
}

/// A text, number or word as text: `4625` and `"4625"` are the same to Sigma.
fn scalar(value: Value<'_>) -> Result<String, String> {
    match value.as_str() {
        Some(text) => Ok(text.into_owned()),
        None if value.raw().starts_with(['{', '[']) => Err("a value is a text or a number".into()),
        None if value.is_null() => Err("null goes alone".into()),
        None => Ok(value.raw().to_owned()),
    }
}

fn network(text: &str) -> Option<Wanted> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let bits = if bits.is_empty() { widest } else { bits.parse().ok()? };
    (bits <= widest).then_some(Wanted::Network(address, bits))
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    // The high bits of both; a shift by all bits would be none.
    let head = |value: u128, widest: u8| value.checked_shr(u32::from(widest - bits)).unwrap_or(0);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let of = |address: std::net::Ipv4Addr| head(u128::from(address.to_bits()), 32);
            of(network) == of(address)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            head(network.to_bits(), 128) == head(address.to_bits(), 128)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_plugin::Event;

    fn matches(key: &str, value: &str, payload: &str) -> bool {
        let mut fields = Fields::default();
        let test = Test::read(key, Value::new(value), &mut fields);
        let test = test.unwrap_or_else(|why| panic!("{key}: {why}"));
        let event = Event::builder("x").text(payload).build();
        test.matches(&Facts::of(&event, &fields).unwrap())
    }

    #[test]
    fn every_modifier_does_what_it_says() {
        for (key, value, payload, wanted) in [
            ("a", "4625", r#"{"a":"4625"}"#, true),
            ("a", r#""4625""#, r#"{"a":4625}"#, true),
            ("a", "true", r#"{"a":true}"#, true),
            ("a", r#"["x","y"]"#, r#"{"a":["z","Y"]}"#, true),
            ("a|contains", r#""bc""#, r#"{"a":"aBCd"}"#, true),
            ("a|contains|all", r#"["b","x"]"#, r#"{"a":"abc"}"#, false),
            ("a|contains|all", r#"["b","c"]"#, r#"{"a":"abc"}"#, true),
            ("a|startswith", r#""ab""#, r#"{"a":"abc"}"#, true),
            ("a|endswith", r#""ab""#, r#"{"a":"abc"}"#, false),
            ("a|contains|cased", r#""B""#, r#"{"a":"abc"}"#, false),
            ("a|re", r#""^a.c$""#, r#"{"a":"abc"}"#, true),
            ("a|re", r#""^A""#, r#"{"a":"abc"}"#, false),
            ("a|re|i", r#""^A""#, r#"{"a":"abc"}"#, true),
            ("a|re|s", r#""a.c""#, r#"{"a":"a\nc"}"#, true),
            ("a|cidr", r#""10.0.0.0/8""#, r#"{"a":"10.9.8.7"}"#, true),
            ("a|cidr", r#""10.0.0.0/8""#, r#"{"a":"11.0.0.0"}"#, false),
            ("a|cidr", r#""0.0.0.0/0""#, r#"{"a":"1.2.3.4"}"#, true),
            ("a|cidr", r#""fe80::/10""#, r#"{"a":"fe80::1"}"#, true),
            ("a|cidr", r#""::/0""#, r#"{"a":"1.2.3.4"}"#, false),
            ("a|cidr", r#"["192.168.0.0/16","10.0.0.0/8"]"#, r#"{"a":"10.0.0.1"}"#, true),
            ("a|lt", "5", r#"{"a":4.9}"#, true),
            ("a|lte", "5", r#"{"a":"5"}"#, true),
            ("a|gt", "5", r#"{"a":5}"#, false),
            ("a|gte", "5", r#"{"a":"x"}"#, false),
            ("a|fieldref", r#""b""#, r#"{"a":"X","b":"x"}"#, true),
            ("a|fieldref", r#""b""#, r#"{"a":"X"}"#, false),
            ("a|exists", "true", r#"{"a":null}"#, true),
            ("a|exists", "false", r#"{"b":1}"#, true),
            ("a", "null", r#"{"a":null}"#, true),
            ("a", "null", r#"{"b":1}"#, true),
            ("a", "null", r#"{"a":""}"#, false),
            ("a", r#""""#, r#"{"a":""}"#, true),
        ] {
            assert_eq!(matches(key, value, payload), wanted, "{key}: {value} of {payload}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (key, value, named) in [
            ("a|base64", r#""x""#, "base64"),
            ("a|re", r#""(""#, "("),
            ("a|re", r#""(?=x)""#, "?="),
            ("a|cidr", r#""10.0.0.0/33""#, "network"),
            ("a|lt", r#""x""#, "number"),
            ("a|exists", "1", "exists"),
            ("a|contains|re", r#""x""#, "contains"),
            ("a|i", r#""x""#, "i"),
            ("a", "{}", "value"),
            ("a", "[]", "value"),
            ("|contains", "1", "field"),
        ] {
            let Err(why) = Test::read(key, Value::new(value), &mut Fields::default()) else {
                panic!("{key} was taken")
            };
            assert!(why.contains(named), "{key}: {why}");
        }
    }
}
