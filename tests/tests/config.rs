//! The configuration, as an operator gets it wrong: everything is said at once, with file, line and
//! path, and nothing starts.

use sluicegate_tests::config::{self, HEAD};
use sluicegate_tests::world::World;

/// What `check` said, line by line, and its exit code.
fn check(world: &World) -> (Vec<String>, Option<i32>) {
    let file = world.configuration();
    let output = world.run(&["check", &file.to_string_lossy()]);
    let said = [output.stdout, output.stderr].concat();
    let lines = String::from_utf8(said).unwrap().lines().map(str::to_owned).collect();
    (lines, output.status.code())
}

/// The complaint about this line of the file and this path.
#[track_caller]
fn assert_said(lines: &[String], world: &World, line: usize, path: &str) {
    let start = format!("{}:{line}: {path}", world.configuration().display());
    assert!(lines.iter().any(|said| said.starts_with(&start)), "{start}: not in {lines:#?}");
}

const TEN_ERRORS: &str = "\
version: 1
data: ./data
listen: { http: 127.0.0.1:0, admin: here }
secrets:
  github: { env: GITHUB_WEBHOOK_SECRET }
  unset: { env: THIS_VARIABLE_IS_NOT_SET }
schemas: ./no-such-folder
sources:
  github:
    http: { path: /hooks/github, payload_max: 17 MiB }
    verify: { scheme: githib, keys: [ { id: k1, secret: github } ] }
  other:
    http: { path: /hooks/other }
    verify: { scheme: github, keys: [ { id: k1, secret: none } ] }
plugins:
  broken: { path: ./broken.wasm }
routes:
  - { name: one, to: [ nowhere ] }
queues:
  inbox: { retri: { attempts: 3 } }
  second: { dead_letter: nowhere }
";

#[test]
fn ten_errors_are_told_at_once_with_file_line_and_path() {
    let world = World::new(TEN_ERRORS);
    world.write("broken.wasm", "this is not WebAssembly");
    let (lines, code) = check(&world);
    assert_eq!(code, Some(1), "{lines:#?}");
    for (line, path) in [
        (3, "listen.admin"),
        (6, "secrets.unset"),
        (7, "schemas"),
        (10, "sources.github.http.payload_max"),
        (11, "sources.github.verify.scheme"),
        (14, "sources.other.verify.keys[0].secret"),
        (16, "plugins.broken"),
        (18, "routes[0].to"),
        (20, "queues.inbox"),
        (21, "queues.second.dead_letter"),
    ] {
        assert_said(&lines, &world, line, path);
    }
    let file = world.configuration();
    let complaints = lines.iter().filter(|line| line.starts_with(&*file.to_string_lossy()));
    assert_eq!(complaints.count(), 10, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("did you mean")), "{lines:#?}");
    // What is wrong is wrong for `run` as well, and nothing is left behind.
    let run = world.run(&["run", &file.to_string_lossy()]);
    assert_eq!(run.status.code(), Some(1));
    assert!(!world.path("data").exists(), "a refused configuration made a data folder");
}

#[test]
fn a_right_configuration_passes_and_touches_nothing() {
    let world = World::new(&config::every_scheme());
    let (lines, code) = check(&world);
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(!world.path("data").exists(), "check must not make the data folder");
}

#[test]
fn an_unknown_key_is_an_error_wherever_it_stands() {
    let good = config::open_source("  inbox: {}");
    for (bad, line, path) in [
        (format!("{good}extra: 1\n"), good.lines().count() + 1, "extra"),
        (good.replace("scheme: none", "scheme: none, strict: true"), 12, "sources.open.verify"),
        (good.replace("inbox: {}", "inbox: { depth: 3 }"), 16, "queues.inbox"),
    ] {
        let world = World::new(&bad);
        let (lines, code) = check(&world);
        assert_eq!(code, Some(1), "{lines:#?}");
        assert_said(&lines, &world, line, path);
    }
}

