//! Keys and their secrets as an operator meets them: rotated without a restart, from a file and
//! from a vault, counted, and never shown.

use std::time::Duration;

use serde_json::{Value, json};
use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::{wait_for, wait_within};
use sluicegate_tests::fixtures::{self, Delivery, Encoding};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::metrics::value;
use sluicegate_tests::signing;
use sluicegate_tests::vault::{ROOT_TOKEN, Vault};
use sluicegate_tests::world::World;

const OLD: &str = "the-old-secret-of-github";
const NEW: &str = "the-new-secret-of-github";

fn config(vaults: &str, secrets: &str, keys: &str) -> String {
    format!(
        "{HEAD}{secrets}{vaults}
sources:
  github:
    http: {{ path: /hooks/github }}
    verify: {{ scheme: github, keys: [ {keys} ] }}
routes: [ {{ name: all, default: true, to: [ inbox ] }} ]
queues: {{ inbox: {{}} }}
"
    )
}

/// A delivery that is signed with this secret.
fn signed(secret: &str, id: &str) -> Delivery {
    let delivery = fixtures::github("push", Encoding::Json, id);
    let signature = signing::github(secret, &delivery.body);
    delivery.with("X-Hub-Signature-256", &signature)
}

fn send(gateway: &Gateway, secret: &str, id: &str) -> u16 {
    gateway.deliver("/hooks/github", &signed(secret, id)).status
}

fn key(gateway: &Gateway, id: &str) -> Value {
    let all = gateway.admin_get("/v1/keys").json();
    let keys = all["keys"].as_array().unwrap();
    keys.iter().find(|key| key["key"] == id).unwrap_or_else(|| panic!("no key {id}: {all}")).clone()
}

const TWO: &str = "{ id: old, secret: old }, { id: new, secret: new }";
const FILES: &str = "  old: { file: old.txt }\n  new: { file: new.txt }\n";

fn world_of_files() -> World {
    let world = World::new(&config("", FILES, TWO));
    world.write("old.txt", format!("{OLD}\n"));
    world.write("new.txt", format!("{NEW}\n"));
    world
}

#[test]
fn each_key_counts_what_it_has_proven_and_remembers_it_over_a_restart() {
    let world = world_of_files();
    let gateway = world.start();
    assert_eq!(key(&gateway, "old")["last_used"], Value::Null);
    for number in 0..3 {
        assert_eq!(send(&gateway, OLD, &format!("o-{number}")), 202);
    }
    let old = key(&gateway, "old");
    assert_eq!((&old["matched"], &old["live"]), (&json!(3), &json!(true)));
    let says = key(&gateway, "new")["advice"].as_str().unwrap().to_owned();
    assert!(says.starts_with("only the old key is used"), "{says}");
    assert_eq!(send(&gateway, NEW, "n-1"), 202);
    assert_eq!(key(&gateway, "new")["advice"], Value::Null);
    let series = "sluicegate_key_matches_total{source=\"github\",key=\"old\"}";
    assert!(value(&gateway, series) == 3.0);
    gateway.stop();
    let gateway = world.start();
    let again = key(&gateway, "old");
    assert_eq!((&again["matched"], &again["last_used"]), (&json!(3), &old["last_used"]));
    assert_eq!(again["known_since"], old["known_since"]);
    gateway.stop();

    // As if the last use were ten days ago: what the file says is what is believed.
    let file = world.path("data/key-uses.json");
    let mut book: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for row in book["keys"].as_array_mut().unwrap().iter_mut().filter(|row| row["key"] == "old") {
        let ago = |ms: &Value| json!(ms.as_u64().unwrap() - 10 * 86_400_000);
        (row["last_used_ms"], row["known_since_ms"]) =
            (ago(&row["last_used_ms"]), ago(&row["known_since_ms"]));
    }
    std::fs::write(&file, book.to_string()).unwrap();
    let gateway = world.start();
    let says = "unused for 10 days, and a newer key is used: safe to remove";
    assert_eq!(key(&gateway, "old")["advice"], says);
    let admin = format!("http://{}", gateway.admin());
    let output = world.run(&["keys", "--admin", &admin]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(says) && output.status.success(), "{said}");
    gateway.stop();

    std::fs::write(&file, "{").unwrap();
    let gateway = world.start();
    gateway.wait_for_log("uses of keys are lost");
    assert_eq!(key(&gateway, "old")["matched"], 0);
}

