//! Shadows, pauses and restarts.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::http;
use sluicegate_tests::metrics;
use sluicegate_tests::world::World;

use crate::{MASKS, ask, deliver, digest, made_by, placed, put, redactor, shown, trap, world};

#[test]
fn a_shadow_is_compared_promoted_and_ended() {
    let world = world("config: { keys: [ email ] }");
    let gateway = world.start();
    ask(&gateway, "GET", "/differences", b"").assert_problem(409, "plugin_no_shadow");
    ask(&gateway, "POST", "/promote", b"").assert_problem(409, "plugin_no_shadow");
    placed(&gateway, "?shadow=true", &trap());
    for at in 0..5 {
        let _ = deliver(&gateway, "push", &format!("d{at}")).accepted();
    }
    let found = wait_for("five comparisons", || {
        let found = ask(&gateway, "GET", "/differences", b"").json();
        (found["compared"] == 5).then_some(found)
    });
    assert_eq!((&found["different"], &found["dropped"]), (&5.into(), &0.into()));
    let pair = &found["pairs"][0];
    assert_eq!((&pair["current"], &pair["shadow"]), (&"emit".into(), &"filter_trap".into()));
    assert_eq!(found["last"].as_array().unwrap().len(), 5);
    assert_eq!(found["last"][0]["type"], "push");
    assert_eq!(found["last"][0]["shadow"]["broke"], "trap");
    assert!(!found.to_string().contains("Codertocat"), "no payload is kept: {found}");
    assert_eq!(gateway.consumer().take("inbox", 5).len(), 5);
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);
    let series = "sluicegate_plugin_shadow_total{plugin=\"asked\",result=\"different\"}";
    assert_eq!(metrics::value(&gateway, series), 5.0);
    assert_eq!(ask(&gateway, "DELETE", "/shadow", b"").status, 204);
    assert_eq!(shown(&gateway)["shadow"], Value::Null);

    placed(&gateway, "?shadow=true", &redactor(2));
    assert_eq!(ask(&gateway, "POST", "/promote", b"").status, 200);
    let plugin = shown(&gateway);
    assert_eq!(plugin["current"], digest(&redactor(2)));
    assert_eq!(
        (&plugin["previous"], &plugin["shadow"]),
        (&digest(&redactor(1)).into(), &Value::Null)
    );
    assert_eq!(ask(&gateway, "POST", "/rollback", b"").status, 200);
    assert_eq!(shown(&gateway)["current"], digest(&redactor(1)));
    ask(&gateway, "POST", "/rollback", b"").assert_problem(409, "plugin_no_previous");
}

#[test]
fn a_paused_plugin_refuses_until_it_is_resumed_or_replaced() {
    let world = world("on_failure: pause, config: { keys: [ email ] }");
    let gateway = world.start();
    let _ = deliver(&gateway, "push", "a").accepted();
    placed(&gateway, "", &trap());
    let refused = deliver(&gateway, "push", "b");
    refused.assert_problem(503, "plugin_paused");
    assert_eq!(refused.header("retry-after"), Some("30"));
    let plugin = shown(&gateway);
    assert_eq!(plugin["standing"], "paused");
    assert!(plugin["why"].as_str().unwrap().contains("unreachable"), "{plugin}");
    // It is paused after a restart as well: nothing that nobody looked at goes on.
    assert!(gateway.stop().success());
    let gateway = world.start();
    deliver(&gateway, "push", "b").assert_problem(503, "plugin_paused");
    assert_eq!(ask(&gateway, "POST", "/resume", b"").status, 200);
    assert_eq!(shown(&gateway)["standing"], "running");
    deliver(&gateway, "push", "b").assert_problem(503, "plugin_paused");
    placed(&gateway, "", &redactor(2));
    let _ = deliver(&gateway, "push", "b").accepted();
    assert_eq!(gateway.consumer().take("inbox", 2).len(), 2);
}

#[test]
fn versions_survive_a_restart_unless_the_configuration_names_another_file() {
    let world = world(MASKS);
    let gateway = world.start();
    put(&gateway, "", b"not wasm").assert_problem(422, "plugin_not_wasm");
    put(&gateway, &format!("?sha256={}", "0".repeat(64)), &redactor(2))
        .assert_problem(422, "plugin_digest");
    ask(&gateway, "PUT", "?x=1", &redactor(2)).assert_problem(422, "request_invalid");
    let request = http::request("PUT", "/v1/plugins/asked", &[], &redactor(2));
    http::send(gateway.admin(), &request).assert_problem(415, "media_type_unsupported");
    assert_eq!(shown(&gateway)["current"], digest(&redactor(1)), "all is as it was");
    placed(&gateway, &format!("?sha256={}", digest(&redactor(2))), &redactor(2));
    assert_eq!(put(&gateway, "", &redactor(2)).status, 200, "it is in place");
    placed(&gateway, "", &redactor(3));
    placed(&gateway, "?shadow=true", &redactor(4));
    let kept = |world: &World| -> BTreeSet<PathBuf> {
        let files = fs::read_dir(world.path("data/plugins")).unwrap();
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
            .collect()
    };
    let files = |numbers: &[u8]| -> BTreeSet<PathBuf> {
        let file =
            |number: &u8| world.path(&format!("data/plugins/{}.wasm", digest(&redactor(*number))));
        numbers.iter().map(file).collect()
    };
    assert_eq!(kept(&world), files(&[2, 3, 4]), "the current, the previous and the shadow");
    gateway.kill();
    let gateway = world.start();
    let plugin = shown(&gateway);
    for (place, number) in [("current", 3), ("previous", 2), ("shadow", 4), ("configured", 1)] {
        assert_eq!(plugin[place], digest(&redactor(number)), "{place}: {plugin}");
    }
    let made = deliver(&gateway, "push", "a").accepted();
    let taken = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(
        (made_by(&taken), taken.attribute("sgparent")),
        (digest(&redactor(3))[..12].to_owned(), made.id.as_str())
    );
    assert!(gateway.stop().success());
    world.write("one.wasm", redactor(5));
    let gateway = world.start();
    gateway.wait_for_log("the configuration names another file than before");
    let plugin = shown(&gateway);
    assert_eq!(plugin["current"], digest(&redactor(5)));
    assert_eq!(plugin["previous"], digest(&redactor(3)), "it can be gone back to");
}
