//! A set of public keys as JSON (RFC 7517, RFC 8037): RSA for OpenID tokens, Ed25519.

use serde_json::Value;

use crate::json;
use crate::signature::crypto::PublicKey;
use crate::signature::encoding::Encoding;
use crate::signature::public::SIGNATURE_BYTES_MAX;

/// The keys of a set that can be used here; others are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Vec<Member>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    id: Option<String>,
    kind: Kind,
    key: PublicKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ed25519,
    Rsa,
}

impl KeySet {
    /// Reads a set; `None` if it is none, or holds no key that can be used.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let set = json::parse(bytes).ok()?;
        let listed = set.get("keys")?.as_array()?;
        let members: Vec<Member> = listed.iter().take(MEMBERS_MAX).filter_map(member).collect();
        (!members.is_empty()).then_some(Self(members))
    }

    /// Every Ed25519 key.
    pub(crate) fn ed25519(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().filter(|member| member.kind == Kind::Ed25519).map(|member| &member.key)
    }

    /// The RSA key with this id.
    pub(crate) fn rsa(&self, id: &str) -> Option<&PublicKey> {
        let named = |member: &&Member| member.id.as_deref() == Some(id) && member.kind == Kind::Rsa;
        self.0.iter().find(named).map(|member| &member.key)
    }
}

fn member(jwk: &Value) -> Option<Member> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|said| said != "sig") {
        return None;
    }
    let (kind, key) = match (text("kty")?, text("crv")) {
        ("OKP", Some("Ed25519")) => {
            let key = decode(text("x")?).filter(|key| key.len() == 32)?;
            (Kind::Ed25519, PublicKey(key))
        }
        ("RSA", _) => {
            let content = [integer(&decode(text("n")?)?), integer(&decode(text("e")?)?)].concat();
            (Kind::Rsa, PublicKey(tagged(0x30, &content)))
        }
        _ => return None,
    };
    Some(Member { id: text("kid").map(str::to_owned), kind, key })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = [0; SIGNATURE_BYTES_MAX];
    let len = Encoding::Base64Url.decode(text.as_bytes(), &mut bytes)?;
    bytes.get(..len).map(<[u8]>::to_vec)
}

/// A positive `INTEGER` of DER: what `RSAPublicKey` (RFC 8017 appendix A.1.1) is made of.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut content = number.get(zeros..).unwrap_or_default().to_vec();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    tagged(0x02, &content)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(u8::try_from(content.len()).unwrap_or(0));
    } else {
        out.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
        out.extend_from_slice(length);
    }
    out.extend_from_slice(content);
    out
}

/// Keys that are read of one set.
const MEMBERS_MAX: usize = 32;
