//! Encryption at rest as an operator meets it: keys from the environment, from a file and from a
//! vault, what lies on the disk, and what a start without the right key says.

use std::path::Path;

use serde_json::json;
use sluicegate_tests::config::HEAD;
use sluicegate_tests::http;
use sluicegate_tests::vault::{ROOT_TOKEN, Vault};
use sluicegate_tests::world::World;

const PAYLOAD: &str = r#"{"card":"4111-1111-1111-1111"}"#;
const OLD_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW_KEY: &str = "/////////////////////////////////////////w8=";

/// An open source, a queue, these secrets, and this encryption.
fn config(secrets: &str, encryption: &str) -> String {
    format!(
        "{HEAD}{secrets}\
{encryption}
sources:
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{ retry: {{ attempts: 1000, min: 1ms, max: 1ms }} }}
"
    )
}

const SECRETS: &str = "  old: { env: OLD_DATA_KEY }\n  new: { file: new.key }\n";

/// Both keys, sealed as this says.
fn world(encryption: &str) -> World {
    let world = World::new(&config(SECRETS, encryption)).with_variable("OLD_DATA_KEY", OLD_KEY);
    world.write("new.key", format!("{NEW_KEY}\n"));
    world
}

/// Delivers the payload and kills the gateway.
fn deliver_and_kill(world: &World) {
    let gateway = world.start();
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let request = http::request("POST", "/hooks/open", &headers, PAYLOAD.as_bytes());
    assert_eq!(gateway.send(&request).status, 202);
    gateway.kill();
}

/// Takes so many events, each of them byte for byte what was delivered.
#[track_caller]
fn assert_kept(world: &World, count: usize) {
    let gateway = world.start();
    let taken = gateway.consumer().take("inbox", count);
    assert!(taken.iter().all(|one| one.payload == PAYLOAD.as_bytes()));
    gateway.kill();
}

/// What a start says that is refused.
#[track_caller]
fn refused(world: &World, code: &str) -> String {
    let output = world.run(&["run", &world.configuration().to_string_lossy()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("[{code}]")), "{said}");
    said
}

/// The files below a folder in which these bytes are found.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|some| some == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn with_a_key_from_the_environment_nothing_plain_lies_on_the_disk() {
    let world = world("encryption: { key: { id: 2026-11, secret: old } }");
    deliver_and_kill(&world);
    assert_eq!(files_with(&world.path("data"), b"4111-1111"), Vec::<String>::new());
    let key: Vec<u8> = (0..32).collect();
    assert_eq!(files_with(&world.path("data"), &key), Vec::<String>::new());
    assert_kept(&world, 1);
    let gateway = world.start();
    gateway.wait_for_log("data folder is sealed");
    gateway.wait_for_log("sealed_by=\"2026-11\"");
    assert!(!gateway.log().contains(OLD_KEY), "the key is in the log");
    let metrics = gateway.admin_get("/metrics").text();
    assert!(metrics.contains("\nsluicegate_store_data_keys 1\n"), "{metrics}");

    // The same search finds it where nothing is encrypted.
    let plain = World::new(&config("", ""));
    deliver_and_kill(&plain);
    assert_eq!(files_with(&plain.path("data"), b"4111-1111").len(), 1);
}

#[test]
fn a_key_that_the_command_line_made_and_a_file_holds_seals_an_old_folder_from_then_on() {
    let world = world("");
    deliver_and_kill(&world);
    let made = world.run(&["secret", "new-key"]);
    let again = world.run(&["secret", "new-key"]);
    assert_eq!(made.status.code(), Some(0));
    assert_eq!(made.stdout.len(), 65, "64 digits and a newline");
    assert_ne!(made.stdout, again.stdout);
    world.write("new.key", &made.stdout);
    world.write("gateway.yaml", config(SECRETS, "encryption: { key: { id: a, secret: new } }"));
    deliver_and_kill(&world);
    assert_eq!(files_with(&world.path("data"), b"4111-1111").len(), 1, "the first one only");
    assert_kept(&world, 2);
}

#[test]
fn a_start_without_the_right_key_says_which_is_missing() {
    let old = "encryption: { key: { id: 2026-11, secret: old } }";
    let world = world(old);
    deliver_and_kill(&world);
    for (encryption, code, says) in [
        ("", "data_folder_sealed", "2026-11"),
        ("encryption: { key: { id: 2026-12, secret: new } }", "data_folder_key_wrong", "2026-11"),
        ("encryption: { key: { id: 2026-11, secret: new } }", "data_folder_key_wrong", "2026-11"),
    ] {
        world.write("gateway.yaml", config(SECRETS, encryption));
        let said = refused(&world, code);
        assert!(
            said.contains(says) && !said.contains(OLD_KEY) && !said.contains(NEW_KEY),
            "{said}"
        );
    }
    world.write("gateway.yaml", config(SECRETS, old));
    assert_kept(&world, 1);
}

