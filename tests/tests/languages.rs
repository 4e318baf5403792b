//! Filters in every language: the examples pass their cases and decide in a gateway, and a new
//! plugin builds and passes at once. The tools are those that `sdk/tools` puts into `target/tools`,
//! or in PATH; a missing one is a failure that says how to get it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use sluicegate_tests::config::filtered;
use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::fixtures::{self, Encoding, root};
use sluicegate_tests::world::World;
use sluicegate_tests::{gateway, senders, signing};

/// The router sends severe alerts to `urgent`.
const SEVERE: &str = "{ threshold: high, queues: [ urgent ] }";

const PLUGINS: [&str; 3] = ["drop-by-header", "redactor", "severity-router"];

/// Folders of `target` of the workspace: `target/debug/sluicegate` is the binary.
fn target(name: &str) -> PathBuf {
    let binary = gateway::binary();
    let target = binary.ancestors().nth(2).expect("the binary lies in target/debug");
    target.join(name)
}

fn path() -> OsString {
    let ours = [target("tools/bin"), root().join("target/tools/bin")];
    let system = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ours.into_iter().chain(env::split_paths(&system))).unwrap()
}

/// A command of the gateway's binary. Crates share what they are built of.
fn sluicegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(gateway::binary());
    command.args(arguments).env("PATH", path()).env("CARGO_TARGET_DIR", target("new-plugins"));
    command
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    assert!(output.status.success(), "{:?}\n{text}", output.status);
    text
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// The component of a plugin: committed for Rust and C, for the others built, unless it was built
/// of these sources before.
fn component(plugin: &str, language: &str) -> PathBuf {
    let folder = root().join("plugins").join(plugin).join(language);
    if ["rust", "c"].contains(&language) {
        return folder.join(format!("{plugin}.wasm"));
    }
    let sdk = root().join("sdk").join(if language == "cpp" { "c" } else { language });
    let mut sources = Vec::new();
    for from in [&folder, &sdk, &root().join("sdk/wit"), &root().join("sdk/toolchain")] {
        collect(from, &mut sources);
    }
    let builder = root().join("gateway/server/src/cli/plugin/build");
    collect(&builder, &mut sources);
    sources.sort();
    let mut all = Vec::new();
    for source in &sources {
        all.extend(display(source).into_bytes());
        all.extend(signing::sha256(&fs::read(source).unwrap()));
    }
    let digest = signing::hex(&signing::sha256(&all));
    let built = target("languages").join(format!("{plugin}-{language}-{}.wasm", &digest[..16]));
    if !built.exists() {
        fs::create_dir_all(target("languages")).unwrap();
        let draft = built.with_extension(format!("{}.draft", std::process::id()));
        let (folder, output) = (display(&folder), display(&draft));
        let build = ["plugin", "build", &folder, "--output", &output];
        said(&sluicegate(&build).output().unwrap());
        fs::rename(draft, &built).unwrap();
    }
    built
}

