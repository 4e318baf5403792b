//! Every mistake that an explanation names, made with every preset that it can be made with.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::{
    Algorithm, Encoding, Form, GenericHmac, Key, Likely, Mistake, Preset, Scheme, Secret,
    SecretEncoding, preset,
};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::time::Timestamp;

mod sent;

use sent::{BODY, NOW, Sent, explain, hmacs, key, now, other_secret, secret_for, signs_a_form};

/// Makes a mistake with every preset that it can be made with, and wants it named; at least three.
fn each(mistake: Mistake, make: impl Fn(&'static Preset) -> Option<(Delivery, Vec<Key>)>) {
    each_of(mistake, 3, make);
}

fn each_of(
    mistake: Mistake,
    at_least: usize,
    make: impl Fn(&'static Preset) -> Option<(Delivery, Vec<Key>)>,
) {
    let mut named = BTreeSet::new();
    for preset in hmacs() {
        let Some((delivery, keys)) = make(preset) else { continue };
        let explained = explain(preset, keys, &delivery);
        assert!(explained.fault.is_some(), "{}: it is no mistake here", preset.name);
        let found: Vec<_> = explained.likely.iter().map(|likely| likely.mistake).collect();
        assert_eq!(found, [mistake], "{}: {:?}", preset.name, explained.likely);
        for Likely { detail, .. } in &explained.likely {
            let shown = [secret_for(preset.secret), other_secret(preset)];
            assert!(shown.iter().all(|secret| !detail.contains(secret)), "{detail}");
        }
        named.insert(preset.name);
    }
    assert!(named.len() >= at_least, "{mistake:?} was made with {named:?} only");
}

/// The scheme of a preset with its forms changed.
fn reformed(preset: &Preset, change: impl Fn(&mut Form)) -> Scheme {
    let mut forms: Vec<Form> = preset.forms.iter().take(1).cloned().collect();
    forms.iter_mut().for_each(change);
    Scheme::Generic(Box::new(GenericHmac { forms, ..preset.generic() }))
}

#[test]
fn what_is_right_has_no_mistakes() {
    for preset in hmacs() {
        let Some(delivery) = Sent::right(preset).delivery() else { continue };
        let explained = explain(preset, now(preset), &delivery);
        assert_eq!((explained.fault, explained.likely), (None, vec![]), "{}", preset.name);
        assert_eq!(explained.key.unwrap().as_str(), "now");
    }
}

#[test]
fn a_secret_that_nobody_here_knows_is_explained_by_no_mistake() {
    for preset in hmacs() {
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let secret =
            if preset.secret == &SecretEncoding::Hex { "00112233445566778899" } else { secret };
        let sent = Sent { key: key("now", secret), ..Sent::right(preset) };
        let Some(delivery) = sent.delivery() else { continue };
        let explained = explain(preset, now(preset), &delivery);
        assert!(explained.fault.is_some() && explained.tried > 10, "{}", preset.name);
        assert_eq!(explained.likely, [], "{}", preset.name);
    }
}

#[test]
fn the_other_encoding_of_a_signature_is_named() {
    each(Mistake::Encoding, |preset| {
        let scheme = reformed(preset, |form| {
            form.encoding = match form.encoding {
                Encoding::Hex => Encoding::Base64,
                Encoding::Base64 | Encoding::Base64Url => Encoding::Hex,
            };
        });
        Some((Sent { scheme, ..Sent::right(preset) }.delivery()?, now(preset)))
    });
}

#[test]
fn a_prefix_that_is_missing_or_kept_is_named() {
    each(Mistake::Prefix, |preset| {
        let form = preset.forms.first()?;
        if form.prefix_optional || (form.prefix.is_empty() && preset.forms.len() > 1) {
            return None;
        }
        let scheme = reformed(preset, |form| {
            form.prefix = if form.prefix.is_empty() { "sha256=".into() } else { "".into() };
        });
        Some((Sent { scheme, ..Sent::right(preset) }.delivery()?, now(preset)))
    });
}

#[test]
fn another_hash_under_the_signature_is_named() {
    each(Mistake::WrongAlgorithm, |preset| {
        let other = Algorithm::ALL
            .into_iter()
            .find(|algorithm| preset.forms.iter().all(|form| form.algorithm != *algorithm))?;
        let scheme = reformed(preset, |form| form.algorithm = other);
        Some((Sent { scheme, ..Sent::right(preset) }.delivery()?, now(preset)))
    });
}

#[test]
fn json_that_was_written_anew_is_named() {
    let python = BODY.replace(":", ": ").replace(",\"", ", \"").replace('é', "\\u00e9");
    let pretty = "{\n  \"type\": \"t\",\n  \"id\": \"1\",\n  \"webhookTimestamp\": 1700000000000,\n  \
                  \"n\": \"é/\"\n}";
    let php = BODY.replace('/', "\\/");
    for (signed, came) in [
        (BODY, python.as_str()),
        (python.as_str(), BODY),
        (pretty, BODY),
        (BODY, pretty),
        (php.as_str(), BODY),
    ] {
        each(Mistake::Reserialised, |preset| {
            let (signed, came) = (signed.to_owned(), came.to_owned());
            let delivery = Sent { signed, came, ..Sent::right(preset) }.delivery()?;
            preset.template.contains("{body}").then(|| (delivery, now(preset)))
        });
    }
}

#[test]
fn ends_of_lines_that_were_converted_or_cut_are_named() {
    let lines = format!("{BODY}\n{BODY}\n");
    let crlf = lines.replace('\n', "\r\n");
    let cut = format!("{BODY}\r\n");
    for (signed, came) in
        [(&crlf, lines.as_str()), (&lines, crlf.as_str()), (&cut, BODY), (&BODY.to_owned(), &cut)]
    {
        each(Mistake::LineEnds, |preset| {
            // What is two documents has no time in it, and is no form.
            if signs_a_form(preset) {
                return None;
            }
            if preset
                .time
                .is_some_and(|rule| matches!(rule.from, sluicegate_admission::TimeFrom::Pointer(_)))
            {
                return None;
            }
            let (signed, came) = (signed.clone(), came.to_owned());
            Some((Sent { signed, came, ..Sent::right(preset) }.delivery()?, now(preset)))
        });
    }
}

#[test]
fn a_url_that_a_proxy_changed_is_named() {
    let signs_url = hmacs().filter(|preset| preset.needs_public_url()).count();
    for url in [
        "http://hooks.example/in",
        "https://hooks.example:443/in",
        "https://hooks.example/in/",
        "http://hooks.example:80/in",
    ] {
        each_of(Mistake::ProxyUrl, signs_url.min(3), |preset| {
            let delivery = Sent { url, ..Sent::right(preset) }.delivery()?;
            // Where the provider signs with the port or without it, that is no mistake.
            if preset.any_port && url.contains(":443") {
                return None;
            }
            preset.needs_public_url().then(|| (delivery, now(preset)))
        });
    }
}

#[test]
fn clocks_that_are_apart_are_named_with_the_amount() {
    for (at, said) in [(-7200_i64, "2h"), (86_400, "1d")] {
        each(Mistake::ClockSkew, |preset| {
            let from_body = preset
                .time
                .is_none_or(|rule| matches!(rule.from, sluicegate_admission::TimeFrom::Pointer(_)));
            if from_body {
                return None;
            }
            let unix_s = NOW.unix_ms() / 1000;
            let at = Timestamp::from_unix_ms(unix_s.saturating_add_signed(at) * 1000);
            let delivery = Sent { at, ..Sent::right(preset) }.delivery()?;
            let explained = explain(preset, now(preset), &delivery);
            assert!(explained.likely[0].detail.contains(said), "{:?}", explained.likely);
            Some((delivery, now(preset)))
        });
    }
}

#[test]
fn a_signature_in_another_header_is_named() {
    each(Mistake::WrongHeader, |preset| {
        let mut delivery = Sent::right(preset).delivery()?;
        let name = *preset.headers.iter().find(|name| delivery.headers.first(name).is_some())?;
        let value = delivery.headers.first(name)?.to_owned();
        delivery.headers.remove(name);
        delivery.headers.push("x-other-signature", &value);
        Some((delivery, now(preset)))
    });
}

#[test]
fn the_secret_of_another_source_is_named() {
    each(Mistake::OtherSource, |preset| {
        let key = key("theirs", other_secret(preset));
        Some((Sent { key, ..Sent::right(preset) }.delivery()?, now(preset)))
    });
}

#[test]
fn a_key_outside_its_window_is_named() {
    each(Mistake::KeyWindow, |preset| {
        let mut old = key("old", secret_for(preset.secret));
        let sent = Sent { key: old.clone(), ..Sent::right(preset) };
        old.not_after = Some(NOW);
        let fresh = key("fresh", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let keys = if preset.secret == &SecretEncoding::Hex { vec![old] } else { vec![old, fresh] };
        Some((sent.delivery()?, keys))
    });
}

#[test]
fn a_secret_that_is_used_in_another_form_is_named() {
    let with = |preset: &'static Preset, secret: &[u8], encoding: SecretEncoding| {
        let scheme =
            Scheme::Generic(Box::new(GenericHmac { secret: encoding, ..preset.generic() }));
        let key = Key::new("now".parse().unwrap(), Secret::new(secret));
        Sent { scheme, key, ..Sent::right(preset) }.delivery()
    };
    let plain = |preset: &Preset| preset.secret == &SecretEncoding::Utf8;
    // Decoded, though it is meant as it stands.
    each(Mistake::SecretForm, |preset| {
        let secret = secret_for(preset.secret).as_bytes();
        let delivery = with(preset, secret, SecretEncoding::Hex)?;
        plain(preset).then(|| (delivery, now(preset)))
    });
    // With the newline of its file.
    each(Mistake::SecretForm, |preset| {
        let secret = format!("{}\n", secret_for(preset.secret));
        let delivery = with(preset, secret.as_bytes(), SecretEncoding::Utf8)?;
        plain(preset).then(|| (delivery, now(preset)))
    });
    // As it stands, prefix and all, though it is meant decoded.
    each_of(Mistake::SecretForm, 1, |preset| {
        let secret = secret_for(preset.secret).as_bytes();
        let delivery = with(preset, secret, SecretEncoding::Utf8)?;
        (!plain(preset)).then(|| (delivery, now(preset)))
    });
}

#[test]
fn a_sender_that_does_not_sign_is_named_and_so_is_a_doubled_header() {
    each(Mistake::Unsigned, |preset| {
        let mut delivery = Sent::right(preset).delivery()?;
        preset.headers.iter().for_each(|name| delivery.headers.remove(name));
        Some((delivery, now(preset)))
    });
    each(Mistake::DoubledHeader, |preset| {
        let mut delivery = Sent::right(preset).delivery()?;
        let name = *preset.headers.iter().find(|name| delivery.headers.first(name).is_some())?;
        let value = delivery.headers.first(name)?.to_owned();
        delivery.headers.push(name, &value);
        Some((delivery, now(preset)))
    });
}

#[test]
fn a_delivery_of_another_provider_is_named() {
    let at = |name: &str| preset::ALL.iter().find(|preset| preset.name == name).unwrap();
    for (configured, sends) in [("github", "slack"), ("stripe", "shopify"), ("slack", "stripe")] {
        let (configured, sends) = (at(configured), at(sends));
        let delivery = Sent::right(sends).delivery().unwrap();
        let explained = explain(configured, now(sends), &delivery);
        assert_eq!(explained.likely.len(), 1, "{:?}", explained.likely);
        let Likely { mistake, detail } = &explained.likely[0];
        // Where the body alone is signed, the header is all that differs.
        assert!(matches!(mistake, Mistake::WrongScheme | Mistake::WrongHeader), "{detail}");
    }
}

#[test]
fn a_hostile_delivery_is_explained_in_bounded_time() {
    let preset = hmacs().find(|preset| preset.name == "github").unwrap();
    let many: Vec<_> =
        (0..90).map(|n| (format!("x-{n}"), format!("sha256={}", "a".repeat(64)))).collect();
    let delivery = Delivery {
        source: "in".parse().unwrap(),
        method: "POST".into(),
        target: format!("/{}", "?a".repeat(1000)),
        headers: many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        body: Bytes::from("[".repeat(100_000)),
        peer: None,
        transport: Transport::default(),
    };
    let began = std::time::Instant::now();
    let explained = explain(preset, now(preset), &delivery);
    assert!(explained.tried < 20_000, "{}", explained.tried);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
