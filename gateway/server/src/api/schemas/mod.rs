//! The schema registry over HTTP, twice: `native` under `/v1/schemas`, with the problems of this
//! API, and `confluent` at the paths of Confluent's registry, with its error bodies, so that tools
//! that register there register here. `place` knows the paths, `ask` reads bodies, `show` writes
//! schemas.

mod ask;
mod confluent;
mod native;
mod place;
mod show;

use sluicegate_sources::http::{Request, Response};

use crate::schemas::Registrar;

pub(super) use place::Place;

/// Answers what is asked at a path of schemas.
pub(super) async fn answer(registrar: &Registrar, place: Place, request: &Request) -> Response {
    match place {
        Place::Native(place) => native::answer(registrar, place, request).await,
        Place::Confluent(place) => confluent::answer(registrar, place, request).await,
    }
}

/// Room for the largest schema with its declared references, as a text in JSON.
pub(super) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
