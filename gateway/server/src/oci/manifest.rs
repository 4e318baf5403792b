//! The manifest of a Wasm artifact, as the CNCF's Wasm working group has laid it down: an OCI image
//! manifest, whose config says `application/vnd.wasm.config.v0+json` and which has a layer of
//! `application/wasm` with the plain bytes of the component. A container image with a module in a
//! tar layer is another thing, and is refused by name.

use serde::Deserialize;
use serde_json::{Value, json};
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;

use super::fault::OciFault;

/// What is needed of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The digest of the component.
    pub component: Digest,
    /// Its size in bytes.
    pub component_bytes: u64,
}

/// Members that are not read stand for themselves.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    media_type: Option<String>,
    config: Option<Blob>,
    layers: Option<Vec<Blob>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    media_type: String,
    digest: String,
    size: u64,
}

impl Manifest {
    /// Reads a manifest, and refuses what is not one of a Wasm artifact.
    ///
    /// # Errors
    /// `NotWasm` or `TooLarge`.
    pub fn read(bytes: &[u8]) -> Result<Self, OciFault> {
        let not_wasm = |why: String| OciFault::NotWasm { why };
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|fault| not_wasm(format!("its manifest cannot be read: {fault}")))?;
        if let Some(kind) = written.media_type.filter(|kind| kind != MANIFEST) {
            return Err(not_wasm(format!("its manifest is of the type {kind:?}")));
        }
        let config = written.config.map(|config| config.media_type).unwrap_or_default();
        if config != CONFIG {
            return Err(not_wasm(format!(
                "its config is of the type {config:?}, and not {CONFIG}"
            )));
        }
        let layers = written.layers.unwrap_or_default();
        let mut wasm = layers.iter().filter(|layer| layer.media_type == LAYER);
        let (Some(layer), None) = (wasm.next(), wasm.next()) else {
            let found: Vec<_> = layers.iter().map(|layer| layer.media_type.as_str()).collect();
            let found = found.join(", ");
            return Err(not_wasm(format!("one layer of {LAYER} is needed, and it has: {found}")));
        };
        if layer.size > PLUGIN_BYTES_MAX as u64 {
            return Err(OciFault::TooLarge { bytes: layer.size });
        }
        let digest = layer.digest.strip_prefix("sha256:").and_then(|digits| digits.parse().ok());
        let component = digest.ok_or_else(|| not_wasm("its layer has no sha256 digest".into()))?;
        Ok(Self { component, component_bytes: layer.size })
    }

    /// Writes a manifest. The same file, under the same name, gives the same bytes.
    #[must_use]
    pub fn written(&self, config: &[u8], config_digest: Digest, title: &str) -> Vec<u8> {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": format!("sha256:{config_digest}"),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": LAYER,
                "digest": format!("sha256:{}", self.component),
                "size": self.component_bytes,
                "annotations": { "org.opencontainers.image.title": title },
            }],
        });
        manifest.to_string().into_bytes()
    }
}

/// The config of an artifact: what a registry shows of it. `None` for a core module.
#[must_use]
pub(super) fn config(component: Digest, world: Option<(&[String], &[String])>) -> Vec<u8> {
    let mut config = json!({
        // It must be there; a time of its own would give every push another digest.
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": if world.is_some() { "wasip2" } else { "wasip1" },
        "layerDigests": [format!("sha256:{component}")],
    });
    if let (Some((imports, exports)), Value::Object(config)) = (world, &mut config) {
        config.insert("component".into(), json!({ "imports": imports, "exports": exports }));
    }
    config.to_string().into_bytes()
}

/// The manifest's media type.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Manifest::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let manifest = Manifest { component: Digest([7; 32]), component_bytes: 1234 };
        let config = config(manifest.component, None);
        let bytes = manifest.written(&config, Digest([9; 32]), "a.wasm");
        assert_eq!(Manifest::read(&bytes).unwrap(), manifest);
        assert_eq!(bytes, manifest.written(&config, Digest([9; 32]), "a.wasm"));
    }

    #[test]
    fn what_is_not_a_wasm_artifact_is_refused_with_its_types() {
        let digest = "ab".repeat(32);
        let with = |config: &str, layers: &str| {
            let config =
                format!(r#"{{"mediaType":"{config}","digest":"sha256:{digest}","size":2}}"#);
            format!(r#"{{"config":{config},"layers":[{layers}]}}"#)
        };
        let layer = |kind: &str, digest: &str, size: u64| {
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#)
        };
        let sha = format!("sha256:{digest}");
        let tar = layer("application/vnd.oci.image.layer.v1.tar", &sha, 1);
        let wasm = layer(LAYER, &sha, 1);
        assert!(Manifest::read(with(CONFIG, &wasm).as_bytes()).is_ok());
        assert!(why("[]").contains("cannot be read"));
        assert!(
            why(r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#).contains("index")
        );
        let image = with("application/vnd.oci.image.config.v1+json", &tar);
        assert!(why(&image).contains("image.config"));
        assert!(why(&with(CONFIG, &tar)).contains("layer.v1.tar"));
        assert!(why(&with(CONFIG, &format!("{wasm},{wasm}"))).contains("one layer"));
        assert!(why(&with(CONFIG, &layer(LAYER, "md5:1", 1))).contains("sha256"));
        let large = with(CONFIG, &layer(LAYER, &sha, 1 << 40));
        assert!(matches!(Manifest::read(large.as_bytes()), Err(OciFault::TooLarge { .. })));
    }
}
