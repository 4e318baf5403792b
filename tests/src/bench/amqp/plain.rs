//! The floor: a lapin consumer that acknowledges what it gets, all that is at hand in one frame.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

/// The first argument of the process that is the floor; the address and the prefetch follow.
pub const ARGUMENT: &str = "amqp-plain";

/// Consumes until it is killed; prints how many messages it has acknowledged, now and then.
///
/// # Panics
/// When the broker is gone.
pub fn serve(uri: &str, prefetch: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let connection = Connection::connect(uri, ConnectionProperties::default());
        let connection = connection.await.expect("the broker takes the connection");
        let channel = connection.create_channel().await.expect("a channel");
        let prefetch = prefetch.parse().expect("a prefetch is a number");
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.expect("a prefetch");
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(
            "incoming".into(),
            "plain".into(),
            options,
            FieldTable::default(),
        );
        let mut consumer = consumer.await.expect("a consumer");
        let acked = Arc::new(AtomicU64::new(0));
        tell(Arc::clone(&acked));
        while let Some(next) = consumer.next().await {
            let mut last = next.expect("a message");
            let mut count = 1;
            while let Some(Some(next)) = consumer.next().now_or_never() {
                last = next.expect("a message");
                count += 1;
            }
            last.ack(BasicAckOptions { multiple: true }).await.expect("it is acknowledged");
            acked.fetch_add(count, Ordering::Relaxed);
        }
    });
}

/// Prints the count, until nobody reads it.
fn tell(acked: Arc<AtomicU64>) {
    thread::spawn(move || {
        while writeln!(std::io::stdout(), "{}", acked.load(Ordering::Relaxed)).is_ok() {
            thread::sleep(TELL);
        }
    });
}

const TELL: Duration = Duration::from_millis(10);
