//! The paths of refused deliveries, and who answers each.

use sluicegate_core::ids::EventId;
use sluicegate_sources::http::{Request, Response};

use super::{explain, list, one};
use crate::refused::Refused;

/// A path of refused deliveries, parsed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::api) enum Place {
    All,
    One(EventId),
    Reverify(EventId),
    Release(EventId),
    Explain(EventId),
    ExplainGiven,
}

impl Place {
    /// Reads the parts of a path after `v1`; `None` if it is none of these.
    pub(in crate::api) fn parse(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["refused"] => Self::All,
            ["refused", id] => Self::One(id.parse().ok()?),
            ["refused", id, "reverify"] => Self::Reverify(id.parse().ok()?),
            ["refused", id, "release"] => Self::Release(id.parse().ok()?),
            ["refused", id, "explain"] => Self::Explain(id.parse().ok()?),
            ["explain"] => Self::ExplainGiven,
            _ => return None,
        })
    }

    pub(in crate::api) fn methods(self) -> &'static [&'static str] {
        match self {
            Self::All | Self::Explain(_) => &["GET"],
            Self::One(_) => &["GET", "DELETE"],
            Self::Reverify(_) | Self::Release(_) | Self::ExplainGiven => &["POST"],
        }
    }

    /// A delivery that is given may be as large as one that comes, in base64.
    pub(in crate::api) fn body_bytes_max(self) -> usize {
        match self {
            Self::ExplainGiven => GIVEN_BYTES_MAX,
            _ => 0,
        }
    }
}

/// Answers what is asked at a path of refused deliveries.
pub(in crate::api) async fn answer(refused: &Refused, place: Place, request: &Request) -> Response {
    match place {
        Place::All => list::list(refused, request.query()).await,
        Place::One(id) if request.method == "DELETE" => one::remove(refused, id).await,
        Place::One(id) => one::show(refused, id, request.query()).await,
        Place::Reverify(id) => one::reverify(refused, id).await,
        Place::Release(id) => one::release(refused, id).await,
        Place::Explain(id) => explain::kept(refused, id).await,
        Place::ExplainGiven => explain::given(refused, request.body.as_ref()).await,
    }
}

const GIVEN_BYTES_MAX: usize = 24 * 1024 * 1024;
