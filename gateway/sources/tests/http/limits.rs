//! Bounds on bytes, on time and on connections.

use std::time::Duration;

use sluicegate_sources::http::HttpLimits;

use tokio::io::AsyncWriteExt;

use crate::world::{LIMIT, World, post, until};

fn short() -> HttpLimits {
    HttpLimits {
        first_byte: Duration::from_millis(150),
        head: Duration::from_millis(150),
        idle: Duration::from_millis(150),
        body_grace: Duration::from_millis(100),
        body: Duration::from_millis(400),
        linger: Duration::from_millis(50),
        ..HttpLimits::default()
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_length_before_it_is_sent() {
    let world = World::new().await;
    let head = format!("POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", LIMIT + 1);
    let answer = world.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""code":"payload_too_large""#), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(world.intake.bodies().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_without_a_length_too() {
    let world = World::new().await;
    let mut wire = b"POST /hook HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..=LIMIT / 1000 {
        wire.extend(format!("3e8\r\n{}\r\n", "x".repeat(1000)).bytes());
    }
    let answer = world.raw(&wire).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(world.intake.bodies().is_empty());
}

#[tokio::test]
async fn a_refused_body_is_read_on_so_that_the_answer_arrives() {
    let limits = HttpLimits { linger: crate::world::PATIENCE, ..HttpLimits::default() };
    let world = World::with(limits).await;
    let mut wire = b"POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: 99000000\r\n\r\n".to_vec();
    wire.resize(8_000_000, b'x');
    let mut client = world.connect().await;
    // Sends everything before it reads, as many clients do: a reset would stop it.
    let sent = tokio::time::timeout(crate::world::PATIENCE, client.stream.write_all(&wire)).await;
    assert!(sent.is_ok_and(|sent| sent.is_ok()), "the connection was reset");
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn heads_over_their_bounds_are_answered_431() {
    let world = World::new().await;
    let many = format!("POST /hook HTTP/1.1\r\nhost: t\r\n{}\r\n", "a: b\r\n".repeat(100));
    let long = format!("POST /hook HTTP/1.1\r\nhost: t\r\na: {}\r\n\r\n", "x".repeat(16_384));
    let endless = format!("POST /{}", "x".repeat(20_000));
    for wire in [many, long, endless] {
        let answer = world.raw(wire.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert!(answer.contains(r#""code":"headers_too_large""#), "{answer}");
    }
    assert!(world.intake.bodies().is_empty());
}

#[tokio::test]
async fn a_connection_that_sends_nothing_or_half_a_message_is_answered_408() {
    let world = World::with(short()).await;
    let chunked = "POST /hook HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab";
    let half = "POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nabc";
    for wire in ["", "P", "PRI * HTTP/2.0\r\n", "POST /hook HTTP/1.1\r\nhost: t\r\n", half, chunked]
    {
        let answer = world.raw(wire.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{wire:?}: {answer}");
        assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
    }
    assert_eq!(world.metrics.snapshot().timeouts, 6);
    assert!(world.intake.bodies().is_empty());
}

#[tokio::test]
async fn a_trickle_does_not_keep_a_connection_open() {
    let world = World::with(short()).await;
    let head = "POST /hook HTTP/1.1\r\nhost: t\r\n";
    let body = format!("{head}content-length: 100000\r\n\r\n");
    for (start, drop) in [(head, "x: y\r\n"), (body.as_str(), "x")] {
        let client = world.connect().await;
        let (read, mut write) = client.stream.into_split();
        tokio::io::AsyncWriteExt::write_all(&mut write, start.as_bytes()).await.unwrap();
        let trickle = async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                if tokio::io::AsyncWriteExt::write_all(&mut write, drop.as_bytes()).await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        let mut answer = [0; 12];
        let mut read = read;
        let read = tokio::io::AsyncReadExt::read_exact(&mut read, &mut answer);
        tokio::select! {
            result = tokio::time::timeout(crate::world::PATIENCE, read) => {
                result.expect("the trickle was borne").unwrap();
            }
            () = trickle => {}
        }
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    assert!(world.intake.bodies().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let world = World::with(short()).await;
    let mut client = world.connect().await;
    client.send(&post("/hook", "a")).await;
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(client.rest().await, "");
    assert_eq!(world.metrics.snapshot().timeouts, 0);
}

#[tokio::test]
async fn http_2_connections_that_say_nothing_more_are_closed() {
    let world = World::with(short()).await;
    let answer = world.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1"), "{answer:?}");
    until(|| world.metrics.snapshot().connections_open == 0).await;
}

#[tokio::test]
async fn connections_over_the_bound_are_answered_503_and_the_listener_lives() {
    for limits in [
        HttpLimits { connections_max: 2, ..HttpLimits::default() },
        HttpLimits { connections_per_address_max: 2, ..HttpLimits::default() },
    ] {
        let world = World::with(limits).await;
        let (mut one, mut two) = (world.connect().await, world.connect().await);
        for client in [&mut one, &mut two] {
            client.send(&post("/hook", "a")).await;
            assert_eq!(client.answer().await.status, 202);
        }
        let answer = world.raw(&post("/hook", "b")).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains(r#""code":"overloaded""#), "{answer}");
        drop(one);
        until(|| world.metrics.snapshot().connections_open == 1).await;
        let mut three = world.connect().await;
        three.send(&post("/hook", "c")).await;
        assert_eq!(three.answer().await.status, 202);
        assert_eq!(world.intake.bodies(), [b"a", b"a", b"c"]);
        assert_eq!(world.metrics.snapshot().connections_refused, 1);
        drop(two);
    }
}

#[tokio::test]
async fn requests_and_body_bytes_in_flight_have_a_bound() {
    let world = World::with(HttpLimits {
        requests_in_flight_max: 1,
        body_bytes_in_flight_max: 50_000,
        ..HttpLimits::default()
    })
    .await;
    world.intake.gate.forget_permits(1_000_000);
    let (mut one, mut two) = (world.connect().await, world.connect().await);
    one.send(&post("/hook", "a")).await;
    world.intake.has_taken(1).await;
    two.send(&post("/hook", "b")).await;
    assert_eq!(two.answer().await.status, 503);
    world.intake.gate.add_permits(2);
    assert_eq!(one.answer().await.status, 202);
    two.send(&post("/hook", "b")).await;
    assert_eq!(two.answer().await.status, 202, "the refused connection was kept");
    two.send(&post("/hook", &"x".repeat(60_000))).await;
    assert_eq!(two.answer().await.status, 503);
    assert_eq!(world.intake.bodies(), [b"a", b"b"]);
}

#[tokio::test]
async fn promised_lengths_do_not_use_up_the_bound_of_others() {
    let limits = HttpLimits { body_bytes_in_flight_max: 100_000, ..HttpLimits::default() };
    let world = World::with(limits).await;
    let mut promising = Vec::new();
    for _ in 0..8 {
        let mut client = world.connect().await;
        client.send(b"POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: 60000\r\n\r\n").await;
        promising.push(client);
    }
    let mut honest = world.connect().await;
    honest.send(&post("/hook", &"x".repeat(60_000))).await;
    assert_eq!(honest.answer().await.status, 202);
}
