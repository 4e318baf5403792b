//! What the providers send whose schemes no template describes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_admission::{Compose, Own, Preset, hmac_sha256, sha256};
use sluicegate_core::time::Timestamp;

use crate::senders::{
    BODY, Sent, Spot, URL, certificate, ed25519, hex, jwt, key, key_set, rsa_sign, seconds,
    secret_for, sent,
};

/// What the provider would send.
pub(crate) fn send(preset: &'static Preset, own: Own, now: Timestamp, other: bool) -> Sent {
    match own {
        Own::Sns => sns(preset, now, other),
        Own::PayPal => paypal(preset, other),
        Own::Mailgun => mailgun(preset, now, other),
        Own::AdyenItems => adyen(preset, other),
        Own::Connect | Own::Jwt => token_with_secret(preset, own, now, other),
        Own::Oidc => pubsub(preset, now, other),
        Own::PaddleClassic => paddle_classic(preset, other),
        Own::Composed(which) => composed(preset, which, now, other),
    }
}

fn sns(preset: &Preset, now: Timestamp, other: bool) -> Sent {
    let topic =
        if other { "arn:aws:sns:eu-west-1:2:other" } else { "arn:aws:sns:eu-west-1:1:mine" };
    let time = now.rfc3339();
    let signed = format!(
        "Message\nhi\nMessageId\nm1\nTimestamp\n{time}\nTopicArn\n{topic}\nType\nNotification\n"
    );
    let mut made = sent(preset, Spot::Json("Signature"), "arn:aws:sns:eu-west-1:1:mine");
    made.body = format!(
        r#"{{"Type":"Notification","MessageId":"m1","TopicArn":"{topic}","Message":"hi","Timestamp":"{time}","SignatureVersion":"2","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-ab12.pem","Signature":"{}"}}"#,
        STANDARD.encode(rsa_sign(signed.as_bytes()))
    );
    made.evidence = Some(certificate());
    made
}

fn paypal(preset: &Preset, other: bool) -> Sent {
    // The checksum of BODY, by another implementation than the one that is tested.
    let sum = BODY.bytes().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    });
    let webhook = if other { "WH-OTHER" } else { "WH-MINE" };
    let signed = format!("t-1|2033-05-18T03:33:20Z|{webhook}|{}", !sum);
    let mut made = sent(preset, Spot::Header("paypal-transmission-sig"), "WH-MINE");
    for (name, value) in [
        ("paypal-transmission-id", "t-1".to_owned()),
        ("paypal-transmission-time", "2033-05-18T03:33:20Z".to_owned()),
        ("paypal-transmission-sig", STANDARD.encode(rsa_sign(signed.as_bytes()))),
        ("paypal-cert-url", "https://api.paypal.com/v1/notifications/certs/CERT-1".to_owned()),
        ("paypal-auth-algo", "SHA256withRSA".to_owned()),
    ] {
        made.headers.push((name.into(), value));
    }
    made.evidence = Some(certificate());
    made
}

fn mailgun(preset: &Preset, now: Timestamp, other: bool) -> Sent {
    let secret = secret_for(preset.secret, false);
    let (time, token) = (seconds(now), "5egbgr1vjgqxtrnp65xfznchgdccwh5d6i09vijqi3whgowmn6");
    let tag = hmac_sha256(
        secret_for(preset.secret, other).as_bytes(),
        &[time.as_bytes(), token.as_bytes()],
    );
    let mut made = sent(preset, Spot::Json("signature"), &secret);
    made.body = format!(
        r#"{{"signature":{{"timestamp":"{time}","token":"{token}","signature":"{}"}},"event-data":{{"event":"opened"}}}}"#,
        hex(&tag)
    );
    made
}

fn adyen(preset: &Preset, other: bool) -> Sent {
    let secret = secret_for(preset.secret, false);
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
            .collect()
    };
    let tag = hmac_sha256(
        &bytes(&secret_for(preset.secret, other)),
        &[b"psp::merchant:ref:1000:EUR:AUTHORISATION:true"],
    );
    let mut made = sent(preset, Spot::Json("hmacSignature"), &secret);
    made.body = format!(
        r#"{{"live":"false","notificationItems":[{{"NotificationRequestItem":{{"pspReference":"psp","merchantAccountCode":"merchant","merchantReference":"ref","amount":{{"value":1000,"currency":"EUR"}},"eventCode":"AUTHORISATION","success":"true","additionalData":{{"hmacSignature":"{}"}}}}}}]}}"#,
        STANDARD.encode(tag)
    );
    made
}

