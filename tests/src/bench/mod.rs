//! The bench: a load generator that verifies while it measures.
//!
//! A run with one lost, doubled or changed event prints no figure. Variants take turns within a
//! round, so that a slow moment of the machine meets the floor as well as the line, and the ratio
//! is that of one round.

use std::process::ExitCode;
use std::rc::Rc;

pub mod amqp;
mod asked;
pub mod events;
mod figures;
pub mod floor;
pub mod load;
pub mod machine;
pub mod mqtt;
pub mod options;
pub mod plugins;
pub mod queue;
pub mod report;
pub mod schema;
pub mod schemes;
pub mod usage;
pub mod variants;
pub mod verify;

use asked::asked;
use events::Requests;
use load::Load;
use options::{HELP, Options, Output};
use report::{Figures, Row};
use variants::{PATH, Variant, data_folder};

/// Runs the bench as its arguments say.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == floor::ARGUMENT) {
        let verifies = arguments.get(1).is_some_and(|name| name == Variant::FloorHmac.name());
        floor::serve(if verifies { floor::Work::Verify } else { floor::Work::Read });
        return ExitCode::SUCCESS;
    }
    match arguments.split_first() {
        Some((first, rest)) if first == amqp::ARGUMENT => return amqp::main(rest.to_vec()),
        Some((first, [uri, prefetch])) if first == amqp::PLAIN_ARGUMENT => {
            amqp::plain(uri, prefetch);
            return ExitCode::SUCCESS;
        }
        Some((first, rest)) if first == queue::ARGUMENT => return queue::main(rest.to_vec()),
        Some((first, rest)) if first == schemes::ARGUMENT => return schemes::main(rest),
        Some((first, rest)) if first == mqtt::ARGUMENT => return mqtt::main(rest.to_vec()),
        Some((first, [])) if first == schema::ARGUMENT => return schema::main(),
        Some((first, rest)) if first == plugins::ARGUMENT => return plugins::main(rest.to_vec()),
        Some((first, [part])) if first == queue::PART_ARGUMENT => return queue::part(part),
        _ => {}
    }
    let options = match asked(arguments, HELP, Options::parse) {
        Ok(options) => options,
        Err(code) => return code,
    };
    match measure(&options) {
        Ok(rows) => {
            let machine = machine::describe(&data_folder());
            match options.output {
                Output::Table => print!("{}", report::table(&rows, &machine, &options)),
                Output::Json => println!("{}", report::json(&rows, &machine, &options)),
            }
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("no figures: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Measures every variant `runs` times, in turns.
fn measure(options: &Options) -> Result<Vec<Row>, String> {
    let requests = Rc::new(Requests::make(options.warm_up() + options.events, PATH));
    let wanted = |variant: &Variant| match &options.only {
        None => true,
        Some(only) => *variant == Variant::Floor || variant.name().contains(only.as_str()),
    };
    let mut rows: Vec<Row> =
        Variant::ALL.into_iter().filter(wanted).map(|variant| (variant, Vec::new())).collect();
    for round in 1..=options.runs {
        let mut floor_cpu_us = f64::NAN;
        for (variant, runs) in &mut rows {
            let mut figures = run(*variant, &requests, options)
                .map_err(|fault| format!("round {round}, {}: {fault}", variant.name()))?;
            if *variant == Variant::Floor {
                floor_cpu_us = figures.cpu_us;
            }
            figures.ratio = figures.cpu_us / floor_cpu_us;
            eprintln!("round {round}: {} {:.2} us/event", variant.name(), figures.cpu_us);
            runs.push(figures);
        }
    }
    Ok(rows)
}

/// One run in a fresh process with fresh data, and its audit.
fn run(variant: Variant, requests: &Rc<Requests>, options: &Options) -> Result<Figures, String> {
    let gateway = variant.start(&data_folder());
    let warm_up = options.warm_up();
    let mut load = Load {
        to: gateway.http(),
        requests: Rc::clone(requests),
        numbers: 0..warm_up,
        connections: options.connections,
        rate: None,
    };
    let failed = |fault: std::io::Error| format!("an event was not taken: {fault}");
    load::run(&load).map_err(failed)?;
    load.numbers = warm_up..requests.len();
    load.rate = options.rate;
    let before = usage::cpu_time(gateway.pid());
    let measured = load::run(&load).map_err(failed)?;
    let used = usage::cpu_time(gateway.pid()) - before;
    let resident_bytes = usage::resident_bytes_max(gateway.pid());
    if variant.stores() {
        let audit = verify::audit(&gateway.consumer(), requests);
        if !audit.is_clean() {
            return Err(format!(
                "{} lost, {} doubled, {} changed",
                audit.lost, audit.doubled, audit.changed
            ));
        }
    }
    let events = options.events as f64;
    Ok(Figures {
        cpu_us: used.as_secs_f64() * 1e6 / events,
        ratio: f64::NAN,
        rate: events / measured.elapsed.as_secs_f64(),
        p50: measured.percentile(0.5),
        p99: measured.percentile(0.99),
        resident_bytes,
    })
}
