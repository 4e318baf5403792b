//! The command: fills a queue, lets one process empty it, and weighs that process meanwhile.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lapin::BasicProperties;

use super::options::{HELP, Options};
use super::plain;
use super::report::{self, Figures, Who};
use crate::amqp::AmqpClient;
use crate::bench::asked::asked;
use crate::bench::variants::data_folder;
use crate::bench::{machine, usage};
use crate::config::HEAD;
use crate::gateway::Gateway;
use crate::rabbitmq::RabbitMq;
use crate::world::World;

/// The first argument that asks for this bench.
pub const ARGUMENT: &str = "amqp";

/// Runs the bench as its arguments say.
#[must_use]
pub fn main(arguments: Vec<String>) -> ExitCode {
    let options = match asked(arguments, HELP, Options::parse) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let broker = RabbitMq::start();
    let client = AmqpClient::connect(&broker.uri());
    let mut runs = Vec::new();
    for round in 1..=options.runs {
        for who in [Who::Plain, Who::Gateway] {
            match run(who, &broker, &client, &options) {
                Ok(figures) => {
                    eprintln!("round {round}: {} {:.2} us/message", who.name(), figures.cpu_us);
                    runs.push((who, figures));
                }
                Err(fault) => {
                    eprintln!("no figures: round {round}, {}: {fault}", who.name());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let machine = machine::describe(&data_folder());
    match options.json {
        true => println!("{}", report::json(&runs, &machine, &options)),
        false => print!("{}", report::table(&runs, &machine, &options)),
    }
    ExitCode::SUCCESS
}

/// One run with a full queue and a fresh process.
fn run(
    who: Who,
    broker: &RabbitMq,
    client: &AmqpClient,
    options: &Options,
) -> Result<Figures, String> {
    client.queue("incoming");
    let all = options.warm_up() + options.messages;
    for start in (0..all).step_by(PUBLISHED_AT_ONCE) {
        let numbers = start..(start + PUBLISHED_AT_ONCE).min(all);
        let message = |n| (body(n, options.bytes), BasicProperties::default());
        client.publish_all("incoming", numbers.map(message).collect());
    }
    let mut taker = Taker::start(who, &broker.uri(), options.prefetch);
    let give_up = Instant::now() + PATIENCE;
    let warm = taker.wait_for(options.warm_up() as u64, give_up)?;
    let done = taker.wait_for(all as u64, give_up)?;
    let messages = (done.acked - warm.acked) as f64;
    if messages < options.messages as f64 / 2.0 {
        return Err("too few messages: they were gone between two looks".to_owned());
    }
    if done.acked != all as u64 {
        return Err(format!("{} of {all} messages were acknowledged", done.acked));
    }
    if let Taker::Gateway(gateway) = &taker {
        audit(gateway, all)?;
    }
    let resident_bytes = usage::resident_bytes_max(taker.pid());
    drop(taker);
    client.delete("incoming");
    let elapsed = done.at - warm.at;
    let cpu_us = (done.cpu - warm.cpu).as_secs_f64() * 1e6 / messages;
    Ok(Figures { cpu_us, rate: messages / elapsed.as_secs_f64(), resident_bytes })
}

/// A message of this length that begins with its number.
fn body(number: usize, bytes: usize) -> Vec<u8> {
    let mut body = format!("{number} ").into_bytes();
    body.resize(bytes.max(body.len()), b'x');
    body
}

/// Every message is an event, once, and no byte of it has changed.
fn audit(gateway: &Gateway, all: usize) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for one in gateway.consumer().drain("inbox") {
        let text = String::from_utf8_lossy(&one.payload).into_owned();
        let number = text.split(' ').next().and_then(|number| number.parse().ok());
        let number: usize = number.ok_or("an event is none of ours")?;
        if one.payload != body(number, one.payload.len()) {
            return Err(format!("{number} was changed"));
        }
        if !seen.insert(number) {
            return Err(format!("{number} was doubled"));
        }
    }
    if seen.len() == all { Ok(()) } else { Err(format!("{} events are lost", all - seen.len())) }
}

/// A process that empties the queue.
enum Taker {
    Plain(Child, Arc<AtomicU64>),
    Gateway(Box<Gateway>),
}

/// How far it was at one moment.
#[derive(Debug, Clone, Copy)]
struct Point {
    acked: u64,
    cpu: Duration,
    at: Instant,
}

impl Taker {
    fn start(who: Who, uri: &str, prefetch: u16) -> Self {
        match who {
            Who::Plain => {
                let own = std::env::current_exe().expect("this executable has a path");
                let mut child = Command::new(own)
                    .args([plain::ARGUMENT, uri, &prefetch.to_string()])
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("the plain consumer runs");
                let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
                let acked = Arc::new(AtomicU64::new(0));
                let told = Arc::clone(&acked);
                thread::spawn(move || {
                    for line in lines.map_while(Result::ok) {
                        told.store(line.parse().unwrap_or(0), Ordering::Relaxed);
                    }
                });
                Self::Plain(child, acked)
            }
            Who::Gateway => {
                let text = format!(
                    "{}sources:\n  orders:\n    amqp: {{ uri_secret: broker, queue: incoming, \
                     prefetch: {prefetch} }}\n    verify: {{ scheme: none }}\n\
                     routes:\n  - {{ name: all, default: true, to: [ inbox ] }}\n\
                     queues: {{ inbox: {{}} }}\n",
                    HEAD.replace("secrets:\n", "secrets:\n  broker: { env: BROKER_URI }\n")
                );
                let world = World::new_in(&data_folder(), &text).with_variable("BROKER_URI", uri);
                Self::Gateway(Box::new(world.start()))
            }
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Plain(child, _) => child.id(),
            Self::Gateway(gateway) => gateway.pid(),
        }
    }

    /// How often it is asked how far it is: asking the gateway costs it time.
    fn look(&self) -> Duration {
        match self {
            Self::Plain(..) => Duration::from_millis(5),
            Self::Gateway(_) => Duration::from_millis(50),
        }
    }

    fn acked(&self) -> u64 {
        match self {
            Self::Plain(_, acked) => acked.load(Ordering::Relaxed),
            Self::Gateway(gateway) => {
                let series = "sluicegate_amqp_source_acked_total{source=\"orders\",\
                              queue=\"incoming\"}";
                crate::metrics::value(gateway, series) as u64
            }
        }
    }

    /// Waits until it has acknowledged so many.
    fn wait_for(&mut self, count: u64, give_up: Instant) -> Result<Point, String> {
        loop {
            let acked = self.acked();
            let point = Point { acked, cpu: usage::cpu_time(self.pid()), at: Instant::now() };
            if acked >= count {
                return Ok(point);
            }
            if point.at > give_up {
                return Err(format!("only {acked} messages in {} s", PATIENCE.as_secs()));
            }
            thread::sleep(self.look());
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        if let Self::Plain(child, _) = self {
            let _ = child.kill(); // It may have ended by itself.
            let _ = child.wait();
        }
    }
}

const PUBLISHED_AT_ONCE: usize = 5_000;

const PATIENCE: Duration = Duration::from_secs(600);
