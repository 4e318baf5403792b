//! What is signed about a delivery, whatever it is signed with: the pieces of a template, the time
//! beside them, and the judgement of that time.

use std::borrow::Cow;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::text_at;
use crate::gate::GateProblem;
use crate::handshake::is_token;
use crate::signature::candidates;
use crate::signature::covered::covered_form;
use crate::signature::frame_checks::{check, check_template};
use crate::signature::generic::{GenericHmac, TimeFrom, TimeRule};
use crate::signature::template::{Inputs, Piece, Template, header_of, other_port, signed_url};
use crate::signature::time;
use crate::signature::verifier::{Proven, Watch};

/// A scheme's frame around the body.
pub(crate) struct Frame {
    pub(crate) spec: GenericHmac,
    template: Template,
    public_url: Option<String>,
    watch: Watch,
}

/// The parts of one delivery that are signed, as it has them.
pub(crate) struct Parts<'d> {
    delivery: &'d Delivery,
    id: &'d str,
    time: Option<&'d str>,
}

impl Frame {
    /// Compiles the frame; everything that is wrong with it.
    pub(crate) fn build(
        spec: GenericHmac,
        watch: Watch,
        public_url: Option<String>,
    ) -> Result<Self, Vec<GateProblem>> {
        let mut problems = check(&spec);
        let template = Template::parse(&spec.template);
        match &template {
            Ok(template) => problems.extend(check_template(template, &spec, public_url.as_deref())),
            Err(what) => problems.push(GateProblem::Scheme(format!("template: {what}"))),
        }
        match template {
            Ok(template) if problems.is_empty() => Ok(Self { spec, template, public_url, watch }),
            _ => Err(problems),
        }
    }

    /// The parts of a delivery; `beside` is the time that stood beside the signature.
    pub(crate) fn parts<'d>(
        &self,
        delivery: &'d Delivery,
        beside: Option<&'d str>,
    ) -> Result<Parts<'d>, SignatureFault> {
        if self.spec.token_refused && is_token(&delivery.body) {
            return Err(candidates::malformed("the body is a text that the handshake signs"));
        }
        let id = if self.template.has(&Piece::Id) {
            let names = self.spec.id_headers.iter().map(String::as_str);
            candidates::one_of(&delivery.headers, names)?
        } else {
            ""
        };
        Ok(Parts { delivery, id, time: self.time_text(delivery, beside)? })
    }

    /// The URLs that may have been signed: none, one, or the same with and without its port.
    pub(crate) fn urls(&self, delivery: &Delivery) -> impl Iterator<Item = String> + use<> {
        let url = self.public_url.as_deref().map(|public| signed_url(public, delivery));
        let other = url.as_deref().filter(|_| self.spec.any_port).and_then(other_port);
        [Some(url.unwrap_or_default()), other].into_iter().flatten()
    }

    /// The fields of the body, where the scheme signs those.
    pub(crate) fn form(&self, parts: &Parts<'_>, url: &str) -> Result<Vec<u8>, SignatureFault> {
        if self.template.has(&Piece::Form) {
            return covered_form(parts.delivery, url);
        }
        Ok(Vec::new())
    }

    /// Hands out what is signed, piece by piece.
    pub(crate) fn feed(
        &self,
        parts: &Parts<'_>,
        url: &str,
        form: &[u8],
        out: impl FnMut(&[u8]),
    ) -> Result<(), SignatureFault> {
        let inputs = Inputs {
            body: &parts.delivery.body,
            time: parts.time.unwrap_or_default(),
            id: parts.id,
            url,
            method: &parts.delivery.method,
            form,
        };
        self.template.feed(out, &inputs, header_of(parts.delivery))
    }

    /// The time as it was written, if it stands outside the payload.
    fn time_text<'a>(
        &self,
        delivery: &'a Delivery,
        beside: Option<&'a str>,
    ) -> Result<Option<&'a str>, SignatureFault> {
        match self.spec.time.as_ref().map(|rule| &rule.from) {
            None | Some(TimeFrom::Pointer(_)) => Ok(None),
            Some(TimeFrom::Pair) => beside.map(Some).ok_or(SignatureFault::MalformedTime),
            Some(TimeFrom::Header(names)) => {
                let names = names.iter().map(AsRef::as_ref);
                candidates::one_of(&delivery.headers, names).map(Some)
            }
        }
    }

    /// What is proven by this key, if the time of sending is within its bounds.
    pub(crate) fn proven(
        &self,
        key: KeyId,
        parts: &Parts<'_>,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let (Some(rule), Watch::Judged(tolerance)) = (&self.spec.time, self.watch) else {
            return Ok(Proven::by(key));
        };
        let text = match &rule.from {
            TimeFrom::Pointer(pointer) => text_at(&parts.delivery.body, pointer),
            _ => parts.time.map(Cow::Borrowed),
        };
        let sent = text.and_then(|text| rule.unit.read(&text));
        let sent = sent.ok_or(SignatureFault::MalformedTime)?;
        let skew_ms = Some(time::judge(rule, tolerance, sent, at)?);
        let signs_body = self.template.has(&Piece::Body);
        let sealed_at = Some(sent).filter(|_| signs_body && self.signs_time());
        Ok(Proven { skew_ms, sealed_at, ..Proven::by(key) })
    }

    /// Whether the time is among what is signed: a template may leave it out.
    fn signs_time(&self) -> bool {
        let is_within = |rule: &TimeRule| matches!(rule.from, TimeFrom::Pointer(_));
        self.template.has(&Piece::Timestamp) || self.spec.time.as_ref().is_some_and(is_within)
    }
}
