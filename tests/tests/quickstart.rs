//! The story that the README tells, as a new user runs it: `examples/quickstart/try.sh`.

use std::process::{Command, Stdio};

use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway;

#[test]
fn the_quickstart_tells_its_whole_story() {
    let script = root().join("examples/quickstart/try.sh");
    let data = tempfile::TempDir::with_prefix("sluicegate-quickstart-").unwrap();
    let free_port = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let output = Command::new("bash")
        .arg(&script)
        .env("SLUICEGATE_BIN", gateway::binary())
        .env("SLUICEGATE_HTTP_PORT", free_port())
        .env("SLUICEGATE_ADMIN_PORT", free_port())
        .env("SLUICEGATE_DATA", data.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{faults}", output.status);
    // A signed event arrives, a forged one does not, the filter decides, a consumer gets it.
    for part in ["202", "401", "urgent", "code_scanning_alert"] {
        assert!(said.contains(part), "{part} is not in:\n{said}\n{faults}");
    }
}
