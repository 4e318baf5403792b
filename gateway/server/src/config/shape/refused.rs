//! The shape of how much is kept of what is refused.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::{Size, Span};

/// How much is kept of the deliveries that a source refuses for their signature or their schema.
/// The oldest go first; one source never takes the place of another. What comes without anything
/// that reads as a signature of its scheme has a tenth of the same bounds, beside them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Refused {
    /// For so long, up to `90d`; `0s` keeps nothing. Default `3d`, as long as repetitions are
    /// known.
    pub(in crate::config) keep: Option<Span>,
    /// At most so many. Default 1000.
    #[schemars(range(min = 1, max = 100_000))]
    pub(in crate::config) deliveries: Option<usize>,
    /// At most so many bytes on the disk, from `64KiB` to `10GiB`. Default `16MiB`.
    pub(in crate::config) bytes: Option<Size>,
}
