//! Makes the fixture folders of the data format: `tests/fixtures/data-v2/healthy` and `sealed`.
//!
//! `cargo run -p sluicegate-queue --example fixture -- FOLDER [sealed]`
//!
//! It was run once for this version of the format. Never run it over the folders that are there:
//! later versions must read what this one wrote.
#![expect(clippy::print_stdout, reason = "it says what it made")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{DedupeKey, Dropped, Placement, Routed, Validated};
use sluicegate_core::queue::{Consumed, Delivery, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::{
    Cursor, Encryption, Field, Hold, KEY_BYTES, LocalKey, QueueConfig, Store, StoreConfig,
    TermsRules,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// 2026-11-22T12:00:00Z: the clock of the fixture begins here, and goes on by hand.
const START_MS: u64 = 1_795_348_800_000;
const KEY_NAME: &str = "fixture";
/// The key of the sealed fixture: for tests only, known to everybody.
const KEY: [u8; KEY_BYTES] = [0x5a; KEY_BYTES];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("say where")?);
    if folder.exists() {
        return Err("this folder is there: fixtures are never changed".into());
    }
    let sealed = args.next().as_deref() == Some("sealed");
    let clock = Arc::new(AtomicU64::new(START_MS));
    let mut maker = Maker { folder: folder.clone(), sealed, clock, next: 0 };
    maker.first_life().await?;
    maker.second_life().await?;
    maker.life_of_keys().await?;
    maker.third_life().await?;
    for left in ["ballast", "lock"] {
        let path = folder.join(left);
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    println!("{} bytes in {}", size(&folder)?, folder.display());
    Ok(())
}

struct Maker {
    folder: PathBuf,
    sealed: bool,
    clock: Arc<AtomicU64>,
    next: u64,
}

impl Maker {
    fn open(&self) -> Result<Store> {
        let time = Arc::clone(&self.clock);
        let clock = Clock::new(move || Timestamp::from_unix_ms(time.load(Ordering::Relaxed)));
        let key = || Arc::new(LocalKey::new(KEY_NAME, &KEY));
        let config = StoreConfig {
            segment_bytes: 8 * 1024,
            free_bytes_min: 0,
            seed: 2026,
            queues: queues()?,
            encryption: self.sealed.then(|| Encryption::new(key())),
            ..StoreConfig::new(&self.folder)
        };
        Ok(Store::open(config, clock)?)
    }

    fn pass(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// Commits the next event into these queues.
    async fn put(&mut self, store: &Store, queues: &[&str]) -> Result<()> {
        let number = self.next;
        self.next += 1;
        self.pass(Duration::from_millis(250));
        let event = event(number, Timestamp::from_unix_ms(self.clock.load(Ordering::Relaxed)))?;
        let key = DedupeKey::new(&format!("delivery-{number}"));
        let verdict =
            Verdict { scheme: "github".into(), key: None, skew_ms: Some(-12), schema: None };
        let validated = Validated::assertion(event.clone(), verdict, key);
        let names: std::result::Result<Vec<_>, _> =
            queues.iter().map(|name| name.parse()).collect();
        let placement = Placement { event, queues: names?, letter: None };
        let mut drops = Vec::new();
        if number.is_multiple_of(9) {
            drops.push(Dropped { route: "quiet".parse()?, reason: "not wanted".into() });
        }
        store.commit(Routed::assertion(validated, vec![placement], drops)).await?;
        Ok(())
    }

    /// Priorities, ordering keys, delays; a queue that is made, a pause, a hold.
    async fn first_life(&mut self) -> Result<()> {
        let store = self.open()?;
        store.define(QueueConfig::new("made".parse()?, "dead".parse()?)).await?;
        for number in 0..24_u64 {
            let second = ["mail", "late", "made"];
            let second = second.iter().cycle().nth(usize::try_from(number)?).ok_or("none")?;
            self.put(&store, &["orders", second]).await?;
        }
        store.set_delivery(&"made".parse()?, Delivery::Paused).await?;
        store.set_hold(&"mail".parse()?, Hold::Held).await?;
        store.stop().await;
        Ok(())
    }

    /// Acks, failed attempts, dead letters with their history, a redrive.
    async fn second_life(&mut self) -> Result<()> {
        let store = self.open()?;
        let got = receive(&store, "orders", 12).await?;
        for (at, one) in got.iter().enumerate() {
            let verb = match at % 4 {
                0 | 1 => Verb::Ack,
                2 => Verb::GiveUp { reason: "410 Gone".into() },
                _ => Verb::Nack { delay: Some(Duration::from_secs(5)), reason: "503".into() },
            };
            settle(&store, "orders", one, verb).await?;
        }
        for round in 0..3 {
            self.pass(Duration::from_secs(600));
            for one in receive(&store, "orders", 3).await? {
                let verb = match round {
                    2 => Verb::GiveUp { reason: "never again".into() },
                    _ => Verb::Nack { delay: None, reason: "connection refused".into() },
                };
                settle(&store, "orders", &one, verb).await?;
            }
        }
        store.redrive(&"orders".parse()?, 1).await?;
        for _ in 0..20 {
            self.put(&store, &["orders"]).await?;
        }
        store.stop().await;
        Ok(())
    }

    /// Segments that nobody needs any more go, and leave their idempotency keys.
    async fn life_of_keys(&mut self) -> Result<()> {
        let store = self.open()?;
        for _ in 0..48 {
            self.put(&store, &["purged"]).await?;
        }
        store.purge(&"purged".parse()?).await?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::fs::read_dir(self.folder.join("keys"))?.next().is_none() {
            if Instant::now() > deadline {
                return Err("no segment was deleted".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        store.stop().await;
        Ok(())
    }

    /// A purge, a replay, events that come last and are not in a checkpoint.
    async fn third_life(&mut self) -> Result<()> {
        let store = self.open()?;
        for _ in 0..4 {
            self.put(&store, &["purged"]).await?;
        }
        store.purge(&"purged".parse()?).await?;
        let past = store.past(Cursor::START, 1 << 20).await?;
        let again = past.events.iter().take(3);
        let again: std::result::Result<Vec<_>, _> = again
            .map(|past| Ok::<_, Box<dyn Error + Send + Sync>>((past.cursor, "purged".parse()?)))
            .collect();
        store.place_again(&again?).await?;
        for _ in 0..12 {
            self.put(&store, &["mail", "late"]).await?;
        }
        for one in receive(&store, "mail", 2).await? {
            settle(&store, "mail", &one, Verb::Ack).await?;
        }
        store.stop().await;
        Ok(())
    }
}

fn queues() -> Result<Vec<QueueConfig>> {
    let queue = |name: &str, terms: TermsRules| -> Result<QueueConfig> {
        Ok(QueueConfig { terms, ..QueueConfig::new(name.parse()?, "dead".parse()?) })
    };
    let none = TermsRules::default;
    let priority = TermsRules { priority_by: Some(Field::Header("x-priority".into())), ..none() };
    let order = TermsRules { order_by: Some(Field::Subject), ..none() };
    let late = TermsRules { delay: Duration::from_secs(3600), ..none() };
    Ok(vec![
        queue("orders", priority)?,
        queue("mail", order)?,
        queue("late", late)?,
        queue("purged", none())?,
        queue("dead", none())?,
    ])
}

fn event(number: u64, at: Timestamp) -> Result<Event> {
    let headers = [
        ("x-number", number.to_string()),
        ("x-priority", (number % 3).to_string()),
        ("user-agent", "fixture".to_owned()),
    ];
    Ok(Event::new(Parts {
        id: EventId::new(at, number),
        source: "github".parse()?,
        kind: "push".into(),
        subject: Some(format!("repo/{}", number % 4)),
        time: None,
        received_at: at,
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers: headers.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        payload: Bytes::from(format!("{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(300))),
    }))
}

async fn receive(store: &Store, queue: &str, max: usize) -> Result<Vec<Consumed>> {
    // One answer may hold fewer than there are.
    let mut all = Vec::new();
    while all.len() < max {
        let max = max - all.len();
        let ask = Ask { max, wait: Duration::ZERO, lease: Duration::from_secs(30) };
        let some = store.receive(&queue.parse()?, ask).await?;
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    Ok(all)
}

async fn settle(store: &Store, queue: &str, one: &Consumed, verb: Verb) -> Result<()> {
    let settlement = Settlement { receipt: one.receipt.clone(), verb };
    store.settle(&queue.parse()?, vec![settlement]).await?;
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { size(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
