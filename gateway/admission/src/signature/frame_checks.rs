//! What can be wrong with a scheme, told before the first delivery.

use std::time::Duration;

use crate::gate::GateProblem;
use crate::signature::generic::{GenericHmac, Layout, TimeFrom, TimeRule};
use crate::signature::template::{Piece, Template};

/// What is wrong with a scheme, its template aside.
pub(super) fn check(spec: &GenericHmac) -> Vec<GateProblem> {
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

/// What is wrong with its template.
pub(super) fn check_template(
    template: &Template,
    spec: &GenericHmac,
    public_url: Option<&str>,
) -> Vec<GateProblem> {
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
    match public_url {
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
