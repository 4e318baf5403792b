//! Plugins from a registry: pushed and pulled with the command line, and run by a gateway that may
//! find no registry at its next start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use sluicegate_tests::config::{HEAD, filtered};
use sluicegate_tests::fixtures;
use sluicegate_tests::registry::{self, Registry};
use sluicegate_tests::token_registry::{self, TokenRegistry, sha256};
use sluicegate_tests::world::World;

fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}{faults}");
    format!("{said}{faults}")
}

fn router() -> PathBuf {
    fixtures::plugin("severity-router")
}

/// Pushes the router; its name with its digest.
fn pushed(world: &World, to: &str, login: &[&str]) -> String {
    let file = router();
    let arguments = ["plugin", "push", file.to_str().unwrap(), to, "--json"];
    let told = said(&world.run(&[&arguments[..], login].concat()), 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["sha256"], sha256(&fs::read(router()).unwrap()));
    told["oci"].as_str().unwrap().to_owned()
}

/// What the secrets of the head do not have.
const SECRET: &str = "  registry: { env: REGISTRY_PASSWORD }\n";

/// A gateway whose router is from there.
fn config(origin: &str) -> String {
    filtered(
        &format!("  router: {{ {origin}, config: {{ threshold: high, queues: [ urgent ] }} }}"),
        "  - { name: main, filters: [ router ], to: [ inbox ] }",
        "  inbox: {}\n  urgent: {}",
    )
    .replacen(HEAD, &format!("{HEAD}{SECRET}"), 1)
}

/// Starts a gateway there, and shows that the router decides.
#[track_caller]
fn assert_routes(world: &World, id: &str) -> String {
    let gateway = world.start();
    let alert = fixtures::github("dependabot_alert", fixtures::Encoding::Json, id);
    assert_eq!(gateway.deliver("/hooks/github", &alert).status, 202);
    assert_eq!(gateway.consumer().take("urgent", 1).len(), 1);
    let log = gateway.log();
    assert!(gateway.stop().success());
    log
}

#[test]
fn a_plugin_is_pushed_and_pulled_and_is_the_same() {
    let (world, registry) = (World::new(""), Registry::start());
    let to = format!("oci://{}", registry.reference("acme/severity-router:1.0.0"));
    let name = pushed(&world, &to, &[]);
    assert_eq!(pushed(&world, &to, &[]), name, "the same file gives the same digest");
    let told = said(&world.run(&["plugin", "pull", &to, "-o", "x.wasm"]), 0);
    assert!(told.contains(&name), "{told}");
    assert_eq!(fs::read(world.path("x.wasm")).unwrap(), fs::read(router()).unwrap());
    said(&world.run(&["plugin", "pull", &name]), 0);
    assert!(world.path("severity-router.wasm").is_file());
    let manifest = fs::read(registry.blob(name.rsplit(':').next().unwrap())).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = fs::read(registry.blob(config.strip_prefix("sha256:").unwrap())).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
    assert_eq!(config["component"]["exports"][0], "sluicegate:plugin/filter@0.1.0");
    assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
}

#[test]
fn what_is_no_plugin_or_not_there_is_refused_with_its_code() {
    let (world, registry) = (World::new(""), Registry::start());
    world.write("text.wasm", "not wasm at all");
    let to = registry.reference("acme/x:1");
    let told = said(&world.run(&["plugin", "push", "text.wasm", &to]), 1);
    assert!(told.contains("[plugin_not_wasm]"), "{told}");
    let told = said(&world.run(&["plugin", "pull", &to]), 3);
    assert!(told.contains("[oci_not_found]"), "{told}");
    said(&world.run(&["plugin", "pull", "acme/x:1"]), 2);
    let gone = registry.reference("acme/x:1");
    drop(registry);
    let told = said(&world.run(&["plugin", "pull", &gone]), 3);
    assert!(told.contains("[oci_unreachable]"), "{told}");
}

#[test]
fn a_gateway_pulls_by_digest_and_needs_no_registry_at_its_next_start() {
    let registry = Registry::start();
    let name = pushed(&World::new(""), &registry.reference("acme/severity-router:1.0.0"), &[]);
    let world = World::new(&config(&format!("oci: \"{name}\"")));
    let world = world.with_variable("REGISTRY_PASSWORD", "x");
    said(&world.run(&["check", "gateway.yaml"]), 0);
    assert!(!world.path("data").exists(), "to check is not to write");
    assert!(assert_routes(&world, "1").contains("pulled a plugin"));
    let shelf = world.path("data/plugins/oci");
    assert_eq!(fs::metadata(&shelf).unwrap().permissions().mode() & 0o777, 0o700);
    drop(registry);
    assert!(!assert_routes(&world, "2").contains("pulled a plugin"));
    let component = shelf.join(format!("{}.wasm", sha256(&fs::read(router()).unwrap())));
    fs::write(&component, "damaged").unwrap();
    let told = said(&world.run(&["check", "gateway.yaml"]), 1);
    assert!(told.contains("[oci_unreachable]"), "{told}");
}

#[test]
fn a_tag_alone_is_refused_unless_it_is_allowed_and_means_what_it_meant_without_a_registry() {
    let registry = Registry::start();
    let tag = registry.reference("acme/severity-router:1");
    let _ = pushed(&World::new(""), &tag, &[]);
    let world = World::new(&config(&format!("oci: \"{tag}\"")));
    let world = world.with_variable("REGISTRY_PASSWORD", "x");
    let told = said(&world.run(&["check", "gateway.yaml"]), 1);
    assert!(told.contains("[oci_tag]"), "{told}");
    world.write("gateway.yaml", config(&format!("oci: \"{tag}\", allow_tag: true")));
    assert_routes(&world, "1");
    drop(registry);
    assert!(assert_routes(&world, "2").contains("the tag means what it meant last"));
}