fn token_with_secret(preset: &Preset, own: Own, now: Timestamp, other: bool) -> Sent {
    let mut made = sent(preset, Spot::Header("authorization"), &secret_for(preset.secret, false));
    let secret = secret_for(preset.secret, other);
    let issued = now.unix_ms() / 1000;
    // Connect names the request, here `POST /in?x=1`; monday the URL.
    let named = if own == Own::Connect {
        format!(r#","qsh":"{}""#, sha256(b"POST&/in&x=1"))
    } else {
        format!(r#","aud":"{URL}""#)
    };
    let claims = format!(r#"{{"iss":"me","iat":{issued},"exp":{}{named}}}"#, issued + 180);
    let token = jwt(r#"{"alg":"HS256","typ":"JWT"}"#, &claims, |signed| {
        hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]).to_vec()
    });
    made.headers.push(("authorization".into(), format!("JWT {token}")));
    made
}

fn pubsub(preset: &Preset, now: Timestamp, other: bool) -> Sent {
    let account = if other { "you@other.example" } else { "push@mine.example" };
    let issued = now.unix_ms() / 1000;
    let claims = format!(
        r#"{{"iss":"https://accounts.google.com","aud":"{URL}","email":"{account}","email_verified":true,"iat":{issued},"exp":{}}}"#,
        issued + 3600
    );
    let token = jwt(r#"{"alg":"RS256","kid":"r1"}"#, &claims, |signed| rsa_sign(signed.as_bytes()));
    let mut made = sent(preset, Spot::Header("authorization"), "push@mine.example");
    made.headers.push(("authorization".into(), format!("Bearer {token}")));
    made.evidence = Some(key_set());
    made
}

/// A delivery of Paddle's own: nothing here can sign with SHA-1. For another key, another field.
fn paddle_classic(preset: &Preset, other: bool) -> Sent {
    let pem = include_str!("../keys/paddle_classic.pem");
    let mut made = sent(preset, Spot::Form("p_signature"), pem);
    made.headers[0].1 = "application/x-www-form-urlencoded".into();
    let form = include_str!("../keys/paddle_classic.form").trim_end();
    made.body = if other { form.replacen("quantity=", "quantity=9", 1) } else { form.into() };
    made
}

fn composed(preset: &Preset, which: Compose, now: Timestamp, other: bool) -> Sent {
    let secret = secret_for(preset.secret, false);
    let signing = secret_for(preset.secret, other);
    let tag = |message: String| hex(&hmac_sha256(signing.as_bytes(), &[message.as_bytes()]));
    let mut made = sent(preset, Spot::Header(preset.headers[0]), &secret);
    let mut put = |name: &str, value: String| made.headers.push((name.into(), value));
    match which {
        Compose::Contentful => {
            let time = now.unix_ms().to_string();
            put("x-contentful-topic", "Entry.publish".into());
            put("x-contentful-timestamp", time.clone());
            put("x-contentful-signed-headers", "x-contentful-timestamp,x-contentful-topic".into());
            let lines = format!("x-contentful-timestamp:{time};x-contentful-topic:Entry.publish");
            put("x-contentful-signature", tag(format!("POST\n/in?x=1\n{lines}\n{BODY}")));
        }
        Compose::Hook0 => {
            let time = seconds(now);
            let v1 = tag(format!("{time}.content-type.application/json.{BODY}"));
            put("x-hook0-signature", format!("t={time},h=content-type,v1={v1}"));
        }
        Compose::Fal => {
            let (time, user) = (seconds(now), "user-1");
            let message = format!("r-1\n{user}\n{time}\n{}", sha256(BODY.as_bytes()));
            put("x-fal-webhook-request-id", "r-1".into());
            put("x-fal-webhook-user-id", user.into());
            put("x-fal-webhook-timestamp", time);
            let signature = hex(ed25519(other).sign(message.as_bytes()).as_ref());
            put("x-fal-webhook-signature", signature);
            made.key = key("now", user);
            made.evidence = Some(key_set());
        }
    }
    made
}
