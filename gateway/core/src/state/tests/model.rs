//! Many events at once against a model that does one after the other: whatever is committed was
//! read and written as if nothing else had been under way.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::world::{SMALL, World, scope};
use crate::seams::StateView;
use crate::state::{Conflict, Session, Ticket, Transaction, Value};
use crate::time::Timestamp;

#[derive(Debug, Clone)]
enum Step {
    /// An event begins.
    Begin,
    /// An event that runs asks for something: which event, which operation, key, value, time.
    Ask(usize, Asked, u8, u8, Option<u8>),
    /// An event that runs is laid down.
    Stage(usize),
    /// The writer takes the next one.
    Settle,
    /// The writer refuses the next one for a reason of its own.
    Refuse,
    /// One on its way is refused out of turn.
    RefuseAny(usize),
    Pass(u8),
    Sweep,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Get,
    Set,
    SetIfAbsent,
    Delete,
    Increment,
}

fn step() -> impl Strategy<Value = Step> {
    let asked = prop_oneof![
        Just(Asked::Get),
        Just(Asked::Set),
        Just(Asked::SetIfAbsent),
        Just(Asked::Delete),
        Just(Asked::Increment),
    ];
    let ask = (any::<usize>(), asked, 0_u8..5, 0_u8..9, proptest::option::of(0_u8..20));
    prop_oneof![
        3 => Just(Step::Begin),
        8 => ask.prop_map(|(at, asked, key, value, ttl)| Step::Ask(at, asked, key, value, ttl)),
        4 => any::<usize>().prop_map(Step::Stage),
        4 => Just(Step::Settle),
        1 => Just(Step::Refuse),
        1 => any::<usize>().prop_map(Step::RefuseAny),
        2 => (0_u8..8).prop_map(Step::Pass),
        1 => Just(Step::Sweep),
    ]
}

/// One event after the other: nothing but a map.
#[derive(Default)]
struct Model(BTreeMap<String, Value>);

impl Model {
    fn live(&self, key: &str, now: Timestamp) -> Option<&Bytes> {
        self.0.get(key).filter(|value| value.is_live(now)).map(|value| &value.bytes)
    }

    fn write(&mut self, transaction: &Transaction) {
        for (_, key, write) in transaction.writes() {
            match write.value() {
                Some(value) => drop(self.0.insert(key.to_owned(), value.clone())),
                None => drop(self.0.remove(key)),
            }
        }
    }
}

/// An event that runs: what it saw of keys that it had not written.
struct Running {
    session: Session,
    saw: BTreeMap<String, Option<Bytes>>,
    wrote: Vec<String>,
}

impl Running {
    fn ask(&mut self, asked: Asked, key: u8, value: u8, ttl: Option<u8>) {
        let (at, key) = (scope("p"), format!("k{key}"));
        let bytes = Bytes::from("7".repeat(usize::from(value)));
        let ttl = ttl.map(|ttl| Duration::from_millis(ttl.into()));
        let reads = matches!(asked, Asked::Get | Asked::SetIfAbsent | Asked::Increment);
        if reads && !self.wrote.contains(&key) {
            let Ok(saw) = self.session.get(&at, SMALL, &key) else { return };
            // Later looks may see something else; the first one decides.
            self.saw.entry(key.clone()).or_insert(saw);
        }
        let wrote = match asked {
            Asked::Get => false,
            Asked::Set => self.session.set(&at, SMALL, &key, bytes, ttl).is_ok(),
            Asked::SetIfAbsent => {
                self.session.set_if_absent(&at, SMALL, &key, bytes, ttl) == Ok(true)
            }
            Asked::Delete => self.session.delete(&at, SMALL, &key).is_ok(),
            Asked::Increment => self.session.increment(&at, SMALL, &key, 1, ttl).is_ok(),
        };
        if wrote {
            self.wrote.push(key);
        }
    }
}

type Laid = (Ticket, Transaction, BTreeMap<String, Option<Bytes>>);

fn settle(world: &World, laid: Laid, model: &mut Model) -> Result<(), TestCaseError> {
    let (ticket, transaction, saw) = laid;
    let now = world.now();
    let mut table = world.table.lock().unwrap();
    if table.confirm(ticket, now) == Err(Conflict) {
        table.discard(ticket);
        return Ok(());
    }
    for (key, saw) in saw {
        prop_assert_eq!(model.live(&key, now), saw.as_ref(), "{} was read so", key);
    }
    table.commit(ticket);
    model.write(&transaction);
    Ok(())
}

fn check(world: &World, model: &Model) -> Result<(), TestCaseError> {
    let (table, now) = (world.table.lock().unwrap(), world.now());
    let live: BTreeMap<String, Value> =
        table.committed(now).map(|(_, key, value)| (key.to_string(), value.clone())).collect();
    let expected: BTreeMap<String, Value> = model
        .0
        .iter()
        .filter(|(_, value)| value.is_live(now))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    prop_assert_eq!(live, expected);
    for (_, usage) in table.usage() {
        prop_assert!(usage.keys <= 3 && usage.bytes <= 40, "{:?}", usage);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_committed_is_as_if_one_event_had_followed_the_other(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        let (world, mut model) = (World::new(), Model::default());
        let (mut running, mut laid): (Vec<Running>, Vec<Laid>) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Begin => running.push(Running {
                    session: world.session(), saw: BTreeMap::new(), wrote: Vec::new(),
                }),
                Step::Ask(at, asked, key, value, ttl) if !running.is_empty() => {
                    let at = at % running.len();
                    running[at].ask(asked, key, value, ttl);
                }
                Step::Stage(at) if !running.is_empty() => {
                    let one = running.remove(at % running.len());
                    let transaction = one.session.into_transaction();
                    let mut table = world.table.lock().unwrap();
                    if let Ok(ticket) = table.stage(transaction.clone(), world.now()) {
                        laid.push((ticket, transaction, one.saw));
                    }
                }
                Step::Settle if !laid.is_empty() => settle(&world, laid.remove(0), &mut model)?,
                Step::Refuse if !laid.is_empty() => {
                    world.table.lock().unwrap().discard(laid.remove(0).0);
                }
                Step::RefuseAny(at) if !laid.is_empty() => {
                    let at = at % laid.len();
                    world.table.lock().unwrap().discard(laid.remove(at).0);
                }
                Step::Pass(ms) => world.pass(ms.into()),
                Step::Sweep => drop(world.table.lock().unwrap().sweep(2, world.now())),
                _ => {}
            }
            check(&world, &model)?;
        }
        for one in laid {
            settle(&world, one, &mut model)?;
        }
        check(&world, &model)?;
        let mut table = world.table.lock().unwrap();
        prop_assert_eq!(table.staged(), 0);
        world.pass(1000);
        while table.sweep(64, world.now()) {}
        let left: i64 = table.usage().map(|(_, usage)| usage.keys).sum();
        let stay = model.0.values().filter(|value| value.expires_at.is_none()).count();
        prop_assert_eq!(left, stay as i64, "nothing that expires stays in memory");
    }
}
