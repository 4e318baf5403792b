//! The guard against being sent into the operator's own network.

use sluicegate_core::outcome::Outcome;
use sluicegate_sinks::http::{AllowPrivate, HttpSink};

use crate::receiver::{Receiver, deliver};

#[tokio::test]
async fn a_private_address_is_refused_by_default() {
    let receiver = Receiver::new().await;
    let mut config = receiver.config();
    config.allow_private = AllowPrivate::Nothing;
    assert_eq!(HttpSink::new(config).err().map(|fault| fault.code()), Some("sink_address_private"));
}

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_refused_at_each_connection() {
    let receiver = Receiver::new().await;
    // The second and third are loopback to the system's resolver, and no addresses to a parser.
    for host in ["localhost", "127.1", "0x7f000001"] {
        let mut config = receiver.config();
        config.url = format!("http://{host}:{}/", receiver.address.port());
        config.allow_private = AllowPrivate::Nothing;
        let sink = HttpSink::new(config).unwrap();
        for _ in 0..2 {
            let Outcome::Retry { why, .. } = deliver(&sink).await else { panic!("not refused") };
            assert!(why.contains("leads to no public address"), "{host}: {why}");
        }
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn a_network_that_is_allowed_is_reached_by_name() {
    let receiver = Receiver::new().await;
    let mut config = receiver.config();
    config.url = format!("http://localhost:{}/", receiver.address.port());
    config.allow_private = AllowPrivate::Networks(vec!["127.0.0.0/8".parse().unwrap()]);
    let sink = HttpSink::new(config).unwrap();
    assert_eq!(deliver(&sink).await, Outcome::Done);
    assert_eq!(receiver.got().len(), 1);
}