#[test]
fn a_registry_that_gives_something_else_is_found_out() {
    let registry = Registry::start();
    let name = pushed(&World::new(""), &registry.reference("acme/x:1"), &[]);
    let whole = fs::read(router()).unwrap();
    let mut other = whole.clone();
    other[whole.len() / 2] ^= 1;
    fs::write(registry.blob(&sha256(&whole)), other).unwrap();
    let world = World::new(&config(&format!("oci: \"{name}\"")));
    let world = world.with_variable("REGISTRY_PASSWORD", "x");
    let told = said(&world.run(&["check", "gateway.yaml"]), 1);
    assert!(told.contains("[oci_digest_mismatch]"), "{told}");
}

#[test]
fn a_registry_that_asks_who_it_is_gets_name_and_password() {
    let registry = Registry::start_with_users();
    let to = registry.reference("acme/severity-router:1");
    let world = World::new("").with_variable("REGISTRY_PASSWORD", registry::PASSWORD);
    let file = router();
    let push = ["plugin", "push", file.to_str().unwrap(), &to];
    let told = said(&world.run(&push), 3);
    assert!(told.contains("[oci_unauthorized]"), "{told}");
    let login = ["--user", registry::USER, "--password-env", "REGISTRY_PASSWORD"];
    let name = pushed(&world, &to, &login);
    let login = format!("credentials: {{ user: {}, password: registry }}", registry::USER);
    world.write("gateway.yaml", config(&format!("oci: \"{name}\", {login}")));
    let log = assert_routes(&world, "1");
    assert!(!log.contains(registry::PASSWORD), "{log}");
    world.write("gateway.yaml", config(&format!("oci: \"{name}\"")));
    fs::remove_dir_all(world.path("data")).unwrap();
    let told = said(&world.run(&["check", "gateway.yaml"]), 1);
    assert!(told.contains("[oci_unauthorized]"), "{told}");
}

#[test]
fn a_registry_with_tls_is_believed_by_its_authority_alone() {
    let registry = Registry::start_with_tls();
    let world = World::new("");
    let to = registry.reference("acme/severity-router:1");
    let ca = registry.ca_file();
    let ca = ca.to_str().unwrap();
    let name = pushed(&world, &to, &["--ca-file", ca]);
    said(&world.run(&["plugin", "pull", &name, "--ca-file", ca]), 0);
    let stranger = Registry::start_with_tls();
    let other = stranger.ca_file();
    let told =
        said(&world.run(&["plugin", "pull", &name, "--ca-file", other.to_str().unwrap()]), 3);
    assert!(told.contains("[oci_unreachable]"), "{told}");
}

#[test]
fn a_token_is_fetched_and_shown_to_the_registry_alone() {
    let component = fs::read(router()).unwrap();
    let registry = TokenRegistry::start(component.clone());
    let world = World::new("").with_variable("REGISTRY_PASSWORD", token_registry::PASSWORD);
    let login = ["--user", token_registry::USER, "--password-env", "REGISTRY_PASSWORD"];
    let name = registry.reference();
    let pull = ["plugin", "pull", &name, "-o", "x.wasm"];
    let told = said(&world.run(&pull), 3);
    assert!(told.contains("[oci_unauthorized]"), "{told}");
    said(&world.run(&[&pull[..], &login].concat()), 0);
    assert_eq!(fs::read(world.path("x.wasm")).unwrap(), component);
    let asked = registry.asked();
    let token: Vec<_> = asked.iter().filter(|asked| asked.target.starts_with("/token?")).collect();
    assert_eq!(token.len(), 2, "{asked:?}");
    assert_eq!(token[1].target, "/token?scope=repository:acme/filter:pull&service=tests");
    let store: Vec<_> = asked.iter().filter(|asked| asked.by_store).collect();
    assert_eq!(store.len(), 1);
    assert_eq!(store[0].authorization, None, "the store is told no token");
}

#[test]
fn an_origin_that_makes_no_sense_is_refused_with_its_place() {
    let world = World::new("").with_variable("REGISTRY_PASSWORD", "x");
    let digest = "ab".repeat(32);
    for (origin, code) in [
        ("deadline: 10ms".to_owned(), "plugin_origin"),
        ("path: a.wasm, folder: b".to_owned(), "plugin_origin"),
        ("folder: b, watch: true".to_owned(), "plugin_origin"),
        (format!("path: a.wasm, watch: true, sha256: {digest}"), "plugin_origin"),
        ("path: a.wasm, allow_tag: true".to_owned(), "plugin_origin"),
        ("folder: none".to_owned(), "plugin_unreadable"),
        ("folder: empty".to_owned(), "plugin_folder_empty"),
        ("oci: \"severity:1\"".to_owned(), "oci_reference"),
        (format!("oci: \"127.0.0.1:1/x@sha256:{digest}\""), "oci_unreachable"),
    ] {
        world.write("empty/.draft.wasm", "");
        world.write("gateway.yaml", config(&origin));
        let told = said(&world.run(&["check", "gateway.yaml"]), 1);
        assert!(told.contains(&format!("[{code}]")), "{origin}: {told}");
        assert!(told.contains("plugins.router"), "{origin}: {told}");
    }
}
