//! Amazon SNS: an RSA signature in the message, by a certificate that is fetched from SNS itself.
//!
//! SNS signs for everybody who has a topic, so the signature alone proves nothing about whose topic
//! it is: the key is the ARN of the topic.

use std::fmt::Write as _;

use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::signature::candidates::malformed;
use crate::signature::certificate::bad;
use crate::signature::crypto::{Signing, same};
use crate::signature::der::KeyOf;
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::known::{Known, text_key};
use crate::signature::own::evidence::Given;
use crate::signature::own::places::{object, text};
use crate::signature::public::SIGNATURE_BYTES_MAX;
use crate::signature::verifier::{Proven, Setting, Watch};

/// The check of one source.
pub(crate) struct Sns {
    topics: Known<String>,
    watch: Watch,
}

impl Sns {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let topics = Known::build(setting.keys, text_key).map_err(key_problems)?;
        Ok(Self { topics, watch: setting.watch })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        let message = object(&delivery.body)?;
        let signing = match text(&message, "SignatureVersion")? {
            "1" => Signing::RsaSha1,
            "2" => Signing::RsaSha256,
            _ => return Err(malformed("its version is neither 1 nor 2")),
        };
        let mut signature = [0; SIGNATURE_BYTES_MAX];
        let said = text(&message, "Signature")?.as_bytes();
        let signature = Encoding::Base64.decoded(said, &mut signature);
        let signature = signature.ok_or_else(|| malformed("it is no base64"))?;
        let host = host_of(&message)?;
        let signed = canonical(&message)?;
        let certificate = given.certificate()?;
        if let Watch::Judged(_) = self.watch {
            // No chain comes with it: TLS vouched for the host that it was fetched from.
            certificate.good_for(&["sns.amazonaws.com", &host], at)?;
        }
        let KeyOf::Rsa(key) = certificate.key() else { return Err(bad("its key is not RSA")) };
        if !key.verifies(signing, signed.as_bytes(), signature) {
            return Err(SignatureFault::Mismatch);
        }
        let topic = text(&message, "TopicArn")?.as_bytes();
        let key = self.topics.judge(at, |known| same(known.as_bytes(), topic))?;
        Ok(Proven::by(key))
    }
}

/// What is signed: each field with its name, line by line.
///
/// IMPORTANT: a text with line ends could pass for several fields. Only the message and its subject
/// are free text; none of the others may hold a line end, so that there is one way to read the
/// lines.
fn canonical(message: &Value) -> Result<String, SignatureFault> {
    let names: &[&str] = match text(message, "Type")? {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return Err(malformed("the message is of no known type")),
    };
    let mut out = String::new();
    for name in names {
        let value = match (*name, message.get(*name)) {
            ("Subject", None | Some(Value::Null)) => continue,
            ("Subject" | "Message", Some(Value::String(value))) => value,
            _ => text(message, name).and_then(|value| {
                let free = value.contains(|c: char| c.is_control());
                if free { Err(malformed("a field of it holds a line end")) } else { Ok(value) }
            })?,
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{name}\n{value}\n");
    }
    Ok(out)
}

/// Where the certificate is: at SNS itself, and nowhere else.
pub(crate) fn certificate_url(delivery: &Delivery) -> Result<String, SignatureFault> {
    let message = object(&delivery.body)?;
    host_of(&message)?;
    url_of(&message).map(str::to_owned)
}

/// The address that confirms a subscription, if it is one of SNS.
pub(crate) fn is_subscribe_url(url: &str) -> bool {
    let Some((host, _)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    is_sns(host) && url.bytes().all(|byte| byte.is_ascii_graphic()) && url.len() <= URL_BYTES_MAX
}

fn url_of(message: &Value) -> Result<&str, SignatureFault> {
    // Lambda writes it in its own way.
    let name = if message.get("SigningCertURL").is_some() {
        "SigningCertURL"
    } else if message.get("SigningCertUrl").is_some() {
        "SigningCertUrl"
    } else {
        return Err(SignatureFault::Missing { header: "(body) SigningCertURL".into() });
    };
    text(message, name)
}

fn host_of(message: &Value) -> Result<String, SignatureFault> {
    let parts = url_of(message)?.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
    let (host, file) = parts.ok_or_else(|| bad("its URL is not of SNS"))?;
    let name = file.strip_prefix("SimpleNotificationService-").and_then(|f| f.strip_suffix(".pem"));
    let hash = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if is_sns(host) && name.is_some_and(hash) {
        return Ok(host.to_owned());
    }
    Err(bad("its URL is not of SNS"))
}

/// `sns.REGION.amazonaws.com`, also with `.cn`.
fn is_sns(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    region.is_some_and(|region| {
        (3..=32).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

const URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_certificate_is_fetched_from_sns_only() {
        let good = "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem";
        assert!(host_of(&json!({ "SigningCertURL": good })).is_ok());
        let china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-7ff5.pem";
        assert!(host_of(&json!({ "SigningCertUrl": china })).is_ok());
        for bad in [
            "http://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem",
            "https://sns.us-east-2.amazonaws.com.evil.example/SimpleNotificationService-7ff5.pem",
            "https://evil.example/sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem",
            "https://sns.us-east-2.amazonaws.com@evil.example/SimpleNotificationService-7ff5.pem",
            "https://sns.us-east-2.amazonaws.com:8443/SimpleNotificationService-7ff5.pem",
            "https://sns.a.evil.amazonaws.com/SimpleNotificationService-7ff5.pem",
            "https://sns.us-east-2.amazonaws.com/other.pem",
            "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem?x",
            "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-../x.pem",
            "https://bucket.s3.amazonaws.com/SimpleNotificationService-7ff5.pem",
            "https://sns.us-east-2.amazonaws.com",
            "",
        ] {
            assert!(host_of(&json!({ "SigningCertURL": bad })).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_end_in_a_fixed_field_is_refused() {
        let mut message = json!({
            "Message": "a\nb", "MessageId": "1", "Timestamp": "t", "TopicArn": "x",
            "Type": "Notification", "Subject": null,
        });
        let expected =
            "Message\na\nb\nMessageId\n1\nTimestamp\nt\nTopicArn\nx\nType\nNotification\n";
        assert_eq!(canonical(&message).unwrap(), expected);
        message["MessageId"] = json!("1\nSubject\nb");
        assert!(canonical(&message).is_err());
    }

    #[test]
    fn a_subscription_is_confirmed_at_sns_only() {
        assert!(is_subscribe_url(
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        ));
        for bad in ["http://sns.eu-west-1.amazonaws.com/?A", "https://10.0.0.1/?A", "https://a/ b"]
        {
            assert!(!is_subscribe_url(bad), "{bad}");
        }
    }
}