#[test]
fn a_key_is_changed_by_one_start_with_both_and_the_old_one_can_go() {
    let world = world("encryption: { key: { id: 2026-11, secret: old } }");
    deliver_and_kill(&world);
    let both = "\
encryption:
  key: { id: 2026-12, secret: new }
  old_keys: [ { id: 2026-11, secret: old } ]";
    world.write("gateway.yaml", config(SECRETS, both));
    deliver_and_kill(&world);
    let secrets = "  new: { file: new.key }\n";
    let new = "encryption: { key: { id: 2026-12, secret: new } }";
    world.write("gateway.yaml", config(secrets, new));
    assert_kept(&world, 2);
}

#[test]
fn check_says_every_fault_of_encryption_and_repeats_no_key() {
    let secrets = "  old: { env: OLD_DATA_KEY }\n  short: { file: new.key }\n";
    let encryption = "\
encryption:
  key: { id: a, secret: short }
  old_keys:
    - { id: a, secret: old }
    - { id: \"no name\", secret: old }
    - { id: c }
    - { id: d, secret: old, vault: { url: 'https://v', key: k, token: old } }
    - { id: e, vault: { url: 'vault:8200', key: ../k, token: none } }";
    let world = World::new(&config(secrets, encryption)).with_variable("OLD_DATA_KEY", OLD_KEY);
    world.write("new.key", "too short to be a key");
    let output = world.run(&["check", "gateway.yaml"]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for wanted in [
        "encryption.key.secret: a key is 32 bytes",
        "encryption.old_keys[0].id: another key has the id \"a\" [name_doubled]",
        "encryption.old_keys[1].id: \"no name\"",
        "encryption.old_keys[2]: a key is either a secret or one of a vault [value_missing]",
        "encryption.old_keys[3]: a key is either a secret or one of a vault [value_missing]",
        "encryption.old_keys[4].vault.url: ",
        "encryption.old_keys[4].vault.key: ",
        "encryption.old_keys[4].vault.token: this is not the name of one of secrets",
    ] {
        assert!(said.contains(wanted), "{wanted}: not in\n{said}");
    }
    assert!(!said.contains(OLD_KEY) && !said.contains("too short to be"), "{said}");
}

#[test]
fn a_real_vault_wraps_the_keys_and_its_refusals_are_told() {
    let vault = Vault::start();
    vault.write("sys/mounts/transit", &json!({ "type": "transit" }));
    vault.write("transit/keys/gateway", &json!({}));
    let by_vault = |key: &str| {
        let url = vault.url();
        let vault = format!("{{ url: '{url}', key: {key}, token: token }}");
        config(
            "  token: { file: token }\n",
            &format!("encryption: {{ key: {{ id: v, vault: {vault} }} }}"),
        )
    };
    let world = World::new(&by_vault("gateway"));
    let token = vault.token_for("gateway");
    world.write("token", format!("{token}\n"));
    deliver_and_kill(&world);
    assert_eq!(files_with(&world.path("data"), b"4111-1111"), Vec::<String>::new());
    assert_eq!(files_with(&world.path("data"), token.as_bytes()), Vec::<String>::new());
    assert_eq!(files_with(&world.path("data"), b"vault:v1:").len(), 2, "keyring and its copy");

    // A key that the vault has rotated opens what its older version wrapped.
    vault.write("transit/keys/gateway/rotate", &json!({}));
    deliver_and_kill(&world);
    assert_kept(&world, 2);

    world.write("token", "s.somebody-else");
    let said = refused(&world, "data_folder_key_unavailable");
    assert!(said.contains("403: ") && said.contains("permission denied"), "{said}");
    assert!(!said.contains("s.somebody-else"), "{said}");
    vault.write("transit/keys/other", &json!({}));
    world.write("token", vault.token_for("other"));
    world.write("gateway.yaml", by_vault("other"));
    refused(&world, "data_folder_key_wrong");

    world.write("gateway.yaml", by_vault("gateway"));
    world.write("token", &token);
    vault.write("sys/seal", &json!({}));
    let said = refused(&world, "data_folder_key_unavailable");
    assert!(said.contains("503: "), "{said}");
    drop(vault);
    let said = refused(&world, "data_folder_key_unavailable");
    assert!(said.contains("no answer"), "{said}");
}

#[test]
fn a_real_vault_with_tls_a_namespace_and_a_mount_of_its_own_is_asked_there() {
    let vault = Vault::start_with_tls();
    vault.write("sys/namespaces/team", &json!({}));
    vault.write_in("team", "sys/mounts/keys/wrap", &json!({ "type": "transit" }));
    vault.write_in("team", "keys/wrap/keys/gateway", &json!({}));
    let with = |ca_file: &str| {
        let url = vault.url();
        let encryption = format!(
            "\
encryption:
  key:
    id: team-key
    vault:
      {{ url: '{url}', key: gateway, token: token, mount: keys/wrap, namespace: team{ca_file} }}"
        );
        config("  token: { file: token }\n", &encryption)
    };
    let world = World::new(&with(", ca_file: ca.pem"));
    world.write("ca.pem", std::fs::read(vault.ca_file()).unwrap());
    world.write("token", ROOT_TOKEN);
    deliver_and_kill(&world);
    assert_kept(&world, 1);
    // A vault whose certificate nobody vouches for is not shown the token.
    world.write("gateway.yaml", with(""));
    let said = refused(&world, "data_folder_key_unavailable");
    assert!(said.contains("certificate"), "{said}");
}
