//! What one call of a filter costs. Run it alone, in release:
//! `cargo run --release -p sluicegate-filters --example call_cost`
//!
//! It asks the severity router about a 1 KB alert: at the threshold (so that the payload is read)
//! and with a type that it did not subscribe to. For each it prints wall time and processor time
//! per event, first from one caller that waits for each answer (every event pays its hand-off),
//! then from 64 callers at once (workers take job after job). The time inside the guest call is
//! the room's own measure.

#![expect(clippy::print_stdout, reason = "a program that prints numbers")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{Digest, EventId};
use sluicegate_core::time::Timestamp;
use sluicegate_filters::{
    Chain, Compiler, Host, HostConfig, OnFailure, Plugin, PluginSpec, Slot, Terms,
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let queues: BTreeSet<_> = ["urgent".parse()?].into();
    let config = HostConfig {
        threads: 2,
        jobs_max: 1024,
        plugins_max: 4,
        queues: Arc::new(queues),
        compiler: Compiler::Here,
    };
    let host = Arc::new(Host::start(config)?);
    let began = Instant::now();
    let plugin = host.load(router()?)?;
    println!("load: {:?}; resident: {} KB", began.elapsed(), resident_kb()?);
    let chain =
        Arc::new(Chain { route: "main".parse()?, plugins: vec![Slot::new(plugin.clone(), None)] });
    for (kind, callers) in [("dependabot_alert", 1), ("dependabot_alert", 64), ("push", 64)] {
        let event = event(kind)?;
        run(&host, &chain, &event, callers, 20_000).await?;
        let before = guest_time(&plugin);
        let (wall, cpu, events) = run(&host, &chain, &event, callers, 400_000).await?;
        let guest = guest_time(&plugin).saturating_sub(before);
        println!(
            "{kind} x {callers:2}: wall {:5} ns, cpu {:5} ns, of it in the guest call {:4} ns per event",
            wall.as_nanos() / events,
            cpu.as_nanos() / events,
            guest.as_nanos() / events
        );
    }
    println!("resident at the end: {} KB", resident_kb()?);
    Ok(())
}

async fn run(
    host: &Arc<Host>,
    chain: &Arc<Chain>,
    event: &Event,
    callers: u32,
    events: u32,
) -> Result<(Duration, Duration, u128), Box<dyn Error>> {
    let (wall, cpu) = (Instant::now(), process_time());
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (host, chain, event) = (Arc::clone(host), Arc::clone(chain), event.clone());
            tokio::spawn(async move {
                for _ in 0..events / callers {
                    host.decide(event.clone(), vec![Arc::clone(&chain)]).await?;
                }
                Ok::<_, sluicegate_core::refusal::Refusal>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok((wall.elapsed(), process_time().saturating_sub(cpu), u128::from(events)))
}

fn router() -> Result<PluginSpec, Box<dyn Error>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugins/severity-router/rust/severity-router.wasm"
    );
    Ok(PluginSpec {
        name: "severity".parse()?,
        bytes: std::fs::read(path)?,
        digest: Digest([0; 32]),
        terms: Terms {
            config: r#"{"threshold":"high","queues":["urgent"]}"#.into(),
            deadline: Duration::from_millis(10),
            memory_bytes_max: 64 * 1024 * 1024,
            on_failure: OnFailure::DeadLetter,
            recycle_calls: 0,
            state: None,
        },
    })
}

/// An alert of 1 KB with its severity in the middle.
fn event(kind: &str) -> Result<Event, Box<dyn Error>> {
    let filler = "x".repeat(420);
    let payload = format!(
        r#"{{"action":"created","alert":{{"number":7,"state":"open","summary":"{filler}","security_advisory":{{"ghsa_id":"GHSA-xvch-5gv4-984h","severity":"critical"}},"notes":"{filler}"}}}}"#
    );
    Ok(Event::new(Parts {
        id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 7),
        source: "github".parse()?,
        kind: kind.into(),
        subject: None,
        time: None,
        received_at: Timestamp::from_unix_ms(1_700_000_000_000),
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers: Fields::new(),
        payload: Bytes::from(payload),
    }))
}

fn guest_time(plugin: &Plugin) -> Duration {
    Duration::from_nanos(plugin.metrics().call_time_ns.sum)
}

fn process_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn resident_kb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
