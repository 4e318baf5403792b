//! Stopping: nothing new, nothing broken.

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, post, until};

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_closes_what_is_idle() {
    let world = World::new().await;
    world.intake.gate.forget_permits(1_000_000 - 1);
    let (mut idle, mut silent) = (world.connect().await, world.connect().await);
    idle.send(&post("/hook", "a")).await;
    assert_eq!(idle.answer().await.status, 202);
    let mut busy = world.connect().await;
    busy.send(&[post("/hook", "b"), post("/hook", "never read")].concat()).await;
    world.intake.has_taken(2).await;
    world.stop.send(true).unwrap();
    assert_eq!(idle.rest().await, "", "an idle connection is closed at once");
    assert_eq!(silent.rest().await, "", "and so is one that never spoke");
    assert!(!world.task.is_finished());
    until(|| std::net::TcpStream::connect(world.address).is_err()).await;
    world.intake.gate.add_permits(1);
    let answer = busy.answer().await;
    assert_eq!(answer.status, 202);
    assert!(answer.head.contains("\r\nconnection: close"), "{}", answer.head);
    assert_eq!(busy.rest().await, "");
    timeout(PATIENCE, world.task).await.expect("serve does not return").unwrap();
    assert_eq!(world.intake.bodies(), [b"a", b"b"]);
    assert_eq!(world.metrics.snapshot().connections_open, 0);
}

#[tokio::test]
async fn a_sender_of_the_signal_that_is_gone_is_a_stop() {
    let world = World::new().await;
    drop(world.stop);
    timeout(PATIENCE, world.task).await.expect("serve does not return").unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}
