//! Handshakes: requests that are answered without an event.

use crate::world::World;

fn request(line: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nhost: t\r\n{fields}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_handshake_is_answered_as_plain_text_that_no_browser_takes_for_a_page() {
    let world = World::new().await;
    let mut client = world.connect().await;
    client.send(&request("GET /greet?<script>", "", "")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "<script>"));
    let head = answer.head.to_lowercase();
    assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    client.send(&request("POST /hook?yes", "x-handshake: 1\r\n", "a")).await;
    assert_eq!(client.answer().await.body, "yes");
    assert!(world.intake.bodies().is_empty(), "a handshake is no delivery");
    client.send(&request("POST /greet", "", "a")).await;
    assert_eq!(client.answer().await.status, 202, "and a delivery is no handshake");
}

#[tokio::test]
async fn what_is_no_handshake_after_all_is_told_the_methods() {
    let world = World::new().await;
    let mut client = world.connect().await;
    for line in ["GET /greet", "PUT /greet?x"] {
        client.send(&request(line, "", "")).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 405, "{line}");
        assert!(answer.head.to_lowercase().contains("allow: post, get, head"), "{}", answer.head);
    }
    client.send(&request("GET /greet?x", "", "a body")).await;
    assert_eq!(client.answer().await.status, 413, "a handshake of these methods has no body");
}
