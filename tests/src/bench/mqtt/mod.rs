//! The bench of MQTT: what publishers cost that are answered after a flush, beside Mosquitto, which
//! keeps messages in memory and writes them down every now and then.

mod command;
mod drive;
mod options;
mod report;

pub use command::{ARGUMENT, main};
