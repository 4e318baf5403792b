//! Schemes whose keys are names, and what comes with a certificate: signed rightly, but for another
//! topic, account or audience than the source takes; or by what is not to be believed.

use sluicegate_core::signature::SignatureFault;

use super::attempt::{Case, Otherwise};
use super::mistake::{Likely, Mistake};
use crate::secret::Key;
use crate::signature::{Own, Preset, Proof, Scheme, claimed};

/// Another name than the keys have, or another audience than the public URL.
pub(super) fn try_all(case: &mut Case<'_>) {
    let Some(claimed) = own(case.scheme).and_then(|own| claimed(own, case.delivery)) else {
        return;
    };
    let Ok(id) = "claimed".parse() else { return };
    let keys = Some(vec![Key::new(id, claimed.key.as_str().into())]);
    let name = format!("its key would be {}", claimed.key);
    let audience = claimed.audience.as_deref();
    let url = |audience: &str| format!("its public_url would be {audience}");
    let mut ways = vec![(keys.clone(), None, name.clone())];
    ways.extend(audience.map(|audience| (None, Some(audience), url(audience))));
    let both = |audience| (keys, Some(audience), format!("{name}, and {}", url(audience)));
    ways.extend(audience.map(both));
    for (keys, public_url, what) in ways {
        let otherwise = Otherwise { keys, public_url, ..Otherwise::default() };
        if case.holds(otherwise).is_some() {
            let detail = format!("it is signed rightly, for somebody else: {what}");
            return case.find(Likely::new(Mistake::OtherName, detail));
        }
    }
}

/// What the fault itself says about a proof by a certificate, or by a message that is not there.
pub(super) fn of_fault(case: &mut Case<'_>, fault: &SignatureFault) {
    let raw = case.delivery.headers.first("x-amz-sns-rawdelivery").is_some();
    let own = own(case.scheme);
    if own == Some(Own::Sns) && raw {
        let detail = "raw message delivery is on at SNS: only what it wraps is signed; turn it off";
        return case.find(Likely::new(Mistake::Unsigned, detail));
    }
    let SignatureFault::Certificate { why } = fault else { return };
    let detail = match case.evidence {
        None => format!(
            "what it is proven by could not be had ({why}): the log says why, and \
             `fetch` in the configuration how it is fetched"
        ),
        Some(_) => format!("the certificate that it is signed with is not to be believed: {why}"),
    };
    case.find(Likely::new(Mistake::Certificate, detail));
}

fn own(scheme: &Scheme) -> Option<Own> {
    match scheme {
        Scheme::Preset(Preset { proof: Proof::Own(own), .. }) => Some(*own),
        _ => None,
    }
}
