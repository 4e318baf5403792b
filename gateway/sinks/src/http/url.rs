//! Reads the URL of a sink, and refuses one that leads where no event must go.

use hyper::Uri;

use super::config::AllowPrivate;
use super::fault::SinkFault;

/// The URL, if the sink may post to it. A name is looked up, and judged, at each connection.
pub(crate) fn read_url(text: &str, allow: &AllowPrivate) -> Result<Uri, SinkFault> {
    let url: Uri = text.parse().map_err(|_| SinkFault::UrlMalformed)?;
    let port_default = match url.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) => return Err(SinkFault::UrlScheme),
        None => return Err(SinkFault::UrlMalformed),
    };
    let authority = url.authority().ok_or(SinkFault::UrlMalformed)?;
    if authority.as_str().contains('@') {
        return Err(SinkFault::UrlUser);
    }
    let host = authority.host();
    if host.is_empty() {
        return Err(SinkFault::UrlMalformed);
    }
    let port = authority.port_u16().unwrap_or(port_default);
    if *allow != AllowPrivate::Everything && PORTS_REFUSED.contains(&port) {
        return Err(SinkFault::PortRefused(port));
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
    match literal {
        Ok(address) if !allow.allows(address) => Err(SinkFault::AddressPrivate(address)),
        _ => Ok(url),
    }
}

/// Ports of protocols that would take a line of an HTTP request for a command of their own.
const PORTS_REFUSED: [u16; 16] =
    [21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 2375, 3306, 5432, 6379, 11211, 27017];

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str, allow: &AllowPrivate) -> Result<(), &'static str> {
        read_url(url, allow).map(drop).map_err(|fault| fault.code())
    }

    #[test]
    fn urls_that_lead_elsewhere_are_refused_when_the_sink_is_built() {
        let table = [
            ("https://example.com/a?b", Ok(())),
            ("http://1.1.1.1:8080/", Ok(())),
            ("https://[2606:4700:4700::1111]/", Ok(())),
            ("", Err("sink_url_malformed")),
            ("/path", Err("sink_url_malformed")),
            ("example.com", Err("sink_url_malformed")),
            ("https://", Err("sink_url_malformed")),
            ("https:///a", Err("sink_url_malformed")),
            ("file:///etc/passwd", Err("sink_url_malformed")),
            ("ftp://example.com/", Err("sink_url_scheme")),
            ("unix://a/b", Err("sink_url_scheme")),
            ("https://u:p@example.com/", Err("sink_url_user")),
            ("https://example.com@127.0.0.1/", Err("sink_url_user")),
            ("http://127.0.0.1/", Err("sink_address_private")),
            ("http://169.254.169.254/latest/meta-data", Err("sink_address_private")),
            ("http://[::1]/", Err("sink_address_private")),
            ("http://[::ffff:127.0.0.1]/", Err("sink_address_private")),
            ("http://[64:ff9b::7f00:1]/", Err("sink_address_private")),
            ("http://example.com:6379/", Err("sink_port_refused")),
            ("http://example.com:25/", Err("sink_port_refused")),
        ];
        for (url, expected) in table {
            assert_eq!(code(url, &AllowPrivate::Nothing), expected, "{url}");
        }
    }

    #[test]
    fn private_addresses_are_allowed_by_network_or_all() {
        let some = AllowPrivate::Networks(vec!["10.1.0.0/16".parse().unwrap()]);
        assert_eq!(code("http://10.1.2.3/", &some), Ok(()));
        assert_eq!(code("http://10.2.2.3/", &some), Err("sink_address_private"));
        assert_eq!(code("http://10.1.2.3:22/", &some), Err("sink_port_refused"));
        assert_eq!(code("http://[::1]:6379/", &AllowPrivate::Everything), Ok(()));
    }
}
