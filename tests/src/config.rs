//! Configuration texts that several tests share; what a test is about stands in the test.

use std::path::Path;

/// The head of every configuration: loopback listeners on free ports, and the secrets.
pub const HEAD: &str = "\
version: 1
data: ./data
listen: { http: 127.0.0.1:0, admin: 127.0.0.1:0 }
secrets:
  github: { env: GITHUB_WEBHOOK_SECRET }
  standard: { env: STANDARD_SECRET }
  stripe: { env: STRIPE_SECRET }
  slack: { env: SLACK_SECRET }
";

/// [`HEAD`] with these listeners beside its own.
#[must_use]
pub fn listening(more: &str) -> String {
    HEAD.replace("admin: 127.0.0.1:0 }", &format!("admin: 127.0.0.1:0, {more} }}"))
}

/// [`HEAD`] with a listener for MQTT.
#[must_use]
pub fn mqtt_head() -> String {
    listening("mqtt: 127.0.0.1:0")
}

/// A listener for MQTT that takes every topic into `inbox`: its section, and that of the queue.
#[must_use]
pub fn every_topic(mqtt: &str, inbox: &str) -> String {
    format!(
        "{}\
mqtt: {mqtt}
sources:
  things: {{ mqtt: {{ topics: [ \"#\" ] }}, verify: {{ scheme: none }} }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {inbox}
",
        mqtt_head()
    )
}

/// The source `github`, as the only one.
const GITHUB: &str = "\
sources:
  github:
    http: { path: /hooks/github }
    verify: { scheme: github, keys: [ { id: k1, secret: github } ] }
";

/// The secret of the `standard` source.
pub const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The secret of the `stripe` source.
pub const STRIPE_SECRET: &str = "whsec_test_secret_of_a_stripe_endpoint";

/// The secret of the `slack` source.
pub const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A source of each scheme, one route, one queue.
#[must_use]
pub fn every_scheme() -> String {
    format!(
        "{HEAD}\
sources:
  github:
    http:
      path: /hooks/github
      media_types: [application/json, application/x-www-form-urlencoded]
    verify: {{ scheme: github, keys: [ {{ id: k1, secret: github }} ] }}
  standard:
    http: {{ path: /hooks/standard }}
    verify: {{ scheme: standard-webhooks, keys: [ {{ id: k1, secret: standard }} ] }}
  stripe:
    http: {{ path: /hooks/stripe }}
    verify: {{ scheme: stripe, keys: [ {{ id: k1, secret: stripe }} ] }}
  slack:
    http: {{ path: /hooks/slack }}
    verify: {{ scheme: slack, keys: [ {{ id: k1, secret: slack }} ] }}
  open:
    http: {{ path: /hooks/open, payload_max: 64KiB }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    )
}

/// One source without verification, and one queue with these settings.
#[must_use]
pub fn open_source(queues: &str) -> String {
    format!(
        "{HEAD}\
sources:
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
{queues}
"
    )
}

/// One GitHub source whose events meet plugins: these plugins, routes and queues, each as lines of
/// YAML.
#[must_use]
pub fn filtered(plugins: &str, routes: &str, queues: &str) -> String {
    format!("{HEAD}{GITHUB}plugins:\n{plugins}\nroutes:\n{routes}\nqueues:\n{queues}\n")
}

/// One GitHub source, and one queue whose leases come back at once.
#[must_use]
pub fn under_load() -> String {
    format!(
        "{HEAD}{GITHUB}\
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{ retry: {{ attempts: 1000, min: 1ms, max: 1ms }} }}
"
    )
}

/// [`under_load`] with its data in this folder, and these settings beside.
#[must_use]
pub fn under_load_in(data: &Path, settings: &str) -> String {
    let data = format!("data: {}", data.display());
    format!("{}{settings}\n", under_load().replace("data: ./data", &data))
}