#[test]
fn a_schema_that_reaches_out_is_refused() {
    for reference in ["http://127.0.0.1:9/x.json", "https://example.com/x", "file:///etc/passwd"] {
        let world = World::new(&format!(
            "{HEAD}\
schemas: ./schemas
sources:
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
    schema: {{ subject: \"thing\", on_unknown: reject }}
routes:
  - {{ name: all, to: [ inbox ] }}
queues:
  inbox: {{}}
"
        ));
        let schema = serde_json::json!({ "type": "object", "$ref": reference });
        world.write("schemas/thing.json", schema.to_string());
        let (lines, code) = check(&world);
        assert_eq!(code, Some(1), "{reference}: {lines:#?}");
        assert!(lines.iter().any(|line| line.contains("thing")), "{reference}: {lines:#?}");
    }
}

#[test]
fn text_that_is_not_yaml_and_files_that_are_not_there_are_said_plainly() {
    let world = World::new("version: 1\nlisten: { http: [\n");
    let (lines, code) = check(&world);
    assert_eq!(code, Some(1), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("gateway.yaml:")), "{lines:#?}");
    let missing = world.run(&["check", "no-such-file.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no-such-file.yaml"));
    assert_eq!(world.run(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn a_secret_is_never_printed() {
    let bad = config::every_scheme().replace("to: [ inbox ]", "to: [ nowhere ]");
    let world = World::new(&bad);
    let (lines, code) = check(&world);
    assert_eq!(code, Some(1));
    let secrets = [config::STRIPE_SECRET, config::SLACK_SECRET, config::STANDARD_SECRET];
    for secret in secrets {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{lines:#?}");
    }
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let log = gateway.log();
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}

const EVERY_KEY_OF_A_QUEUE: &str = "  inbox:
    retry: { attempts: 12, min: 1s, max: 1h }
    dead_letter: inbox-dead
    retain: { time: 7d, bytes: 10GiB, hold: true }
    limits: { events: 1000000, bytes: 10GiB, rate: 5000, held: 100000 }
    when_full: drop-oldest
    order_by: subject
    priority_by: attributes.priority
    delay: 5s
    deliver_at: attributes.deliverat
    ttl: 1d
    expires_at: attributes.expirytime
    on_expiry: dead-letter
    paused: false
    delivery_rate: 100
  inbox-dead: { retain: 7d }";

#[test]
fn every_key_of_a_queue_a_source_and_the_store_is_taken() {
    let text = config::open_source(EVERY_KEY_OF_A_QUEUE)
        .replace("scheme: none }", "scheme: none }\n    limits: { events: 100000, bytes: 1GiB }");
    let store = "limits: { segment_size: 16MiB, dedupe: { window: 1d, keys: 1000 } }\n";
    let world = World::new(&(text + store));
    let (lines, code) = check(&world);
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn queues_that_make_no_sense_are_told_line_by_line() {
    let queues = "  inbox: { ttl: 5s, delay: 10s, dead_letter: dead }
  full: { when_full: drop-oldest }
  late: { delay: 31d }
  dead: { ttl: 1d, on_expiry: dead-letter }
  chain: { dead_letter: chained }
  chained: { dead_letter: dead }
  field: { order_by: payload.id }
  word: { when_full: drop }
  span: { retain: 7 days }
  hold: { retain: { time: 7d, holds: true } }";
    let text = config::open_source(queues)
        .replace("scheme: none }", "scheme: none }\n    limits: { bytes: 0 }");
    let store = "limits: { segment_size: 1KiB, dedupe: { window: 4000d } }\n";
    let world = World::new(&(text + store));
    let (lines, code) = check(&world);
    assert_eq!(code, Some(1), "{lines:#?}");
    let first = world_line(&world, "  inbox:");
    for (line, path) in [
        (first, "queues.inbox.ttl"),
        (first + 1, "queues.full.when_full"),
        (first + 2, "queues.late.delay"),
        (first + 3, "queues.dead.on_expiry"),
        (first + 5, "queues.chained.dead_letter"),
        (first + 6, "queues.field.order_by"),
        (first + 7, "queues.word.when_full"),
        (first + 8, "queues.span.retain"),
        (first + 9, "queues.hold.retain.holds"),
        (world_line(&world, "    limits: { bytes: 0"), "sources.open.limits.bytes"),
        (world_line(&world, "limits: { segment"), "limits.segment_size"),
        (world_line(&world, "limits: { segment"), "limits.dedupe.window"),
    ] {
        assert_said(&lines, &world, line, path);
    }
    for words in ["attributes.NAME", "reject, drop-oldest", "a duration such as 7d", "did you mean"]
    {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}: not in {lines:#?}");
    }
}

/// The number of the first line of the configuration that begins so.
fn world_line(world: &World, start: &str) -> usize {
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    text.lines().position(|line| line.starts_with(start)).unwrap() + 1
}
