//! Whom a delivery says that it is for: the topic, the account, the audience. For explanations
//! only: it is what a stranger wrote until the signature over it holds.

use sluicegate_core::delivery::Delivery;

use crate::signature::own::composed::{Compose, FAL_USER};
use crate::signature::own::jwt::{Token, bearer};
use crate::signature::own::places::{object, text};
use crate::signature::preset::Own;

/// What a delivery says in place of what the source's keys and URL say.
pub(crate) struct Claimed {
    /// In place of a key.
    pub(crate) key: String,
    /// In place of the public URL, where the scheme signs one for whom it is.
    pub(crate) audience: Option<String>,
}

/// What a delivery says, where its scheme has keys that are names.
pub(crate) fn claimed(own: Own, delivery: &Delivery) -> Option<Claimed> {
    match own {
        Own::Sns => {
            let message = object(&delivery.body).ok()?;
            let key = text(&message, "TopicArn").ok()?.to_owned();
            Some(Claimed { key, audience: None })
        }
        Own::Oidc => {
            let token = Token::read(bearer(delivery).ok()?).ok()?;
            let said = |name: &str| token.claim(name, &token.claims).map(str::to_owned);
            Some(Claimed { key: said("email")?, audience: said("aud") })
        }
        Own::Composed(Compose::Fal) => {
            let key = delivery.headers.once(FAL_USER).ok()?.to_owned();
            Some(Claimed { key, audience: None })
        }
        Own::PayPal
        | Own::Mailgun
        | Own::AdyenItems
        | Own::Connect
        | Own::Jwt
        | Own::PaddleClassic
        | Own::Composed(Compose::Contentful | Compose::Hook0) => None,
    }
}
