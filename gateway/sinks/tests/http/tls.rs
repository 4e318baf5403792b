//! TLS: who is believed, and which version of HTTP is spoken.

use std::sync::Arc;

use hyper::Version;
use sluicegate_core::outcome::Outcome;
use sluicegate_sinks::http::{AllowPrivate, FetchFault, Fetcher, HttpSink, HttpSinkConfig, Roots};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::receiver::{Receiver, Reply, ReplyBody, deliver, serve};

/// A receiver with a certificate of its own for `localhost`, and a configuration that trusts it.
async fn receiver(protocols: &[&str]) -> (Receiver, HttpSinkConfig) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let mut tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let (receiver, listener) = Receiver::bound().await;
    let (reply, got) = (receiver.reply.clone(), receiver.got.clone());
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream, reply.clone(), got.clone(), connection));
            }
        }
    });
    let mut config = receiver.config();
    config.url = format!("https://localhost:{}/", receiver.address.port());
    config.roots = Roots::Pem(issued.cert.pem().into_bytes());
    (receiver, config)
}

#[tokio::test]
async fn the_version_of_http_is_agreed_over_alpn() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let (receiver, config) = receiver(protocols).await;
        let sink = HttpSink::new(config).unwrap();
        for _ in 0..3 {
            assert_eq!(deliver(&sink).await, Outcome::Done);
        }
        let got = receiver.got();
        assert!(got.iter().all(|got| got.version == version && got.connection == 0), "{got:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_nobody_vouches_for_gets_nothing() {
    let (receiver, trusting) = receiver(&["h2"]).await;
    let stranger = HttpSinkConfig { roots: Roots::Web, ..trusting.clone() };
    let url = format!("https://127.0.0.1:{}/", receiver.address.port());
    let misnamed = HttpSinkConfig { url, ..trusting };
    for config in [stranger, misnamed] {
        let sink = HttpSink::new(config).unwrap();
        let Outcome::Retry { why, .. } = deliver(&sink).await else { panic!("it was believed") };
        assert!(why.contains("certificate"), "{why}");
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn roots_without_a_certificate_are_refused_when_the_sink_is_built() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no pem", broken] {
        let mut config = Receiver::new().await.config();
        config.roots = Roots::Pem(pem.into());
        let fault = HttpSink::new(config).err().map(|fault| fault.code());
        assert_eq!(fault, Some("sink_roots_malformed"), "{pem}");
    }
}

#[tokio::test]
async fn what_is_fetched_is_whole_small_and_no_redirect() {
    let (receiver, config) = receiver(&["h2", "http/1.1"]).await;
    let fetcher = Fetcher::new(AllowPrivate::Everything, &config.roots).unwrap();
    let answer = |status, body| Reply { body, ..Reply::status(status) };
    receiver.answers(answer(200, ReplyBody::Text("a certificate")));
    let header = [("webhook-allowed-origin".to_owned(), "e.example".to_owned())];
    let fetched = fetcher.get(&config.url, &header).await.unwrap();
    assert_eq!(fetched, "a certificate");
    assert_eq!(receiver.got()[0].headers["webhook-allowed-origin"], "e.example");
    let mut redirect = answer(302, ReplyBody::Text(""));
    redirect.headers.push(("location", "https://localhost/elsewhere".into()));
    receiver.answers(redirect);
    let fault = fetcher.get(&config.url, &[]).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Status(302)), "{fault}");
    assert_eq!(receiver.got().len(), 2, "a redirect is not followed");
    receiver.answers(answer(200, ReplyBody::Long(64 * 1024 + 1)));
    let fault = fetcher.get(&config.url, &[]).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Unanswered(_)), "{fault}");
    receiver.answers(answer(200, ReplyBody::Long(64 * 1024)));
    assert_eq!(fetcher.get(&config.url, &[]).await.unwrap().len(), 64 * 1024);
    let guarded = Fetcher::new(AllowPrivate::Nothing, &config.roots).unwrap();
    assert!(guarded.get(&config.url, &[]).await.is_err());
    let stranger = Fetcher::new(AllowPrivate::Everything, &Roots::Web).unwrap();
    assert!(stranger.get(&config.url, &[]).await.is_err());
    assert_eq!(receiver.got().len(), 4, "nobody else came through");
}
