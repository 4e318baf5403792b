//! The bench: measures the line, and verifies every event while it does.

fn main() -> std::process::ExitCode {
    sluicegate_tests::bench::main()
}
