//! Whole artifacts: pulled by their digests, and pushed so that the same file gives the same.

use std::thread;

use bytes::Bytes;
use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_filters::{Form, form};

use super::fault::OciFault;
use super::manifest::{self, Manifest};
use super::reference::Reference;
use super::registry::{Call, Intent, Registry, Session, unexpected};

/// What was pulled. Every part of it has the digest that the part before it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the manifest: the one that was asked for, if one was.
    pub manifest_digest: Digest,
    /// The manifest, byte for byte.
    pub manifest: Vec<u8>,
    /// The component.
    pub component: Vec<u8>,
}

/// Pulls an artifact; of a component that is `had` already, only the manifest. Blocks.
///
/// # Errors
/// When the registry does not give it, or gives something else.
pub fn pull(
    registry: &Registry,
    reference: &Reference,
    had: impl Fn(Digest) -> Option<Vec<u8>> + Send,
) -> Result<Pulled, OciFault> {
    blocking(async move {
        let mut session = Session::new(registry, reference, Intent::Pull)?;
        let wanted = reference.digest();
        let name = match wanted {
            Some(digest) => format!("sha256:{digest}"),
            None => reference.tag().unwrap_or_default().to_owned(),
        };
        let url = session.url(&format!("manifests/{name}"));
        let manifest = get(&mut session, &url, manifest::MANIFEST, MANIFEST_BYTES_MAX).await?;
        let manifest_digest = sha256(&manifest);
        same("manifest", wanted.unwrap_or(manifest_digest), manifest_digest)?;
        let Manifest { component: digest, component_bytes } = Manifest::read(&manifest)?;
        if let Some(component) = had(digest) {
            return Ok(Pulled { manifest_digest, manifest: manifest.to_vec(), component });
        }
        let url = session.url(&format!("blobs/sha256:{digest}"));
        let bytes_max = usize::try_from(component_bytes).unwrap_or(PLUGIN_BYTES_MAX);
        let component = get(&mut session, &url, "application/octet-stream", bytes_max).await?;
        same("layer", digest, sha256(&component))?;
        let (manifest, component) = (manifest.to_vec(), component.to_vec());
        Ok(Pulled { manifest_digest, manifest, component })
    })
}

/// Pushes a component under a tag, with what it imports and exports (`None` for a core module);
/// the digest of its manifest. Blocks.
///
/// # Errors
/// When the reference has no tag, or the registry does not take it.
pub fn push(
    registry: &Registry,
    reference: &Reference,
    title: &str,
    component: Vec<u8>,
    world: Option<(&[String], &[String])>,
) -> Result<Digest, OciFault> {
    let digest = sha256(&component);
    debug_assert_eq!(world.is_some(), form(&component) == Some(Form::Component));
    let config = manifest::config(digest, world);
    let config_digest = sha256(&config);
    let manifest = Manifest { component: digest, component_bytes: component.len() as u64 };
    let manifest = Bytes::from(manifest.written(&config, config_digest, title));
    let manifest_digest = sha256(&manifest);
    let tag = reference.tag().unwrap_or_default();
    blocking(async move {
        let mut session = Session::new(registry, reference, Intent::Push)?;
        put_blob(&mut session, digest, Bytes::from(component)).await?;
        put_blob(&mut session, config_digest, Bytes::from(config)).await?;
        let url = session.url(&format!("manifests/{tag}"));
        let kind = ("content-type", manifest::MANIFEST);
        let call = Call { method: "PUT", url: &url, kind, body: &manifest, answer_bytes_max: SAID };
        let answer = session.ask(call).await?;
        if answer.status == 201 { Ok(manifest_digest) } else { Err(unexpected(&url, &answer)) }
    })
}

async fn get(
    session: &mut Session<'_>,
    url: &str,
    accept: &str,
    bytes_max: usize,
) -> Result<Bytes, OciFault> {
    // What a registry says when it refuses is longer than a small component.
    let answer_bytes_max = bytes_max.max(SAID);
    let kind = ("accept", accept);
    let call = Call { method: "GET", url, kind, body: &Bytes::new(), answer_bytes_max };
    let answer = session.ask(call).await?;
    if answer.status == 200 { Ok(answer.body) } else { Err(unexpected(url, &answer)) }
}

/// Puts a blob there, unless it is there already.
async fn put_blob(session: &mut Session<'_>, digest: Digest, body: Bytes) -> Result<(), OciFault> {
    let nothing = Bytes::new();
    let url = session.url(&format!("blobs/sha256:{digest}"));
    if session.ask(plain("HEAD", &url, &nothing)).await?.status == 200 {
        return Ok(());
    }
    let url = session.url("blobs/uploads/");
    let answer = session.ask(plain("POST", &url, &nothing)).await?;
    if answer.status != 202 {
        return Err(unexpected(&url, &answer));
    }
    let mut url = session.location(&answer, &url)?;
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(&format!("digest=sha256:{digest}"));
    let answer = session.ask(plain("PUT", &url, &body)).await?;
    if answer.status == 201 { Ok(()) } else { Err(unexpected(&url, &answer)) }
}

/// A request with bytes, or none.
fn plain<'a>(method: &'a str, url: &'a str, body: &'a Bytes) -> Call<'a> {
    let kind = ("content-type", "application/octet-stream");
    Call { method, url, kind, body, answer_bytes_max: SAID }
}

fn same(what: &'static str, wanted: Digest, found: Digest) -> Result<(), OciFault> {
    if wanted == found { Ok(()) } else { Err(OciFault::Digest { what, wanted, found }) }
}

/// Runs to its end, on a thread and a runtime of its own: whoever calls may stand inside one.
fn blocking<T: Send>(
    work: impl Future<Output = Result<T, OciFault>> + Send,
) -> Result<T, OciFault> {
    let system = |what, fault| OciFault::System { what, fault };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("oci".into()).spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|fault| system("start a runtime", fault))?;
            runtime.block_on(work)
        });
        let thread = thread.map_err(|fault| system("start a thread", fault))?;
        let ended = || std::io::Error::other("it panicked");
        thread.join().unwrap_or_else(|_| Err(system("ask the registry", ended())))
    })
}

const MANIFEST_BYTES_MAX: usize = 1024 * 1024;

/// What is read of an answer that is not the thing itself.
const SAID: usize = 64 * 1024;
