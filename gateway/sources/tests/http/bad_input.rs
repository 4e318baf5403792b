//! Bytes that no honest client sends: each is answered, the connection ends, nothing is handed on.

use crate::world::{World, post};

/// Sends the bytes, wants this status and the end of the connection, and no delivery.
async fn refused(world: &World, status: u16, bytes: &[u8]) {
    let answer = world.raw(bytes).await;
    let what = bytes.escape_ascii();
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{what}: {answer}");
    assert!(answer.contains("content-type: application/problem+json"), "{what}: {answer}");
    assert!(answer.contains(r#""type":"/errors/"#), "{what}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
    assert!(world.intake.bodies().is_empty(), "{what}: handed on");
}

#[tokio::test]
async fn heads_that_smuggle_are_refused_and_nothing_is_handed_on() {
    let world = World::new().await;
    let fields: [&[u8]; 28] = [
        b"",
        b"host: t\r\nhost: t\r\n",
        b"host: t\r\nHost: u\r\n",
        b"host: user@t\r\n",
        b"host: t/path\r\n",
        b"host: a b\r\n",
        b"host: t, u\r\n",
        b"host:\r\n",
        b"host: t\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"host: t\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n",
        b"host: t\r\ncontent-length: 5\r\ncontent-length: 5\r\n",
        b"host: t\r\ncontent-length: 5\r\ncontent-length: 6\r\n",
        b"host: t\r\ncontent-length: 5, 5\r\n",
        b"host: t\r\ncontent-length: +5\r\n",
        b"host: t\r\ncontent-length: 5 5\r\n",
        b"host: t\r\ncontent-length: -5\r\n",
        b"host: t\r\ntransfer-encoding: gzip, chunked\r\n",
        b"host: t\r\ntransfer-encoding: xchunked\r\n",
        b"host: t\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"host: t\r\ntransfer-encoding : chunked\r\n",
        b"host: t\r\nx: a\r\n folded\r\n",
        b"host: t\r\nx: a\n",
        b"host: t\nx: a\r\n",
        b"host: t\r\nx: a\rb\r\n",
        b"host: t\r\nx: \x00\r\n",
        b"host: t\r\nx: \x1b[31m\r\n",
        b"host: t\r\nx\r\n",
        b"host: t\r\nx y: z\r\n",
    ];
    for lines in fields {
        let wire = [b"POST /hook HTTP/1.1\r\n", lines, b"\r\n5\r\nhello\r\n0\r\n\r\n"].concat();
        refused(&world, 400, &wire).await;
    }
}

#[tokio::test]
async fn request_lines_that_are_not_exactly_right_are_refused() {
    let world = World::new().await;
    let lines: [(u16, &[u8]); 14] = [
        (400, b"POST /hook\r\n"),
        (400, b"POST /hook HTTP/1.2\r\n"),
        (400, b"POST /hook HTTP/2.0\r\n"),
        (400, b"POST  /hook HTTP/1.1\r\n"),
        (400, b"POST hook HTTP/1.1\r\n"),
        (400, b"POST /hook HTTP/1.1\n"),
        (400, b"POST /ho\xffok HTTP/1.1\r\n"),
        (400, b"POST http://other/hook HTTP/1.1\r\n"),
        (400, b"\r\n\r\nPOST /hook HTTP/1.1\r\n"),
        (400, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n"),
        (501, b"FROB /hook HTTP/1.1\r\n"),
        (501, b"CONNECT t:80 HTTP/1.1\r\n"),
        (501, b"post /hook HTTP/1.1\r\n"),
    ];
    for (status, line) in lines {
        refused(&world, status, &[line, b"host: t\r\ncontent-length: 0\r\n\r\n"].concat()).await;
    }
    let expect = b"POST /hook HTTP/1.1\r\nhost: t\r\nexpect: the-unexpected\r\n\r\n";
    refused(&world, 417, expect).await;
    let coding = b"POST /hook HTTP/1.0\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    refused(&world, 400, coding).await;
}

#[tokio::test]
async fn chunks_that_are_not_exactly_right_are_refused() {
    let world = World::new().await;
    let bodies: [&[u8]; 16] = [
        b"g\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n",
        b"5;a b\r\nhello\r\n0\r\n\r\n",
        b"5;a=\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
    ];
    let head = b"POST /hook HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in bodies {
        refused(&world, 400, &[head, body].concat()).await;
    }
    refused(&world, 413, &[&head[..], b"ffffffffffffffff\r\n"].concat()).await;
    let extensions = format!("1;{}\r\na\r\n", "x".repeat(300)).repeat(20);
    refused(&world, 400, &[&head[..], extensions.as_bytes()].concat()).await;
}

#[tokio::test]
async fn a_request_smuggled_behind_a_refused_one_is_never_read() {
    let world = World::new().await;
    let mut wire = b"POST /hook HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    wire.extend(b"0\r\n\r\n");
    wire.extend(post("/hook", "smuggled"));
    refused(&world, 400, &wire).await;
}

#[tokio::test]
async fn a_message_that_ends_early_is_not_handed_on() {
    use tokio::io::AsyncWriteExt;
    let world = World::new().await;
    let chunked =
        b"POST /hook HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let whole = post("/hook", "hello");
    for wire in [&chunked[..], &whole[..whole.len() - 1], &whole[..20]] {
        let mut client = world.connect().await;
        client.send(wire).await;
        client.stream.shutdown().await.unwrap();
        assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    }
    assert!(world.intake.bodies().is_empty());
    let mut client = world.connect().await;
    client.send(&whole).await;
    client.stream.shutdown().await.unwrap();
    assert!(client.rest().await.starts_with("HTTP/1.1 202 "), "a half-closed client is answered");
}
