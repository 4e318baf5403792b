//! The one engine for every HMAC scheme: a scheme compiled with the keys of a source.
//!
//! It fails closed: what is missing, doubled, empty or malformed is refused before any key is
//! asked, and the time is judged only when the signature over it holds.

use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::text_at;
use crate::gate::GateProblem;
use crate::signature::candidates::{self, Offered};
use crate::signature::crypto::Algorithm;
use crate::signature::generic::{GenericHmac, Layout, TimeFrom, TimeRule};
use crate::signature::keyring::Keyring;
use crate::signature::template::{Inputs, Piece, Template, header_of, signed_url};
use crate::signature::time;
use crate::signature::verifier::{Proven, Setting, Watch};

/// A scheme with its keys.
pub(crate) struct Engine {
    spec: GenericHmac,
    template: Template,
    keyring: Keyring,
    public_url: Option<String>,
    watch: Watch,
}

impl Engine {
    /// Compiles a scheme; everything that is wrong with it or its keys.
    pub(crate) fn build(spec: GenericHmac, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let mut problems = check(&spec);
        let template = Template::parse(&spec.template);
        match &template {
            Ok(template) => problems.extend(check_template(template, &spec, &setting)),
            Err(what) => problems.push(GateProblem::Scheme(format!("template: {what}"))),
        }
        let Setting { keys, watch, public_url, floor } = setting;
        let keyring = Keyring::build(keys, &algorithms(&spec), &spec.secret, floor);
        match (template, keyring) {
            (Ok(template), Ok(keyring)) if problems.is_empty() => {
                Ok(Self { spec, template, keyring, public_url, watch })
            }
            (_, keyring) => {
                let faults = keyring.err().unwrap_or_default();
                problems.extend(faults.into_iter().map(|(key, why)| GateProblem::Key { key, why }));
                Err(problems)
            }
        }
    }

    /// Judges a delivery as of its arrival.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let spec = &self.spec;
        let offered =
            candidates::read(&delivery.headers, &spec.headers, &spec.layout, &spec.forms)?;
        let id = self.id(delivery)?;
        let time = self.time_text(delivery, &offered)?;
        let url = self.public_url.as_deref().map(|public| signed_url(public, delivery));
        let inputs = Inputs {
            body: &delivery.body,
            time: time.unwrap_or_default(),
            id: id.unwrap_or_default(),
            url: url.as_deref().unwrap_or_default(),
            method: &delivery.method,
        };
        let feed = |mac: &mut _| self.template.feed(mac, &inputs, header_of(delivery));
        let judgement = self.keyring.judge(&offered.candidates, at, feed)?;
        let key = judgement.key.ok_or(SignatureFault::Mismatch)?;
        let skew_ms = self.skew_ms(delivery, time, at)?;
        Ok(Proven { key: Some(key), skew_ms })
    }

    fn id<'a>(&self, delivery: &'a Delivery) -> Result<Option<&'a str>, SignatureFault> {
        if !self.template.has(&Piece::Id) {
            return Ok(None);
        }
        let names = self.spec.id_headers.iter().map(String::as_str);
        candidates::one_of(&delivery.headers, names).map(Some)
    }

    /// The time as it was written, if it stands outside the payload.
    fn time_text<'a>(
        &self,
        delivery: &'a Delivery,
        offered: &Offered<'a>,
    ) -> Result<Option<&'a str>, SignatureFault> {
        match self.spec.time.as_ref().map(|rule| &rule.from) {
            None | Some(TimeFrom::Pointer(_)) => Ok(None),
            Some(TimeFrom::Pair) => offered.time.map(Some).ok_or(SignatureFault::MalformedTime),
            Some(TimeFrom::Header(names)) => {
                let names = names.iter().map(AsRef::as_ref);
                candidates::one_of(&delivery.headers, names).map(Some)
            }
        }
    }

    fn skew_ms(
        &self,
        delivery: &Delivery,
        text: Option<&str>,
        at: Timestamp,
    ) -> Result<Option<i64>, SignatureFault> {
        let (Some(rule), Watch::Judged(tolerance)) = (&self.spec.time, self.watch) else {
            return Ok(None);
        };
        let sent = match &rule.from {
            TimeFrom::Pointer(pointer) => {
                text_at(&delivery.body, pointer).and_then(|text| rule.unit.read(&text))
            }
            _ => text.and_then(|text| rule.unit.read(text)),
        };
        let sent = sent.ok_or(SignatureFault::MalformedTime)?;
        time::judge(rule, tolerance, sent, at).map(Some)
    }
}

fn algorithms(spec: &GenericHmac) -> Vec<Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| spec.forms.iter().any(|form| form.algorithm == *algorithm))
        .collect()
}

fn check(spec: &GenericHmac) -> Vec<GateProblem> {
    let mut problems = Vec::new();
    let mut say = |what: &str| problems.push(GateProblem::Scheme(what.into()));
    if spec.headers.iter().all(String::is_empty) {
        say("no header carries the signature");
    }
    if spec.forms.is_empty() {
        say("no form of signature is accepted");
    }
    let time_key = matches!(&spec.layout, Layout::Pairs { time_key: Some(_), .. });
    match &spec.time {
        Some(TimeRule { from: TimeFrom::Pair, .. }) if !time_key => {
            say("the time is in a pair, but the layout has no time key");
        }
        Some(TimeRule { from: TimeFrom::Header(names), .. }) if names.is_empty() => {
            say("the time is in a header, but none is named");
        }
        Some(TimeRule { from: TimeFrom::Pointer(pointer), .. }) if !pointer.starts_with('/') => {
            say("the time is at a JSON Pointer, which starts with '/'");
        }
        Some(TimeRule { past, future, .. }) if past.max(future) > &TOLERANCE_MAX => {
            say("the tolerance is longer than a day");
        }
        _ => {}
    }
    if let Layout::Pairs { signature_keys, .. } = &spec.layout
        && signature_keys.is_empty()
    {
        say("no key of the pairs carries the signature");
    }
    problems
}

fn check_template(template: &Template, spec: &GenericHmac, setting: &Setting) -> Vec<GateProblem> {
    let mut problems = Vec::new();
    let mut say = |what: &str| problems.push(GateProblem::Scheme(what.into()));
    let text_time =
        matches!(&spec.time, Some(TimeRule { from: TimeFrom::Pair | TimeFrom::Header(_), .. }));
    if template.has(&Piece::Timestamp) && !text_time {
        say("the template signs the timestamp, but no header or pair carries it");
    }
    if template.has(&Piece::Id) && spec.id_headers.is_empty() {
        say("the template signs the id, but no header carries it");
    }
    let url = template.has(&Piece::Url) || template.has(&Piece::UrlDecoded);
    match &setting.public_url {
        None if url => problems.push(GateProblem::NeedsPublicUrl),
        Some(public) if !(public.starts_with("https://") || public.starts_with("http://")) => {
            problems.push(GateProblem::PublicUrl);
        }
        _ => {}
    }
    problems
}

/// Beyond a day a timestamp protects from nothing.
const TOLERANCE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
