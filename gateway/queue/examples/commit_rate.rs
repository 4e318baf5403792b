//! How fast the store commits, beside the least that a group commit can be on the same disk.
//!
//! `cargo run --release -p sluicegate-queue --example commit_rate -- [folder] [seconds]`
//!
//! The raw loop is one thread that drains a list, writes the bytes into a preallocated file,
//! flushes, and frees the producers: no entries, no CRC, no queues. It must never be used for
//! anything but comparison.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, QueueName};
use sluicegate_core::proof::{Placement, Routed, Validated};
use sluicegate_core::queue::{Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::{QueueConfig, Store, StoreConfig};
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PAYLOAD: usize = 1024;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "commit-rate-data".into()));
    let seconds: u64 = args.next().map_or(Ok(4), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    std::fs::create_dir_all(&folder)?;
    println!(
        "{:34} {:>10} {:>8} {:>8} {:>8} {:>7}",
        "", "per s", "p50 us", "p99 us", "CPU us", "batch"
    );
    for producers in [1, 64] {
        let raw = raw(&folder, producers, time).await?;
        raw.print(&format!("raw, {producers} producers"), None);
        for queues in [1, 10] {
            let name = format!("store, {producers} producers, {queues} queues");
            commits(&folder, producers, queues, time).await?.print(&name, Some(raw.rate));
        }
    }
    through(&folder, time).await?.print("commit, receive, ack; 64", None);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

struct Measured {
    rate: f64,
    cpu_us: f64,
    p50: u64,
    p99: u64,
    batch: f64,
}

impl Measured {
    fn print(&self, name: &str, raw: Option<f64>) {
        let share =
            raw.map_or(String::new(), |raw| format!("  {:.0} % of raw", self.rate / raw * 100.0));
        println!(
            "{name:34} {:10.0} {:8} {:8} {:8.1} {:7.1}{share}",
            self.rate, self.p50, self.p99, self.cpu_us, self.batch
        );
    }
}

/// Runs a closed loop of producers, and measures.
async fn drive<F: Future<Output = Result<()>> + Send + 'static>(
    producers: u64,
    time: Duration,
    batches: impl Fn() -> u64,
    one: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Result<Measured> {
    let (stop, done, latency) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(Latency::default()),
    );
    let (start, cpu, before) = (Instant::now(), cpu_seconds()?, batches());
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (stop, done, one) = (Arc::clone(&stop), Arc::clone(&done), one.clone());
            let latency = Arc::clone(&latency);
            tokio::spawn(async move {
                let mut number = producer << 40;
                while !stop.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    one(number).await?;
                    latency.observe(asked.elapsed());
                    number += 1;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Result::Ok(())
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    let count = done.load(Ordering::Relaxed) as f64;
    let cpu = cpu_seconds()? - cpu;
    Ok(Measured {
        rate: count / start.elapsed().as_secs_f64(),
        cpu_us: cpu * 1e6 / count,
        p50: latency.quantile(0.5),
        p99: latency.quantile(0.99),
        batch: count / (batches() - before).max(1) as f64,
    })
}

/// Latencies in steps of 10 us, up to 100 ms.
struct Latency(Vec<AtomicU64>);

impl Default for Latency {
    fn default() -> Self {
        Self((0..10_000).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Latency {
    fn observe(&self, value: Duration) {
        let step = (value.as_micros() as usize / 10).min(self.0.len() - 1);
        if let Some(count) = self.0.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn quantile(&self, part: f64) -> u64 {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = (counts.iter().sum::<u64>() as f64 * part) as u64;
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen > wanted
        };
        counts.iter().position(reached).unwrap_or(0) as u64 * 10
    }
}

async fn raw(folder: &Path, producers: u64, time: Duration) -> Result<Measured> {
    type Pile = Vec<(Vec<u8>, oneshot::Sender<()>)>;
    let path = folder.join("raw");
    let file = File::create(&path)?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RAW_BYTES)?;
    let desk = Arc::new((Mutex::new((Pile::new(), false)), Condvar::new()));
    let flushes = Arc::new(AtomicU64::new(0));
    let writer = {
        let (desk, flushes) = (Arc::clone(&desk), Arc::clone(&flushes));
        std::thread::spawn(move || -> std::io::Result<()> {
            let (mut offset, mut buffer, mut works) = (0, Vec::new(), Pile::new());
            loop {
                let mut pile = desk.0.lock().unwrap_or_else(PoisonError::into_inner);
                while pile.0.is_empty() {
                    if pile.1 {
                        return Ok(());
                    }
                    pile = desk.1.wait(pile).unwrap_or_else(PoisonError::into_inner);
                }
                std::mem::swap(&mut pile.0, &mut works);
                drop(pile);
                buffer.clear();
                works.iter().for_each(|(bytes, _)| buffer.extend_from_slice(bytes));
                if offset + buffer.len() as u64 > RAW_BYTES {
                    offset = 0;
                }
                file.write_all_at(&buffer, offset)?;
                file.sync_data()?;
                offset += buffer.len() as u64;
                flushes.fetch_add(1, Ordering::Relaxed);
                for (_, ticket) in works.drain(..) {
                    let _ = ticket.send(());
                }
            }
        })
    };
    let desk_of = Arc::clone(&desk);
    let count = || flushes.load(Ordering::Relaxed);
    let measured = drive(producers, time, count, move |_| {
        let desk = Arc::clone(&desk_of);
        async move {
            let (ticket, answer) = oneshot::channel();
            let bytes = vec![7; PAYLOAD];
            desk.0.lock().unwrap_or_else(PoisonError::into_inner).0.push((bytes, ticket));
            desk.1.notify_one();
            Ok(answer.await?)
        }
    })
    .await?;
    desk.0.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
    desk.1.notify_one();
    writer.join().map_err(|_| "the raw writer failed")??;
    std::fs::remove_file(path)?;
    Ok(measured)
}

const RAW_BYTES: u64 = 256 * 1024 * 1024;

fn open(folder: &Path, queues: u64) -> Result<(Arc<Store>, Vec<QueueName>)> {
    let folder = folder.join("store");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let names =
        (0..queues).map(|n| Ok(format!("q{n}").parse()?)).collect::<Result<Vec<QueueName>>>()?;
    let dead: QueueName = "dead".parse()?;
    let queue = |name: &QueueName| QueueConfig::new(name.clone(), dead.clone());
    let queues = names.iter().chain([&dead]).map(queue).collect();
    let config = StoreConfig { queues, seed: 1, ..StoreConfig::new(folder) };
    Ok((Arc::new(Store::open(config, Clock::new(now))?), names))
}

async fn commits(folder: &Path, producers: u64, queues: u64, time: Duration) -> Result<Measured> {
    let (store, names) = open(folder, queues)?;
    let payload = Bytes::from(vec![b'x'; PAYLOAD]);
    let counted = Arc::clone(&store);
    let batches = move || counted.metrics().fsync_us.buckets.iter().sum();
    let measured = drive(producers, time, batches, move |number| {
        let (store, routed) = (Arc::clone(&store), routed(number, &payload, &names));
        async move {
            store.commit(routed?).await?;
            Ok(())
        }
    })
    .await?;
    Ok(measured)
}

/// Every producer commits, and receives and acknowledges as much as it committed.
async fn through(folder: &Path, time: Duration) -> Result<Measured> {
    let (store, names) = open(folder, 1)?;
    let payload = Bytes::from(vec![b'x'; PAYLOAD]);
    let counted = Arc::clone(&store);
    let batches = move || counted.metrics().fsync_us.buckets.iter().sum();
    let consumer = {
        let (store, name) = (Arc::clone(&store), names.first().cloned().ok_or("no queue")?);
        tokio::spawn(async move {
            let mut acked = 0;
            let second = Duration::from_secs(1);
            let ask = Ask { max: 64, wait: second, lease: second * 30 };
            loop {
                let got = store.receive(&name, ask).await?;
                if got.is_empty() {
                    return Result::Ok(acked);
                }
                acked += got.len() as u64;
                let ack = |one: sluicegate_core::queue::Consumed| Settlement {
                    receipt: one.receipt,
                    verb: Verb::Ack,
                };
                store.settle(&name, got.into_iter().map(ack).collect()).await?;
            }
        })
    };
    let start = Instant::now();
    let mut measured = drive(64, time, batches, move |number| {
        let (store, routed) = (Arc::clone(&store), routed(number, &payload, &names));
        async move {
            store.commit(routed?).await?;
            Ok(())
        }
    })
    .await?;
    let acked = consumer.await??;
    // The consumer waits a second for the last event.
    let taken = start.elapsed() - Duration::from_secs(1);
    println!("{:34} {:10.0}", "  of which acked, in all", acked as f64 / taken.as_secs_f64());
    measured.rate = measured.rate.min(acked as f64 / taken.as_secs_f64());
    Ok(measured)
}

fn routed(number: u64, payload: &Bytes, queues: &[QueueName]) -> Result<Routed> {
    let at = now();
    let mut headers = Fields::with_capacity(8, 256);
    for (name, value) in [
        ("user-agent", "GitHub-Hookshot/044aadd"),
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        (
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
    ] {
        headers.push(name, value);
    }
    let event = Event::new(Parts {
        id: EventId::new(at, number),
        source: "github".parse()?,
        kind: "push".into(),
        subject: None,
        time: None,
        received_at: at,
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers,
        payload: payload.clone(),
    });
    let verdict = Verdict { scheme: "github".into(), key: None, skew_ms: None, schema: None };
    let placement = Placement { event: event.clone(), queues: queues.to_vec(), letter: None };
    let validated = Validated::assertion(event, verdict, None);
    Ok(Routed::assertion(validated, vec![placement], Vec::new()))
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ns(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// User and system time of this process, in ticks of 10 ms (proc(5)).
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |at| fields.split_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("no times in /proc/self/stat")?;
    Ok((user + system) / 100.0)
}
