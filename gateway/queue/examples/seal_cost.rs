//! What encryption at rest costs: CPU time of a commit and of a receive, plain and sealed.
//!
//! `cargo run --release -p sluicegate-queue --example seal_cost -- [folder] [rounds]`
//!
//! Plain and sealed take turns, so that whatever else the machine does falls on both. The disk is
//! flushed once a second: this measures processors. It must never be taken for a rate of commits.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::proof::{Placement, Routed, Validated};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::{Encryption, FsyncMode, LocalKey, QueueConfig, Store, StoreConfig};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Events in one run, and how many are under way at once.
const EVENTS: u64 = 100_000;
const AT_ONCE: usize = 64;
const PAYLOADS: [usize; 3] = [128, 1024, 16 * 1024];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "seal-cost-data".into()));
    let rounds: usize = args.next().map_or(Ok(5), |text| text.parse())?;
    println!("CPU microseconds for one event, the least of {rounds} rounds");
    println!("{:>10} {:>22} {:>22}", "payload", "commit", "receive");
    for payload in PAYLOADS {
        let mut cpu: [Vec<(f64, f64)>; 2] = Default::default();
        for _ in 0..rounds {
            for (cpu, sealed) in cpu.iter_mut().zip([false, true]) {
                cpu.push(run(&folder, payload, sealed).await?);
            }
        }
        // What else the machine does only adds: the least is the nearest to the truth.
        let least = |cpu: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
            cpu.iter().map(of).fold(f64::INFINITY, f64::min)
        };
        let [plain, sealed] = &cpu;
        let pair = |of| {
            let (plain, sealed) = (least(plain, of), least(sealed, of));
            format!("{plain:.2} -> {sealed:.2} (+{:.2})", sealed - plain)
        };
        println!("{payload:10} {:>22} {:>22}", pair(|one| one.0), pair(|one| one.1));
    }
    Ok(())
}

/// CPU microseconds of a commit and of a receive.
async fn run(folder: &Path, payload: usize, sealed: bool) -> Result<(f64, f64)> {
    // What an ended run left behind, if one did.
    let _ = std::fs::remove_dir_all(folder);
    let name: QueueName = "q".parse()?;
    let mut config = StoreConfig::new(folder);
    config.fsync = FsyncMode::Interval(Duration::from_secs(1));
    config.queues = vec![QueueConfig::new(name.clone(), name.clone())];
    config.encryption = sealed.then(|| Encryption::new(Arc::new(LocalKey::new("bench", &[7; 32]))));
    let store = Arc::new(Store::open(config, Clock::new(now))?);
    let bytes = Bytes::from(vec![b'x'; payload]);
    let events = (EVENTS * 1024 / payload.max(1024) as u64).max(1);

    let before = cpu_us()?;
    let mut under_way = JoinSet::new();
    for number in 0..events {
        if under_way.len() >= AT_ONCE
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
        let (store, routed) = (Arc::clone(&store), routed(number, &bytes, &name)?);
        under_way.spawn(async move { store.commit(routed).await.map(drop) });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let committed = cpu_us()?;
    let mut received = 0;
    let hour = Duration::from_secs(3600);
    while received < events {
        let ask = Ask { max: 256, wait: Duration::from_secs(5), lease: hour };
        let got = store.receive(&name, ask).await?;
        if got.is_empty() || got.iter().any(|one| one.event.payload != bytes) {
            return Err("an event is lost or changed".into());
        }
        received += got.len() as u64;
    }
    let done = cpu_us()?;
    store.stop().await;
    std::fs::remove_dir_all(folder)?;
    Ok(((committed - before) / events as f64, (done - committed) / events as f64))
}

fn routed(number: u64, payload: &Bytes, queue: &QueueName) -> Result<Routed> {
    let at = now();
    let event = Event::new(Parts {
        id: EventId::new(at, number),
        source: "github".parse()?,
        kind: "push".into(),
        subject: None,
        time: None,
        received_at: at,
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers: [("x-github-event", "push")].into_iter().collect(),
        payload: payload.clone(),
    });
    let verdict = Verdict { scheme: "github".into(), key: None, skew_ms: None, schema: None };
    let placement = Placement { event: event.clone(), queues: vec![queue.clone()], letter: None };
    let validated = Validated::assertion(event, verdict, None);
    Ok(Routed::assertion(validated, vec![placement], Vec::new()))
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ns(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// CPU time of the threads of this process (`schedstat` of proc(5): nanoseconds).
fn cpu_us() -> Result<f64> {
    let mut ns = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // A thread may end while it is looked at.
        let stat = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        ns += stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0);
    }
    Ok(ns / 1000.0)
}
