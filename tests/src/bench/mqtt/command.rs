//! The command: a fresh broker for each run, weighed while publishers publish to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::ExitCode;

use super::drive::{self, Load, Part, payload};
use super::options::{HELP, Options};
use super::report::{self, Case, Figures, Who};
use crate::bench::asked::asked;
use crate::bench::variants::data_folder;
use crate::bench::{machine, usage};
use crate::config::mqtt_head;
use crate::gateway::Gateway;
use crate::mosquitto::Mosquitto;
use crate::mqtt::{Raw, V3, connect, subscribe};
use crate::world::World;

/// The first argument that asks for this bench.
pub const ARGUMENT: &str = "mqtt";

/// Runs the bench as its arguments say.
#[must_use]
pub fn main(arguments: Vec<String>) -> ExitCode {
    let options = match asked(arguments, HELP, Options::parse) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let mut rows: Vec<(Case, Vec<Figures>)> = Vec::new();
    for (part, bytes) in [(Part::Publish, 256), (Part::Publish, 1024), (Part::Relay, 256)] {
        for who in [Who::Gateway, Who::Mosquitto] {
            rows.push((Case { who, part, bytes }, Vec::new()));
        }
    }
    for round in 1..=options.runs {
        for (case, runs) in &mut rows {
            match run(*case, &options) {
                Ok(figures) => {
                    eprintln!("round {round}: {} {:.2} us/message", case.name(), figures.cpu_us);
                    runs.push(figures);
                }
                Err(fault) => {
                    eprintln!("no figures: round {round}, {}: {fault}", case.name());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let machine = machine::describe(&data_folder());
    match options.json {
        true => println!("{}", report::json(&rows, &machine, &options)),
        false => print!("{}", report::table(&rows, &machine, &options)),
    }
    ExitCode::SUCCESS
}

enum Broker {
    Gateway(Gateway),
    Mosquitto(Mosquitto),
}

impl Broker {
    fn start(case: Case) -> Self {
        match case.who {
            Who::Gateway => {
                let head = mqtt_head();
                let text = format!(
                    "{head}mqtt: {{ anonymous: true }}\n\
                     sources:\n  bench:\n    mqtt: {{ topics: [ \"bench/#\" ] }}\n    \
                     verify: {{ scheme: none }}\n\
                     routes:\n  - {{ name: all, default: true, to: [ inbox ] }}\n\
                     queues: {{ inbox: {{}} }}\n"
                );
                Self::Gateway(World::new_in(&data_folder(), &text).start())
            }
            Who::Mosquitto => {
                let broker = Mosquitto::start_in(
                    &data_folder(),
                    "allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n\
                     max_inflight_messages 0\nautosave_interval 10",
                );
                if case.part == Part::Publish {
                    // Someone who is away: the broker has the messages to keep.
                    let kept = connect(V3, "keeper", 0, 600, &[]);
                    let (mut raw, _) = Raw::connect_with(broker.address(), &kept);
                    raw.send(&subscribe(V3, 1, "bench/#", 1));
                    assert_eq!(raw.read().first, 0x90, "SUBACK");
                }
                Self::Mosquitto(broker)
            }
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Gateway(gateway) => gateway.mqtt(),
            Self::Mosquitto(broker) => broker.address(),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Gateway(gateway) => gateway.pid(),
            Self::Mosquitto(broker) => broker.pid(),
        }
    }
}

/// One run with a fresh process and fresh data.
fn run(case: Case, options: &Options) -> Result<Figures, String> {
    let broker = Broker::start(case);
    let (warm_up, all) = (options.warm_up(), options.warm_up() + options.messages);
    let mut load = Load {
        to: broker.address(),
        part: case.part,
        numbers: 0..warm_up,
        publishers: options.publishers,
        window: options.window,
        bytes: case.bytes,
    };
    let failed = |fault: std::io::Error| format!("a message was not answered: {fault}");
    drive::run(&load).map_err(failed)?;
    load.numbers = warm_up..all;
    let before = usage::cpu_time(broker.pid());
    let driven = drive::run(&load).map_err(failed)?;
    let used = usage::cpu_time(broker.pid()) - before;
    let resident_bytes = usage::resident_bytes_max(broker.pid());
    if let Broker::Gateway(gateway) = &broker {
        audit(gateway, all, case.bytes)?;
    }
    let messages = options.messages as f64;
    Ok(Figures {
        cpu_us: used.as_secs_f64() * 1e6 / messages,
        rate: messages / driven.elapsed.as_secs_f64(),
        p50: driven.percentile(0.5),
        p99: driven.percentile(0.99),
        resident_bytes,
    })
}

/// Every message is an event, once, and no byte of it has changed.
fn audit(gateway: &Gateway, all: usize, bytes: usize) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for one in gateway.consumer().drain("inbox") {
        let text = String::from_utf8_lossy(&one.payload).into_owned();
        let number = text.split(' ').next().and_then(|number| number.parse().ok());
        let number: usize = number.ok_or("an event is none of ours")?;
        if one.payload != payload(number, bytes) {
            return Err(format!("{number} was changed"));
        }
        if !seen.insert(number) {
            return Err(format!("{number} was doubled"));
        }
    }
    if seen.len() == all { Ok(()) } else { Err(format!("{} events are lost", all - seen.len())) }
}
