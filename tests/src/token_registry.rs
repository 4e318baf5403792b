//! A registry that hands out tokens and keeps its blobs elsewhere, as the large ones do: a script
//! of answers over real sockets, and what it was asked.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The registry and its store. It ends with the test process.
pub struct TokenRegistry {
    address: SocketAddr,
    manifest: Vec<u8>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whether it came to the store of blobs.
    pub by_store: bool,
    /// The target.
    pub target: String,
    /// What `Authorization` said.
    pub authorization: Option<String>,
}

/// Who gets a token.
pub const USER: &str = "robot";

/// Their password.
pub const PASSWORD: &str = "p:ss";

const TOKEN: &str = "a-token-of-the-tests";

impl TokenRegistry {
    /// Starts one that has this component.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    pub fn start(component: Vec<u8>) -> Self {
        let digest = sha256(&component);
        let digest = format!("sha256:{digest}");
        let blob = |kind: &str, size: usize| {
            let digest = digest.as_str();
            json!({ "mediaType": kind, "digest": digest, "size": size })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "config": blob("application/vnd.wasm.config.v0+json", 2),
            "layers": [blob("application/wasm", component.len())],
        });
        let manifest = manifest.to_string().into_bytes();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (front, store) = (bind(), bind());
        let address = front.local_addr().expect("a listener has an address");
        let store_address = store.local_addr().expect("a listener has an address");
        serve(store, Arc::clone(&asked), true, move |_| {
            Said("200 OK", String::new(), component.clone())
        });
        let body = manifest.clone();
        serve(front, Arc::clone(&asked), false, move |asked| {
            let wanted = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
            let said = asked.authorization.as_deref();
            if asked.target.starts_with("/token?") {
                let token = format!(r#"{{"token":"{TOKEN}"}}"#).into();
                return match said == Some(wanted.as_str()) {
                    true => Said("200 OK", String::new(), token),
                    false => Said("401 Unauthorized", String::new(), b"{}".to_vec()),
                };
            }
            if said != Some(format!("Bearer {TOKEN}").as_str()) {
                let bearer = format!("Bearer realm=\"http://{address}/token\",service=\"tests\"");
                let ask = format!("WWW-Authenticate: {bearer}\r\n");
                return Said("401 Unauthorized", ask, b"{}".to_vec());
            }
            match asked.target.contains("/manifests/") {
                true => Said("200 OK", String::new(), body.clone()),
                false => {
                    let to = format!("Location: http://{store_address}/elsewhere\r\n");
                    Said("307 Temporary Redirect", to, Vec::new())
                }
            }
        });
        Self { address, manifest, asked }
    }

    /// The name of what it has, with its digest.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/acme/filter@sha256:{}", self.address, sha256(&self.manifest))
    }

    /// What it was asked so far.
    ///
    /// # Panics
    /// When one of its threads has.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no thread panicked").clone()
    }
}

/// The SHA-256 of bytes as 64 digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One answer: status, header lines, body.
struct Said(&'static str, String, Vec<u8>);

fn serve(
    listener: TcpListener,
    all: Arc<Mutex<Vec<Asked>>>,
    by_store: bool,
    answer: impl Fn(&Asked) -> Said + Send + 'static,
) {
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Some(asked) = read(&stream, by_store) else { continue };
            let Said(status, headers, body) = answer(&asked);
            all.lock().expect("no thread panicked").push(asked);
            let length = body.len();
            let headers = format!("{headers}Content-Length: {length}\r\nConnection: close\r\n");
            let head = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
            // A client that went away has its reasons.
            let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
        }
    });
}

fn read(stream: &TcpStream, by_store: bool) -> Option<Asked> {
    let mut lines = BufReader::new(stream.take(64 * 1024)).lines();
    let target = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut authorization = None;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("authorization") {
            authorization = Some(value.to_owned());
        }
    }
    Some(Asked { by_store, target, authorization })
}
