//! Gates that would not protect their source: refused when they are built, with every fault.

#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use sluicegate_admission::{Admission, Gate, GateProblem, GenericHmac, Key, Registry, Scheme};

fn key(id: &str, secret: &str) -> Key {
    Key::new(id.parse().unwrap(), secret.into())
}

fn gate(scheme: Scheme, keys: Vec<Key>) -> Gate {
    let url = Some("https://hooks.example/in?x=1".to_owned());
    Gate { public_url: url, ..Gate::new("in".parse().unwrap(), scheme, keys) }
}

#[test]
fn gates_that_would_not_protect_are_refused_with_every_fault() {
    let generic = |change: fn(&mut GenericHmac)| {
        let mut generic = GenericHmac::default();
        change(&mut generic);
        Scheme::Generic(Box::new(generic))
    };
    let good = || vec![key("k", "long enough secret")];
    let preset = |name: &str| Scheme::preset(name).unwrap();
    let unlocated = |url: Option<&str>| Gate {
        public_url: url.map(Into::into),
        ..gate(preset("square"), good())
    };
    for (gate, told) in [
        (gate(preset("github"), vec![]), "at least one key"),
        (gate(Scheme::None, good()), "verifies nothing"),
        (gate(preset("github"), vec![key("k", "")]), "key k: secret is empty"),
        (gate(preset("gitlab"), vec![key("k", "short")]), "key k: secret has 5 bytes"),
        (gate(preset("standard-webhooks"), vec![key("k", "whsec_!!")]), "not base64"),
        (gate(preset("standard-webhooks"), vec![key("k", "whpk_AAAA")]), "public key"),
        (gate(preset("github"), [good(), good()].concat()), "key k is there twice"),
        (unlocated(None), "public_url is not set"),
        (unlocated(Some("ftp://x")), "must start with"),
        (gate(generic(|g| g.template = "{id}{body}".into()), good()), "signs the id"),
        (gate(generic(|g| g.template = "{timestamp}{body}".into()), good()), "the timestamp"),
        (gate(generic(|g| g.template = "{timestamp}".into()), good()), "{body} is missing"),
        (gate(generic(|g| g.headers.clear()), good()), "no header"),
        (gate(generic(|g| g.forms.clear()), good()), "no form"),
    ] {
        let faults = Admission::build(vec![gate], Registry::empty()).map(|_| ()).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|fault| fault.contains(told)), "{told}: {faults:?}");
    }
    let twice = vec![gate(Scheme::None, vec![]), gate(Scheme::None, vec![])];
    let faults = Admission::build(twice, Registry::empty()).map(|_| ()).unwrap_err();
    assert_eq!(faults[0].problem, GateProblem::DoubledSource);
}
