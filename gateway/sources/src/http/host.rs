//! What a `Host` may look like. Userinfo, a path, a list or nothing at all may not pass.

/// Whether this is a host name, an IPv4 address or an IPv6 address in brackets, with or without
/// a port (RFC 9110 section 7.2, without percent-encoding and sub-delimiters: no name in use has
/// them, and proxies differ about them).
pub(crate) fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let (address, after) = rest.split_at(end);
            let address = std::str::from_utf8(address).unwrap_or_default();
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (None, after.get(1..).unwrap_or_default())
        }
        None => {
            let colon = memchr::memchr(b':', host).unwrap_or(host.len());
            let (name, port) = host.split_at(colon);
            (Some(name), port)
        }
    };
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
    name.is_none_or(|name| !name.is_empty() && name.iter().all(in_name)) && is_port(port)
}

/// Nothing, or a colon and at most a port's digits.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_more_than_a_name_and_a_port_are_refused() {
        for good in ["a", "example.com", "a_b:80", "127.0.0.1:8080", "[::1]", "[::1]:1", "a:"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        let bad = [
            "", " ", "a b", "a/b", "u@a", "u:p@a", "a,b", "a:80:80", "a:x", "a:123456", "[::1",
            "[x]", "[::1]x", ":80", "a?b", "a#b", "é", "http://a",
        ];
        for bad in bad {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