#[test]
fn a_secret_in_a_file_is_rotated_without_a_restart_and_a_bad_one_changes_nothing() {
    let world = world_of_files();
    let gateway = world.start();
    assert_eq!(send(&gateway, NEW, "a"), 202);
    for (bad, says) in [("", "empty"), ("short\n", "at least 8")] {
        world.write("new.txt", bad);
        wait_for("the bad secret to be seen", || gateway.log().contains(says).then_some(()));
        assert_eq!(send(&gateway, NEW, "b"), 202, "the old value stays: {bad:?}");
        let series = "sluicegate_secret_in_force{secret=\"new\"}";
        assert!(value(&gateway, series) == 0.0);
    }
    std::fs::remove_file(world.path("new.txt")).unwrap();
    gateway.wait_for_log("cannot read");
    assert_eq!(send(&gateway, NEW, "c"), 202);

    world.write("new.txt", "another-secret-of-github");
    gateway.wait_for_log("a secret is right again");
    assert_eq!(send(&gateway, "another-secret-of-github", "d"), 202);
    assert_eq!(send(&gateway, NEW, "e"), 401, "its time is over");
    assert_eq!(send(&gateway, OLD, "f"), 202, "the other key is untouched");
    assert_eq!(key(&gateway, "new")["matched"].as_u64(), Some(5), "the counts go on");
    let log = gateway.log();
    for secret in [OLD, NEW, "another-secret", "short"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(log.contains("secret_not_taken"), "it is loud");
}

#[test]
fn empty_and_short_secrets_are_faults_of_the_configuration() {
    for (secret, code) in [("", "secret_empty"), ("seven77", "source_invalid")] {
        let world = world_of_files();
        world.write("old.txt", secret);
        let output = world.run(&["check", &world.configuration().to_string_lossy()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("[{code}]")), "{said}");
        assert!(secret.is_empty() || !said.contains(secret), "{said}");
    }
}

#[test]
fn the_configuration_is_shown_with_its_defaults_and_without_its_secrets() {
    let world = world_of_files();
    let text = config("", FILES, TWO)
        + "sinks:\n  out:\n    from: inbox\n    http:\n      url: \"https://me:pass@a.example/\"\n      \
           headers: { Authorization: \"Bearer hunter2\" }\n";
    world.write("gateway.yaml", text);
    let output = world.run(&["config", "show", &world.configuration().to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    for secret in [OLD, NEW, "pass@", "hunter2", fixtures::GITHUB_SECRET] {
        assert!(!said.contains(secret), "{secret} is shown:\n{said}");
    }
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(shown["secrets"]["old"], json!({ "file": "old.txt", "value": "***" }));
    assert_eq!(shown["sources"]["github"]["refused"]["keep"], "3d");
    assert_eq!(shown["sources"]["github"]["http"]["payload_max"], "1MiB");
    assert_eq!(shown["limits"]["dedupe"]["window"], "3d");
    assert_eq!(shown["queues"]["inbox"]["retry"]["attempts"].as_u64().map(|n| n > 0), Some(true));
}

/// A vault with version 2 of the key-value engine, and a secret in it.
fn vault_with(secret: &str) -> Vault {
    let vault = Vault::start();
    put(&vault, secret);
    let policy = "path \"secret/data/hooks/*\" { capabilities = [\"read\"] }\n\
                  path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n\
                  path \"auth/token/renew-self\" { capabilities = [\"update\"] }\n";
    vault.write("sys/policies/acl/hooks", &json!({ "policy": policy }));
    vault
}

fn put(vault: &Vault, secret: &str) {
    vault.write("secret/data/hooks/github", &json!({ "data": { "secret": secret } }));
}

const OF_VAULT: &str =
    "  hub: { vault: { of: main, path: hooks/github, field: secret, refresh: 1s } }\n";
const ONE: &str = "{ id: hub, secret: hub }";

#[test]
fn a_secret_of_a_vault_is_read_with_a_token_and_followed_when_it_changes() {
    let vault = vault_with(OLD);
    // A token that lives for twenty seconds: it must be renewed to be good for longer.
    let made = vault.write(
        "auth/token/create",
        &json!({ "policies": ["hooks"], "ttl": "20s", "explicit_max_ttl": "10m" }),
    );
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let vaults = format!("vaults: {{ main: {{ url: \"{}\", token: login }} }}\n", vault.url());
    let secrets = format!("  login: {{ env: VAULT_LOGIN }}\n{OF_VAULT}");
    let world = World::new(&config(&vaults, &secrets, ONE)).with_variable("VAULT_LOGIN", &token);
    let gateway = world.start();
    assert_eq!(send(&gateway, OLD, "a"), 202);
    put(&vault, NEW);
    gateway.wait_for_log("keys were replaced");
    assert_eq!((send(&gateway, NEW, "b"), send(&gateway, OLD, "c")), (202, 401));
    // Past the first life of the token, a change is followed all the same.
    let began = std::time::Instant::now();
    wait_within(Duration::from_secs(60), "the token's first life to end", || {
        (began.elapsed() > Duration::from_secs(25)).then_some(())
    });
    put(&vault, OLD);
    wait_for("the old secret to be back", || (send(&gateway, OLD, "d") == 202).then_some(()));
    // A vault that has nothing to say changes nothing.
    put(&vault, "");
    gateway.wait_for_log("secret_not_taken");
    assert_eq!(send(&gateway, OLD, "e"), 202);
    drop(vault);
    wait_for("the vault to be missed", || {
        let secrets = gateway.admin_get("/v1/keys").json()["secrets"].clone();
        secrets[0]["why"].as_str()?.contains("no answer").then_some(())
    });
    assert_eq!(send(&gateway, OLD, "f"), 202);
    let log = gateway.log();
    for secret in [OLD, NEW, &token] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_secret_of_a_vault_is_read_as_a_role_which_logs_in_again_when_its_token_is_revoked() {
    let vault = vault_with(OLD);
    vault.write("sys/auth/approle", &json!({ "type": "approle" }));
    vault.write(
        "auth/approle/role/gateway",
        &json!({ "token_policies": ["hooks"], "token_ttl": "1h", "token_type": "service" }),
    );
    let role_id = "the-role-of-the-gateway";
    vault.write("auth/approle/role/gateway/role-id", &json!({ "role_id": role_id }));
    let made = vault.write("auth/approle/role/gateway/secret-id", &json!({}));
    let secret_id = made["data"]["secret_id"].as_str().unwrap().to_owned();
    let vaults = format!(
        "vaults:\n  main:\n    url: \"{}\"\n    app_role: {{ role_id: {role_id}, secret_id: login }}\n",
        vault.url()
    );
    let secrets = format!("  login: {{ file: secret-id }}\n{OF_VAULT}");
    let world = World::new(&config(&vaults, &secrets, ONE));
    world.write("secret-id", &secret_id);
    let gateway = world.start();
    assert_eq!(send(&gateway, OLD, "a"), 202);
    // Every token of the role is revoked: the next question is refused, and the role logs in anew.
    vault.write("sys/leases/revoke-prefix/auth/approle/login", &json!({}));
    put(&vault, NEW);
    wait_for("the new secret", || (send(&gateway, NEW, "b") == 202).then_some(()));
    assert!(!gateway.log().contains(&secret_id));

    world.write("secret-id", "not-the-secret-id");
    let output = world.run(&["check", &world.configuration().to_string_lossy()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("[secret_unreadable]") && said.contains("login is refused"), "{said}");
    assert!(!said.contains("not-the-secret-id"), "{said}");
}

#[test]
fn a_vault_that_says_no_or_is_named_wrongly_is_a_fault_of_the_configuration() {
    let vault = vault_with(OLD);
    let url = vault.url();
    let main = format!("vaults: {{ main: {{ url: \"{url}\", token: login }} }}\n");
    let both = format!("vaults: {{ main: {{ url: \"{url}\" }} }}\n");
    for (vaults, of, code, says) in [
        (
            &main,
            OF_VAULT.replace("hooks/github", "hooks/nothing"),
            "secret_unreadable",
            "nothing is at",
        ),
        (&main, OF_VAULT.replace("field: secret", "field: x"), "secret_unreadable", "no field"),
        (&main, OF_VAULT.replace("of: main", "of: other"), "reference_unknown", "vaults"),
        (&main, OF_VAULT.replace("hooks/github", "../sys"), "name_invalid", "path"),
        (&main, OF_VAULT.replace("refresh: 1s", "refresh: 1ms"), "value_out_of_range", "1s to 1d"),
        (&both, OF_VAULT.to_owned(), "value_missing", "either a token or an app_role"),
    ] {
        let secrets = format!("  login: {{ env: VAULT_LOGIN }}\n{of}");
        let world =
            World::new(&config(vaults, &secrets, ONE)).with_variable("VAULT_LOGIN", ROOT_TOKEN);
        let output = world.run(&["check", &world.configuration().to_string_lossy()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("[{code}]")) && said.contains(says), "{says}: {said}");
        assert!(!said.contains(ROOT_TOKEN), "{said}");
    }
}