/// Every file of a folder, without what tools leave there.
fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["node_modules", "__pycache__", "target"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Holds the three filters of a language against their cases, then takes three events through all
/// of them in a gateway.
fn decide(language: &str) {
    let components = PLUGINS.map(|plugin| component(plugin, language));
    for (plugin, component) in PLUGINS.iter().zip(&components) {
        let cases = display(&root().join(format!("plugins/{plugin}/cases.yaml")));
        // A debug build, on a machine that does other things too.
        let (component, limit) = (display(component), "500ms");
        let test = ["plugin", "test", &component, "--cases", &cases, "--deadline", limit];
        let told = said(&sluicegate(&test).output().unwrap());
        assert!(told.contains(" 0 failed"), "{plugin} in {language}: {told}");
    }
    let limit = "deadline: 500ms";
    let [dropper, redactor, router] = components.map(|component| display(&component));
    let plugins = [
        format!("  drop: {{ path: {dropper}, {limit}, config: {{ header: x-spam }} }}"),
        format!("  redact: {{ path: {redactor}, {limit}, config: {{ keys: [ email ] }} }}"),
        format!("  route: {{ path: {router}, {limit}, config: {SEVERE} }}"),
    ];
    let world = World::new(&filtered(
        &plugins.join("\n"),
        "  - { name: main, filters: [ drop, redact, route ], to: [ inbox ] }",
        "  inbox: {}\n  urgent: {}",
    ));
    let mut gateway = world.start();
    let deliver =
        |delivery: fixtures::Delivery| gateway.deliver("/hooks/github", &delivery).accepted().id;
    let spam = fixtures::github("push", Encoding::Json, "spam").with("X-Spam", "yes");
    deliver(spam);
    deliver(fixtures::github("push", Encoding::Json, "push"));
    deliver(fixtures::github("dependabot_alert", Encoding::Json, "alert"));
    let push = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(push.attribute("type"), "push", "{language}");
    let payload: serde_json::Value = serde_json::from_slice(&push.payload).unwrap();
    assert_eq!(payload["pusher"]["email"], "***", "{language}");
    let alert = gateway.consumer().take("urgent", 1).remove(0);
    assert_eq!(alert.attribute("type"), "dependabot_alert", "{language}");
    for queue in ["inbox", "urgent", "dead-letters"] {
        assert_eq!(gateway.consumer().depth(queue), 0, "{queue}: the marked push is gone");
    }
    gateway.assert_unharmed();
}

#[test]
fn filters_in_rust_pass_their_cases_and_decide_in_a_gateway() {
    decide("rust");
}

#[test]
fn filters_in_c_pass_their_cases_and_decide_in_a_gateway() {
    decide("c");
}

#[test]
fn filters_in_cpp_pass_their_cases_and_decide_in_a_gateway() {
    decide("cpp");
}

#[test]
fn filters_in_go_pass_their_cases_and_decide_in_a_gateway() {
    decide("go");
}

#[test]
fn filters_in_javascript_pass_their_cases_and_decide_in_a_gateway() {
    decide("javascript");
}

#[test]
fn filters_in_python_pass_their_cases_and_decide_in_a_gateway() {
    decide("python");
}

/// What an SDK lays out in memory is what the contract says: every answer, every import.
#[test]
fn the_probes_in_c_and_go_give_every_answer() {
    let world = World::new("");
    for language in ["c", "go"] {
        let folder = display(&root().join("sdk/probe").join(language));
        let probe = display(&world.path("probe.wasm"));
        said(&sluicegate(&["plugin", "build", &folder, "--output", &probe]).output().unwrap());
        let cases = display(&root().join("sdk/probe/cases.yaml"));
        let test = ["plugin", "test", &probe, "--cases", &cases, "--deadline", "500ms"];
        let told = said(&sluicegate(&test).output().unwrap());
        assert!(told.contains(" 0 failed"), "{language}: {told}");
    }
}

/// Makes the batch probe, in Rust.
fn batch_probe(world: &World) -> String {
    let folder = display(&root().join("sdk/probe/batch"));
    let probe = display(&world.path("batch.wasm"));
    said(&sluicegate(&["plugin", "build", &folder, "--output", &probe]).output().unwrap());
    probe
}

#[test]
fn a_batch_filter_in_rust_passes_its_cases_and_decides_in_a_gateway_about_several_at_once() {
    let world = World::new("");
    let probe = batch_probe(&world);
    let cases = display(&root().join("sdk/probe/batch/cases.yaml"));
    let told = said(&sluicegate(&["plugin", "test", &probe, "--cases", &cases]).output().unwrap());
    assert!(told.contains("3 passed, 0 failed"), "{told}");
    let told = said(&sluicegate(&["plugin", "inspect", &probe]).output().unwrap());
    assert!(told.contains("sluicegate:plugin/batch-filter-plugin@0.1.0"), "{told}");

    let world = World::new(&filtered(
        &format!("  batch: {{ path: {probe}, deadline: 500ms, config: {{ busy_ms: 20 }} }}"),
        "  - { name: main, filters: [ batch ], to: [ inbox ] }",
        "  inbox: {}",
    ));
    let mut gateway = world.start();
    let sender = |gateway: &gateway::Gateway, number: usize| {
        let delivery = senders::delivery(number);
        assert_eq!(gateway.deliver(senders::PATH, &delivery).status, 202);
    };
    // More at once than there are instances: some must wait, and what waits is asked together.
    let mut sent = 0;
    wait_within(Duration::from_secs(60), "events that were asked about together", || {
        let shared = &gateway;
        thread::scope(|scope| {
            for number in sent..sent + 32 {
                scope.spawn(move || sender(shared, number));
            }
        });
        sent += 32;
        let events = gateway.consumer().take("inbox", 32);
        let mut numbers: Vec<usize> =
            events.iter().map(|event| senders::number_of(&event.payload)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (sent - 32..sent).collect::<Vec<_>>());
        let of = |event: &Delivered, name: &str| event.attribute(name).parse::<usize>().unwrap();
        assert!(events.iter().all(|event| of(event, "place") < of(event, "together")));
        events.iter().any(|event| of(event, "together") > 1).then_some(())
    });
    gateway.assert_unharmed();
}

/// Of JavaScript, as its tool makes it if nobody says `--sync`. What wasmtime says of it is matched by
/// its words: this shows that they are still the same.
#[test]
fn a_component_that_is_compiled_for_async_is_refused_with_the_flag_that_is_missing() {
    let world = World::new("");
    let filter = "export const filter = {
        configure: () => ({ types: [], attributes: [], headers: [], data: 'none' }),
        filter: () => ({ tag: 'next' }),
    };";
    world.write("filter.js", filter);
    let (wit, js) = (display(&root().join("sdk/wit")), display(&world.path("filter.js")));
    let output = display(&world.path("async.wasm"));
    let mut command = Command::new("componentize-qjs");
    command.env("PATH", path()).args(["--stub-wasi", "--world", "filter-plugin"]);
    command.args(["--wit", &wit, "--js", &js, "--output", &output]);
    said(&command.output().expect("componentize-qjs is missing: sdk/tools installs it"));
    let output = sluicegate(&["plugin", "inspect", &output]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("[plugin_async]") && told.contains("--sync"), "{told}");

    world.write(
        "gateway.yaml",
        filtered(
            "  async: { path: async.wasm }",
            "  - { name: main, filters: [ async ], to: [ inbox ] }",
            "  inbox: {}",
        ),
    );
    let output = world.run(&["check", "gateway.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("plugin_async") && told.contains("--sync"), "{told}");
}

/// Makes a plugin, builds it, holds it against its cases, and runs its unit tests.
fn from_nothing(language: &str, unit_tests: Option<(&str, &[&str])>) {
    let world = World::new("");
    let folder = world.path("first-filter");
    let new = ["plugin", "new", "--lang", language, "first-filter"];
    let in_world = |mut command: Command| {
        let output = command.current_dir(world.path("")).output();
        said(&output.unwrap())
    };
    in_world(sluicegate(&new));
    let again = sluicegate(&new).current_dir(world.path("")).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "it wrote over a folder");
    in_world(sluicegate(&["plugin", "build", "first-filter"]));
    let told = in_world(sluicegate(&["plugin", "test", "first-filter", "--deadline", "500ms"]));
    assert!(told.contains("3 passed, 0 failed"), "{told}");
    let told = in_world(sluicegate(&["plugin", "inspect", "first-filter"]));
    assert!(told.contains("sluicegate:plugin/filter-plugin@0.1.0"), "{told}");
    if ["rust", "c"].contains(&language) {
        // The same for all; these two are compiled in no time.
        decides_in_its_own_gateway(&world, &folder);
    }
    let Some((program, arguments)) = unit_tests else { return };
    if language == "js" {
        // As `npm install` does it.
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        let link = folder.join("node_modules/sluicegate-plugin");
        std::os::unix::fs::symlink(folder.join("sdk/javascript"), link).unwrap();
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&folder).env("PATH", path());
    said(&command.env("PYTHONPATH", "sdk/python").output().unwrap());
}

/// The gateway that comes with a new plugin, on free ports, drops what its README says.
fn decides_in_its_own_gateway(world: &World, folder: &Path) {
    let text = fs::read_to_string(folder.join("gateway.yaml")).unwrap();
    let text =
        text.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:8081", "127.0.0.1:0");
    let own = "first-filter.wasm";
    assert!(text.contains(own), "{text}");
    // A debug build, on a machine that does other things too.
    let here = format!("first-filter/{own}, deadline: 500ms");
    world.write("gateway.yaml", text.replace(own, &here));
    world.write("event.json", "{}");
    let mut gateway = world.start();
    let url = format!("http://{}", gateway.http());
    let send = ["send", "gateway.yaml", "test", "event.json", "--url", &url, "--header"];
    said(&world.run(&[&send[..], &["x-type: push"]].concat()));
    said(&world.run(&[&send[..], &["x-type: push", "--header", "X-Spam: yes"]].concat()));
    let left = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(left.attribute("type"), "push");
    for queue in ["inbox", "dead-letters"] {
        assert_eq!(gateway.consumer().depth(queue), 0, "{queue}: the marked push is gone");
    }
    gateway.assert_unharmed();
}

#[test]
fn a_new_plugin_in_rust_builds_and_passes_at_once() {
    from_nothing("rust", None);
}

#[test]
fn a_new_plugin_in_javascript_builds_and_passes_at_once() {
    from_nothing("js", Some(("node", &["--test", "filter.test.js"])));
}

#[test]
fn a_new_plugin_in_python_builds_and_passes_at_once() {
    from_nothing("python", Some(("python3", &["-m", "unittest"])));
}

#[test]
fn a_new_plugin_in_go_builds_and_passes_at_once() {
    from_nothing("go", Some(("go", &["test"])));
}

#[test]
fn a_new_plugin_in_c_builds_and_passes_at_once() {
    from_nothing("c", Some(("sdk/c/run-tests", &["."])));
}

#[test]
fn a_new_plugin_in_cpp_builds_and_passes_at_once() {
    from_nothing("cpp", Some(("sdk/c/run-tests", &["."])));
}

#[test]
fn a_missing_tool_is_told_with_the_command_that_installs_it() {
    let world = World::new("");
    for (language, wanted) in
        [("js", "npm install"), ("python", "pip install"), ("go", "go.dev"), ("c", "ziglang")]
    {
        let new = ["plugin", "new", "--lang", language, language];
        said(&sluicegate(&new).current_dir(world.path("")).output().unwrap());
        let mut build = sluicegate(&["plugin", "build", language]);
        let output = build.env("PATH", "/nowhere").current_dir(world.path("")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("is missing") && told.contains(wanted), "{language}: {told}");
    }
}
