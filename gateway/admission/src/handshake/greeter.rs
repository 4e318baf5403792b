//! The handshakes of one source, with what its configuration grants.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::handshake::Reply;
use sluicegate_core::refusal::Refusal;

use crate::gate::GateProblem;
use crate::handshake::answer::{BODY_BYTES_MAX, Errand, Greeting, mac_key, object, raw, value};
use crate::handshake::spec::{Answer, Asks, Handshake, Method, Place, When};
use crate::secret::Secret;
use crate::signature::{is_subscribe_url, same};

/// What a source's configuration grants to handshakes.
#[derive(Debug, Clone, Default)]
pub struct HandshakeSetting {
    /// The token that a request must name, where the handshake has one. Without it such a handshake
    /// is not answered.
    pub token: Option<Secret>,
    /// The origins that may send (CloudEvents); `*` grants all. None: that handshake is not
    /// answered.
    pub origins: Vec<String>,
    /// The rate that is granted, in requests a minute; `None`: what is asked.
    pub rate: Option<u32>,
}

/// The handshakes of one source. It holds no keys: those come and go while the gateway runs.
pub(crate) struct Greeter {
    handshakes: Vec<&'static Handshake>,
    setting: HandshakeSetting,
}

impl Greeter {
    /// The handshakes that can be answered with this setting; what is wrong with it.
    pub(crate) fn build(
        handshakes: &'static [Handshake],
        setting: HandshakeSetting,
    ) -> Result<Self, Vec<GateProblem>> {
        let mut problems = Vec::new();
        let mut say = |what: &str| problems.push(GateProblem::Handshake(what.into()));
        let takes_token = handshakes.iter().any(|one| matches!(one.asks, Asks::Token(_)));
        let takes_origins = handshakes.iter().any(|one| one.asks == Asks::Origin);
        match &setting.token {
            Some(_) if !takes_token => say("this scheme's handshake takes no token"),
            Some(token) if token.expose().is_empty() => say("the token is empty"),
            _ => {}
        }
        if !takes_origins && (!setting.origins.is_empty() || setting.rate.is_some()) {
            say("only CloudEvents handshakes grant origins and rates");
        }
        if setting.rate == Some(0) {
            say("a rate of nothing lets nothing in");
        }
        let usable = |one: &&'static Handshake| match one.asks {
            Asks::Token(_) => setting.token.is_some(),
            Asks::Origin => !setting.origins.is_empty(),
            Asks::Signature | Asks::Nothing => true,
        };
        let handshakes = handshakes.iter().filter(usable).collect();
        if problems.is_empty() { Ok(Self { handshakes, setting }) } else { Err(problems) }
    }

    /// The methods of handshakes beside `POST`.
    pub(crate) fn methods(&self) -> Vec<&'static str> {
        let other = |one: &&&Handshake| one.method != Method::Post;
        let mut methods: Vec<_> =
            self.handshakes.iter().filter(other).map(|one| one.method.name()).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    /// The handshake that a request is, if it is one.
    pub(crate) fn find(&self, delivery: &Delivery) -> Option<&'static Handshake> {
        let is = |one: &&&Handshake| {
            one.method.name() == delivery.method && one.when.iter().all(|when| when.holds(delivery))
        };
        self.handshakes.iter().find(is).copied()
    }

    /// The answer, once what it asks is proven: the signature by the caller, the rest here. `key`
    /// signs what the answer signs.
    pub(crate) fn answer(
        &self,
        handshake: &Handshake,
        delivery: &Delivery,
        key: Option<&Secret>,
    ) -> Result<Greeting, Refusal> {
        if let Asks::Token(place) = handshake.asks {
            let known = self.setting.token.as_ref().map(Secret::expose).unwrap_or_default();
            let said = raw(place, delivery).unwrap_or_default();
            if known.is_empty() || !same(known, said.as_bytes()) {
                return Err(Refusal::HandshakeRefused);
            }
        }
        let malformed = Refusal::Malformed { what: "the handshake holds no text to answer with" };
        let (reply, errand) = match handshake.answer {
            Answer::Text(place) => {
                (value(place, delivery).map(|text| Reply::new(200).with_text(text)), None)
            }
            Answer::Json(terms) => {
                let json = object(terms, delivery, || key.map(|key| mac_key(key.expose())));
                (json.map(|json| Reply::new(200).with_json(json)), None)
            }
            Answer::Header(name) => {
                let value = value(Place::Header(name), delivery);
                (value.map(|value| Reply::new(200).with_header(name, value)), None)
            }
            Answer::Fixed(status, "") => (Some(Reply::new(status)), None),
            Answer::Fixed(status, json) => (Some(Reply::new(status).with_json(json)), None),
            Answer::Confirm(place) => {
                let url = value(place, delivery).filter(|url| is_subscribe_url(url));
                let errand = url.map(|url| Errand { url, headers: Vec::new(), first: true });
                (errand.is_some().then(|| Reply::new(200)), errand)
            }
            Answer::Grant => self.grant(delivery),
        };
        let reply = reply.ok_or(malformed)?;
        let learned = handshake.learns.and_then(|place| value(place, delivery)).map(Secret::from);
        Ok(Greeting { name: handshake.name, reply, errand, learned })
    }

    /// CloudEvents' HTTP webhook, section 4: refused by saying nothing of what may be.
    fn grant(&self, delivery: &Delivery) -> (Option<Reply>, Option<Errand>) {
        let allow = || Reply::new(200).with_header("allow", "POST");
        let origin = value(Place::Header("webhook-request-origin"), delivery);
        let origins = &self.setting.origins;
        let granted = origin.filter(|origin| {
            is_origin(origin) && origins.iter().any(|known| known == "*" || known == origin)
        });
        let Some(origin) = granted else { return (Some(allow()), None) };
        let mut fields = vec![("webhook-allowed-origin", origin)];
        if let Some(asked) = value(Place::Header("webhook-request-rate"), delivery) {
            let asked = asked.parse::<u32>().ok().filter(|asked| *asked > 0);
            let rate = match (self.setting.rate, asked) {
                (Some(most), Some(asked)) => most.min(asked).to_string(),
                (Some(most), None) => most.to_string(),
                (None, Some(asked)) => asked.to_string(),
                (None, None) => "*".to_owned(),
            };
            fields.push(("webhook-allowed-rate", rate));
        }
        let callback = value(Place::Header("webhook-request-callback"), delivery);
        let errand = callback.filter(|url| url.starts_with("https://")).map(|url| {
            let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
            Errand { url, headers: fields.iter().map(owned).collect(), first: false }
        });
        let grant = |reply: Reply, (name, value)| reply.with_header(name, value);
        (Some(fields.into_iter().fold(allow(), grant)), errand)
    }
}

impl When {
    fn holds(&self, delivery: &Delivery) -> bool {
        match self {
            Self::Is(place, text) => {
                mentions(*place, text, delivery)
                    && raw(*place, delivery).is_some_and(|found| found == *text)
            }
            Self::There(Place::Pointer(pointer)) => {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                mentions(Place::Pointer(pointer), name, delivery)
                    && raw(Place::Pointer(pointer), delivery).is_some()
            }
            Self::There(place) => raw(*place, delivery).is_some(),
            Self::Missing(place) => raw(*place, delivery).is_none(),
        }
    }
}

/// Whether a payload has these bytes in it at all: nearly no event has those of a handshake, and is
/// not read as JSON for it.
fn mentions(place: Place, text: &str, delivery: &Delivery) -> bool {
    let small = delivery.body.len() <= BODY_BYTES_MAX;
    !matches!(place, Place::Pointer(_))
        || small && memchr::memmem::find(&delivery.body, text.as_bytes()).is_some()
}

/// A DNS name, as the specification wants an origin to be.
fn is_origin(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.len() <= 253 && text.bytes().all(plain)
}
