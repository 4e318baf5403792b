//! Schemes that no template describes: what is signed lies within the payload, or the key comes in
//! a certificate or a set that is fetched.

mod adyen;
mod claimed;
mod composed;
mod connect;
mod crc32;
mod evidence;
mod jwt;
mod key_set;
mod mailgun;
mod oidc;
mod paddle_classic;
mod paypal;
mod places;
mod sns;

pub(crate) use adyen::AdyenItems;
pub(crate) use claimed::claimed;
pub use composed::Compose;
pub(crate) use composed::Composed;
pub(crate) use connect::qsh;
pub(crate) use evidence::Given;
pub use evidence::{Evidence, EvidenceKind};
pub(crate) use jwt::{Jwt, JwtRule};
pub use key_set::KeySet;
pub(crate) use mailgun::Mailgun;
pub(crate) use oidc::{GOOGLE_KEYS, Oidc};
pub(crate) use paddle_classic::PaddleClassic;
pub(crate) use paypal::{PayPal, certificate_url as paypal_certificate_url};
pub(crate) use places::object;
pub(crate) use sns::{Sns, certificate_url as sns_certificate_url, is_subscribe_url};
