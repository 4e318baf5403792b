//! HTTP/2 without TLS, with prior knowledge: the same door, the same answers.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_tests::config;
use sluicegate_tests::fixtures::{self, Encoding};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;
use tokio::net::TcpStream;

#[test]
fn events_come_in_over_h2c_and_are_refused_over_h2c() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let good = fixtures::github("push", Encoding::Json, "h2c-1");
    let forged = good.clone().with("X-Hub-Signature-256", &signing::github("other", &good.body));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let statuses = runtime.block_on(async {
        let stream = TcpStream::connect(gateway.http()).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let mut statuses = Vec::new();
        for (path, delivery) in [
            ("/hooks/github", &good),
            ("/hooks/github", &good),
            ("/hooks/github", &forged),
            ("/none", &good),
        ] {
            let mut request = Request::post(format!("http://{}{path}", gateway.http()));
            for (name, value) in &delivery.headers {
                request = request.header(name, value);
            }
            let request = request.body(Full::new(Bytes::from(delivery.body.clone()))).unwrap();
            let response = sender.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            statuses.push((status, body["duplicate"].as_bool()));
        }
        statuses
    });
    assert_eq!(statuses, [(202, Some(false)), (202, Some(true)), (401, None), (404, None)]);
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, good.body);
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}
