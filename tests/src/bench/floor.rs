//! The floor: a bare hyper server that reads the body and answers 202, and nothing else.
//!
//! It runs as a process of its own, so that its CPU time is counted as the gateway's is.

use std::convert::Infallible;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::fixtures::GITHUB_SECRET;

/// What the floor does with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Reads it.
    Read,
    /// Reads it and compares its HMAC-SHA256 with the header.
    Verify,
}

/// The hidden first argument that makes the bench a floor.
pub const ARGUMENT: &str = "floor-server";

/// Serves until it is killed.
///
/// # Panics
/// When no loopback port is free.
pub fn serve(work: Work) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        println!(r#"{{"event":"ready","http":"{address}","admin":"{address}"}}"#);
        let key = Hmac::<Sha256>::new_from_slice(GITHUB_SECRET.as_bytes()).expect("any length");
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            // Without this, Nagle's algorithm would be measured.
            let _ = stream.set_nodelay(true);
            let key = key.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(request, work, key.clone()));
                // A client that closes ends its connection with an error: that is how runs end.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

async fn answer(
    request: Request<Incoming>,
    work: Work,
    key: Hmac<Sha256>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let status = match body.collect().await {
        Err(_) => StatusCode::BAD_REQUEST,
        Ok(_) if work == Work::Read => StatusCode::ACCEPTED,
        Ok(body) => {
            let header = parts.headers.get("x-hub-signature-256").map(|value| value.as_bytes());
            if verified(key, &body.to_bytes(), header.unwrap_or_default()) {
                StatusCode::ACCEPTED
            } else {
                StatusCode::UNAUTHORIZED
            }
        }
    };
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    Ok(response)
}

fn verified(mut mac: Hmac<Sha256>, body: &[u8], header: &[u8]) -> bool {
    mac.update(body);
    let mut tag = [0; 32];
    let digits = header.strip_prefix(b"sha256=").unwrap_or_default();
    if digits.len() != 64 {
        return false;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    mac.verify_slice(&tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing;

    #[test]
    fn the_floor_with_hmac_really_verifies() {
        let key = Hmac::<Sha256>::new_from_slice(GITHUB_SECRET.as_bytes()).unwrap();
        let header = signing::github(GITHUB_SECRET, b"body");
        assert!(verified(key.clone(), b"body", header.as_bytes()));
        assert!(!verified(key.clone(), b"b0dy", header.as_bytes()));
        assert!(!verified(key, b"body", b"sha256=00"));
    }
}
