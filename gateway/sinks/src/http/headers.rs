//! Reads the header fields that a sink is configured with.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::fault::SinkFault;

/// The configured header fields, with the sink's own name before them.
pub(crate) fn read_headers(pairs: &[(String, String)]) -> Result<HeaderMap, SinkFault> {
    let mut headers = HeaderMap::new();
    let agent = HeaderValue::from_static(concat!("sluicegate/", env!("CARGO_PKG_VERSION")));
    headers.insert(hyper::header::USER_AGENT, agent);
    for (name, value) in pairs {
        let malformed = || SinkFault::HeaderMalformed(name.clone());
        let field: HeaderName = name.parse().map_err(|_| malformed())?;
        let text = field.as_str();
        if RESERVED.contains(&text) || text.starts_with("ce-") || text.starts_with("webhook-") {
            return Err(SinkFault::HeaderReserved(name.clone()));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| malformed())?;
        // It may be a credential: kept out of logs and out of HTTP/2's shared table.
        value.set_sensitive(true);
        headers.insert(field, value);
    }
    Ok(headers)
}

const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_the_sink_sets_cannot_be_configured() {
        let code = |name: &str, value: &str| {
            read_headers(&[(name.into(), value.into())]).map(drop).map_err(|f| f.code())
        };
        assert_eq!(code("Authorization", "Bearer x"), Ok(()));
        for name in ["Host", "content-length", "CE-id", "webhook-signature", "Transfer-Encoding"] {
            assert_eq!(code(name, "x"), Err("sink_header_reserved"), "{name}");
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z"), ("a", "\0")] {
            assert_eq!(code(name, value), Err("sink_header_malformed"), "{name:?}");
        }
    }
}
