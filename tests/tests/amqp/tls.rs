//! TLS to a broker: with a password, and with nothing but a certificate.

use lapin::BasicProperties;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use sluicegate_tests::amqp::AmqpClient;
use sluicegate_tests::rabbitmq::RabbitMq;

use crate::setup::{OPEN, consuming, wait_until_standing};

/// A certificate of this name, and its key, as PEM.
fn issued(
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
    issuer: &CertifiedIssuer<'_, KeyPair>,
) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn a_gateway_proves_itself_by_password_or_by_certificate_and_believes_only_its_authorities() {
    let authority = authority();
    let (server, server_key) = issued("localhost", ExtendedKeyUsagePurpose::ServerAuth, &authority);
    let (ours, our_key) = issued("gateway", ExtendedKeyUsagePurpose::ClientAuth, &authority);
    let port = sluicegate_tests::ports::free();
    let broker = RabbitMq::start_with(&["rabbitmq_auth_mechanism_ssl"], |folder| {
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", server.clone()),
            ("server.key", server_key.clone()),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let at = |name: &str| folder.join(name).display().to_string();
        format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\nssl_options.keyfile = {}\n\
             ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = false\n\
             ssl_cert_login_from = common_name\n\
             auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key")
        )
    });
    broker.control(&["add_user", "gateway", "unused"]);
    broker.control(&["clear_password", "gateway"]);
    broker.control(&["set_permissions", "gateway", ".*", ".*", ".*"]);
    let client = AmqpClient::connect(&broker.uri());
    client.queue("incoming");

    let plain = format!("amqps://guest:guest@localhost:{port}/%2f");
    let believing = "queue: incoming, tls: { ca_file: ca.pem }";
    let world = consuming(&plain, believing, OPEN, "");
    world.write("ca.pem", authority.pem());
    let gateway = world.start();
    client.publish("", "incoming", b"by password", BasicProperties::default());
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, b"by password");
    drop(gateway);

    let external = format!("amqps://localhost:{port}/%2f");
    let amqp = "queue: incoming, login: external, tls: { ca_file: ca.pem, cert_file: ours.pem, \
                key_secret: key }";
    let world = consuming(&external, amqp, OPEN, "");
    world.write("ca.pem", authority.pem());
    world.write("ours.pem", &ours);
    world.write("ours.key", &our_key);
    let text = std::fs::read_to_string(world.configuration()).unwrap();
    let text = text.replace("secrets:\n", "secrets:\n  key: { file: ours.key }\n");
    std::fs::write(world.configuration(), text).unwrap();
    let gateway = world.start();
    client.publish("", "incoming", b"by certificate", BasicProperties::default());
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, b"by certificate");
    assert!(broker.control(&["list_connections", "user"]).contains("gateway"));
    drop(gateway);

    // The web's authorities do not know this broker.
    let gateway = consuming(&plain, "queue: incoming", OPEN, "").start();
    gateway.wait_for_log("UnknownIssuer");
    wait_until_standing(&gateway, "connecting");
}
