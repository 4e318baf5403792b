//! What the front refuses by itself, before or instead of asking the handler.

use sluicegate_core::refusal::Refusal;

use super::answers::status_and_title;
use super::message::Response;
use super::problem::answer;

/// Why a connection ends. Whatever it is, nothing of the request was handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The client is told, then the connection is closed.
    Refused(Refusal),
    /// The method is none that HTTP knows, or makes a tunnel: 501.
    UnknownMethod,
    /// An `Expect` other than `100-continue`: 417.
    Expectation,
    /// The handler said no before the body was read: its response, then the connection is closed.
    NotAdmitted(Box<Response>),
    /// The client is gone, or has nothing more to say.
    Gone,
}

impl Fault {
    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self::Refused(Refusal::Malformed { what })
    }

    /// The answer; `None` if there is nobody to tell.
    pub(crate) fn response(self) -> Option<Response> {
        let (status, title, refusal) = match self {
            Self::Refused(refusal) => {
                let (status, title) = status_and_title(&refusal);
                (status, title, refusal)
            }
            Self::UnknownMethod => {
                (501, "Method not known", Refusal::Malformed { what: "method is not known" })
            }
            Self::Expectation => (
                417,
                "Expectation failed",
                Refusal::Malformed { what: "only 100-continue can be expected" },
            ),
            Self::NotAdmitted(response) => return Some(*response),
            Self::Gone => return None,
        };
        Some(answer(status, title, &refusal))
    }
}
