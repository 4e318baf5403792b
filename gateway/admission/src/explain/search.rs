//! The search: from the fault at the door to the mistake behind it, the likeliest first. It stops
//! at the first kind of mistake that explains the signature.

use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::SourceName;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use super::attempt::{Case, Otherwise};
use super::mistake::{Likely, Mistake, SignatureExplained};
use super::{bodies, forms, names, secrets, urls};
use crate::admission::Admission;
use crate::secret::Key;
use crate::signature::{Evidence, Given, Scheme};

impl Admission {
    /// Explains what the signature step says about a delivery, as of its arrival. Takes as long as
    /// some hundred verifications: not for the threads of the line. `evidence` is what was fetched
    /// for it, where its scheme needs that. `None`: no such source.
    #[must_use]
    pub fn explain(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        evidence: Option<&Evidence>,
    ) -> Option<SignatureExplained> {
        let gate = self.gates.get(&delivery.source)?;
        let scheme = gate.envelope.scheme().to_owned();
        let opened = match gate.wrapping.open(delivery) {
            Ok(opened) => opened,
            Err(fault) => {
                let (fault, likely) = (Some(fault), Vec::new());
                let (key, skew_ms, tried) = (None, None, 0);
                return Some(SignatureExplained { scheme, key, skew_ms, fault, likely, tried });
            }
        };
        let delivery = opened.as_ref();
        let fault = match gate.prover.try_verify(delivery, at, Given(evidence)) {
            Ok(proven) => {
                let (key, skew_ms) = (proven.key, proven.skew_ms);
                let likely = Vec::new();
                return Some(SignatureExplained {
                    scheme,
                    key,
                    skew_ms,
                    fault: None,
                    likely,
                    tried: 1,
                });
            }
            Err(fault) => fault,
        };
        let terms = &gate.prover.terms;
        let mut case = Case {
            delivery,
            at,
            scheme: &terms.scheme,
            keys: gate.prover.keys().into_iter().map(timeless).collect(),
            public_url: terms.public_url.as_deref(),
            evidence,
            found: Vec::new(),
            tried: 1,
        };
        search(&mut case, &fault, &gate.prover.keys(), &self.siblings(&delivery.source));
        let Case { found: likely, tried, .. } = case;
        Some(SignatureExplained {
            scheme,
            key: None,
            skew_ms: None,
            fault: Some(fault),
            likely,
            tried,
        })
    }

    /// The keys of every other source.
    fn siblings(&self, source: &SourceName) -> Vec<(SourceName, Vec<Key>)> {
        let others = self.gates.iter().filter(|(name, _)| *name != source);
        let mut all: Vec<_> = others
            .map(|(name, gate)| {
                (name.clone(), gate.prover.keys().into_iter().map(timeless).collect())
            })
            .collect();
        all.sort_by(|(one, _): &(SourceName, Vec<Key>), (other, _)| one.cmp(other));
        all
    }
}

fn timeless(key: Key) -> Key {
    Key::new(key.id, key.secret)
}

fn search(
    case: &mut Case<'_>,
    fault: &SignatureFault,
    keys: &[Key],
    siblings: &[(SourceName, Vec<Key>)],
) {
    match fault {
        SignatureFault::Stale { skew_ms } | SignatureFault::Future { skew_ms } => {
            return case.find(skewed(*skew_ms));
        }
        SignatureFault::Doubled { header } => {
            let detail = format!("{header} came more than once: does a proxy add its own?");
            case.find(Likely::new(Mistake::DoubledHeader, detail));
        }
        _ => names::of_fault(case, fault),
    }
    let steps: [&dyn Fn(&mut Case<'_>); 9] = [
        &|case| windows(case, keys),
        &|case| other_sources(case, siblings),
        &names::try_all,
        &secrets::try_all,
        &forms::try_forms,
        &forms::try_headers,
        &bodies::try_all,
        &urls::try_all,
        &other_schemes,
    ];
    for step in steps {
        if !case.found.is_empty() {
            return;
        }
        step(case);
    }
    if let (SignatureFault::Missing { header }, true) = (fault, case.found.is_empty()) {
        let detail = format!(
            "{header} did not come, and no other header holds a signature: is signing turned on \
             at the sender, and does a proxy take the header away?"
        );
        case.find(Likely::new(Mistake::Unsigned, detail));
    }
}

fn skewed(skew_ms: i64) -> Likely {
    let amount = Duration::from_millis(skew_ms.unsigned_abs());
    let said = human(amount);
    let detail = if amount > Duration::from_secs(20 * 365 * 24 * 60 * 60) {
        format!(
            "the signature holds, but its time is {said} off: the sender writes it in another unit \
             (milliseconds for seconds, or the other way round)"
        )
    } else if skew_ms > 0 {
        format!(
            "the signature holds, but it was {said} old when it came: the sender's clock is slow, \
             the gateway's is fast, or the delivery was held up on the way"
        )
    } else {
        format!(
            "the signature holds, but its time was {said} ahead when it came: the sender's clock \
             is fast, or the gateway's is slow"
        )
    };
    Likely::new(Mistake::ClockSkew, detail)
}

/// A key of the source that was not live.
fn windows(case: &mut Case<'_>, keys: &[Key]) {
    let Some(id) = case.holds(Otherwise::default()) else { return };
    let Some(key) = keys.iter().find(|key| key.id == id) else { return };
    let time = |time: Option<Timestamp>| time.map_or_else(|| "ever".to_owned(), Timestamp::rfc3339);
    let detail = format!(
        "signed with key {id}, which is live from {} to {}; it came at {}",
        time(key.not_before),
        time(key.not_after),
        case.at.rfc3339()
    );
    case.find(Likely::new(Mistake::KeyWindow, detail));
}

fn other_sources(case: &mut Case<'_>, siblings: &[(SourceName, Vec<Key>)]) {
    for (source, keys) in siblings {
        let otherwise = Otherwise { keys: Some(keys.clone()), ..Otherwise::default() };
        if let Some(key) = case.holds(otherwise) {
            let detail = format!(
                "signed with key {key} of source {source}: is the sender's secret or its URL mixed \
                 up?"
            );
            case.find(Likely::new(Mistake::OtherSource, detail));
        }
    }
}

/// Signed as another provider signs.
fn other_schemes(case: &mut Case<'_>) {
    for preset in crate::signature::ALL {
        let scheme = Scheme::Preset(preset);
        if scheme.name() == case.scheme.name() {
            continue;
        }
        let otherwise = Otherwise { scheme: Some(&scheme), ..Otherwise::default() };
        if case.holds(otherwise).is_some() {
            let detail = format!("it verifies with `scheme: {}`, {}", preset.name, preset.title);
            case.find(Likely::new(Mistake::WrongScheme, detail));
            // Many providers sign alike: one is enough to go on.
            return;
        }
    }
}

/// A time as people say it: the two largest units.
fn human(time: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let mut seconds = time.as_secs();
    let mut words = Vec::new();
    for (unit, each) in UNITS {
        if seconds >= each || (unit == "s" && words.is_empty()) {
            words.push(format!("{}{unit}", seconds / each));
            seconds %= each;
        }
    }
    words.truncate(2);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_said_in_two_units() {
        let said = [0, 59, 301, 7200, 90_061].map(|s| human(Duration::from_secs(s)));
        assert_eq!(said, ["0s", "59s", "5m 1s", "2h", "1d 1h"]);
    }
}
