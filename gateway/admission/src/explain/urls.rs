//! The URL as the sender may have known it: of another scheme, host, port or path than the source's
//! `public_url`, as the proxies on the way tell it.

use sluicegate_core::delivery::Delivery;

use super::attempt::{Case, Otherwise};
use super::mistake::{Likely, Mistake};

pub(super) fn try_all(case: &mut Case<'_>) {
    let Some(public) = case.public_url.filter(|_| case.scheme.needs_public_url()) else { return };
    let known = Url::parse(public);
    let target = case.delivery.target.clone();
    for url in urls(&known, case.delivery) {
        // The query is in the URL now: none is taken from the request.
        let bare = target.split('?').next().unwrap_or_default().to_owned();
        let changed = Delivery { target: bare, ..case.delivery.clone() };
        let otherwise =
            Otherwise { delivery: Some(&changed), public_url: Some(&url), ..Otherwise::default() };
        if case.holds(otherwise).is_some() {
            let detail = format!(
                "the sender signs the URL {url}; public_url says {public}: set public_url to what \
                 the sender calls"
            );
            case.find(Likely::new(Mistake::ProxyUrl, detail));
            return;
        }
    }
}

/// A URL, taken apart as far as proxies change it.
struct Url {
    scheme: String,
    /// Without port.
    host: String,
    port: Option<String>,
    path: String,
    query: Option<String>,
}

impl Url {
    fn parse(text: &str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let (host, port) = host_and_port(authority);
        Self { scheme: scheme.into(), host, port, path: path.into(), query }
    }
}

fn host_and_port(authority: &str) -> (String, Option<String>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host.to_owned(), Some(port.to_owned()))
        }
        _ => (authority.to_owned(), None),
    }
}

fn urls(known: &Url, delivery: &Delivery) -> Vec<String> {
    let header = |name: &str| {
        let value = delivery.headers.first(name)?;
        // A chain of proxies writes a list; the first is whom the sender called.
        Some(value.split(',').next()?.trim().to_owned())
    };
    let mut schemes = vec![known.scheme.clone()];
    push(&mut schemes, header("x-forwarded-proto"));
    push(&mut schemes, Some("https".into()));
    push(&mut schemes, Some("http".into()));
    let (mut hosts, mut ports) = (vec![known.host.clone()], vec![known.port.clone(), None]);
    for name in ["x-forwarded-host", "x-original-host", "host"] {
        let Some((host, port)) = header(name).map(|value| host_and_port(&value)) else { continue };
        push(&mut hosts, Some(host));
        push(&mut ports, Some(port));
    }
    push(&mut ports, Some(header("x-forwarded-port")));
    let (path, query) = match delivery.target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (delivery.target.as_str(), None),
    };
    let mut paths = vec![known.path.clone()];
    push(&mut paths, Some(path.to_owned()));
    push(&mut paths, header("x-forwarded-prefix").map(|prefix| format!("{prefix}{path}")));
    for path in paths.clone() {
        let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        push(&mut paths, Some(other));
    }
    let mut queries = vec![known.query.clone().or_else(|| query.clone()), query, None];
    queries.dedup();
    let mut all = Vec::new();
    for scheme in &schemes {
        for host in &hosts {
            for port in ports_of(&ports, scheme) {
                for path in &paths {
                    for query in &queries {
                        let port = port.as_ref().map(|port| format!(":{port}")).unwrap_or_default();
                        let query =
                            query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
                        all.push(format!("{scheme}://{host}{port}{path}{query}"));
                    }
                }
            }
        }
    }
    all.truncate(URLS_MAX);
    all
}

/// The ports that are known, and the scheme's own said openly: Twilio signs either.
fn ports_of(known: &[Option<String>], scheme: &str) -> Vec<Option<String>> {
    let mut ports = known.to_vec();
    push(&mut ports, Some(Some(if scheme == "http" { "80" } else { "443" }.to_owned())));
    ports
}

fn push<T: PartialEq>(list: &mut Vec<T>, one: Option<T>) {
    list.extend(one.filter(|one| !list.contains(one)));
}

/// A stranger's headers must not make an explanation long.
const URLS_MAX: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::delivery::Transport;

    #[test]
    fn what_proxies_tell_is_tried() {
        let delivery = Delivery {
            source: "s".parse().unwrap(),
            method: "POST".into(),
            target: "/in?x=1".into(),
            headers: [("host", "10.0.0.1:8080"), ("x-forwarded-host", "a.example, b.example")]
                .into_iter()
                .collect(),
            body: bytes::Bytes::new(),
            peer: None,
            transport: Transport::default(),
        };
        let all = urls(&Url::parse("https://hooks.example/twilio"), &delivery);
        for url in [
            "https://hooks.example/twilio?x=1",
            "http://hooks.example/twilio?x=1",
            "https://hooks.example:443/twilio?x=1",
            "https://a.example/in?x=1",
            "http://10.0.0.1:8080/in/?x=1",
            "https://hooks.example/twilio",
            "https://hooks.example/twilio/",
        ] {
            assert!(all.iter().any(|one| one == url), "{url}");
        }
    }
}
