//! What a well-behaved client sees.

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::world::{World, event, post};

#[tokio::test]
async fn answers_202_with_the_event_id_and_the_delivery_is_as_sent() {
    let world = World::new().await;
    let mut client = world.connect().await;
    client
        .send(b"POST /hook?a=b%20c HTTP/1.1\r\nHost: Test\r\nX-Name: caf\xe9\r\nx-name: 2\r\nContent-Length: 5\r\n\r\nhe\0\xffo")
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body, format!(r#"{{"id":"{}","duplicate":false}}"#, event(0)));
    assert!(answer.head.contains("\r\ncontent-type: application/json"), "{}", answer.head);
    assert!(answer.head.contains("\r\ndate: "), "{}", answer.head);
    let taken = world.intake.taken.lock().unwrap();
    let delivery = &taken[0];
    assert_eq!((delivery.method.as_str(), delivery.target.as_str()), ("POST", "/hook?a=b%20c"));
    assert_eq!(delivery.body.as_ref(), b"he\0\xffo");
    assert_eq!(delivery.headers.all("x-name").collect::<Vec<_>>(), ["café", "2"]);
    assert_eq!(delivery.source.as_str(), "hooks");
    assert_eq!(delivery.peer, Some("127.0.0.1".parse().unwrap()));
}

#[tokio::test]
async fn a_repeat_is_said_to_be_one() {
    let world = World::new().await;
    let mut client = world.connect().await;
    client.send(b"POST /hook HTTP/1.1\r\nhost: t\r\nx-repeat: 1\r\n\r\n").await;
    assert_eq!(client.answer().await.body, format!(r#"{{"id":"{}","duplicate":true}}"#, event(0)));
}

#[tokio::test]
async fn answers_only_after_the_intake_has() {
    let world = World::new().await;
    world.intake.gate.forget_permits(1_000_000);
    let mut client = world.connect().await;
    client.send(&post("/hook", "a")).await;
    world.intake.has_taken(1).await;
    let mut early = [0];
    assert!(client.stream.try_read(&mut early).is_err(), "answered before the receipt");
    world.intake.gate.add_permits(1);
    assert_eq!(client.answer().await.status, 202);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let mut wire = post("/hook", "one");
    wire.extend(b"POST /hook HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    wire.extend(post("/none", "three"));
    wire.extend(post("/hook", "four"));
    client.send(&wire).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(client.answer().await);
    }
    assert_eq!(answers.iter().map(|a| a.status).collect::<Vec<_>>(), [202, 202, 404, 202]);
    assert!(answers[3].body.contains(&event(2).to_string()));
    assert_eq!(world.intake.bodies(), [&b"one"[..], b"two", b"four"]);
}

#[tokio::test]
async fn a_connection_is_used_again_however_the_bytes_are_cut() {
    let world = World::new().await;
    let mut client = world.connect().await;
    for size in [1, 100, 4096, 70_000, 200_000] {
        let body: String = "abcdefghij".chars().cycle().take(size).collect();
        for part in post("/hook", &body).chunks(33_333) {
            client.send(part).await;
        }
        assert_eq!(client.answer().await.status, 202);
        assert_eq!(world.intake.bodies().last().unwrap(), body.as_bytes());
    }
    for byte in post("/hook", "byte by byte") {
        client.send(&[byte]).await;
    }
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(world.metrics.snapshot().connections_total, 1);
    assert_eq!(world.metrics.snapshot().by_class, [0, 6, 0, 0, 0]);
}

#[tokio::test]
async fn an_expected_100_continue_comes_before_the_body() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let head =
        "POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    client.send(head.as_bytes()).await;
    assert_eq!(client.answer().await.status, 100);
    client.send(b"ok").await;
    assert_eq!(client.answer().await.status, 202);
    client.send(head.replace("/hook", "/none").as_bytes()).await;
    let refused = client.answer().await;
    assert_eq!(refused.status, 404, "no body is asked for that would be refused");
    assert!(refused.head.contains("connection: close"));
    client.rest().await;
}

#[tokio::test]
async fn http_1_0_is_served_and_closed_unless_it_asks_to_stay() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let stay = "POST /hook HTTP/1.0\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\na";
    client.send(stay.as_bytes()).await;
    assert!(client.answer().await.head.contains("connection: keep-alive"));
    client.send(b"POST /hook HTTP/1.0\r\ncontent-length: 1\r\n\r\nb").await;
    assert!(client.rest().await.contains("connection: close"));
    assert_eq!(world.intake.bodies(), [b"a", b"b"]);
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_served_on_the_same_port() {
    let world = World::new().await;
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let driver = tokio::spawn(connection);
    let mut pending = Vec::new();
    for size in [0, 10, 100_000, 200_001] {
        let body = Full::new(bytes::Bytes::from(vec![b'x'; size]));
        let request = hyper::Request::post(format!("http://test:80/hook?n={size}"));
        pending.push(tokio::spawn(sender.send_request(request.body(body).unwrap())));
    }
    let mut statuses = Vec::new();
    for response in pending {
        let response = response.await.unwrap().unwrap();
        statuses.push(response.status().as_u16());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    }
    assert_eq!(statuses, [202, 202, 202, 413]);
    let request = hyper::Request::get("http://test/hook").body(Full::default()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 405);
    let mut sizes: Vec<_> = world.intake.bodies().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 10, 100_000]);
    assert_eq!(world.intake.taken.lock().unwrap()[0].headers.once("host"), Ok("test:80"));
    world.stop.send(true).unwrap();
    assert!(driver.await.unwrap().is_ok());
    world.task.await.unwrap();
}
