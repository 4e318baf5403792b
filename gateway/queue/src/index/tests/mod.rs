//! Tests of the index of a segment: what is listed is found, and nothing that is not.

mod damage;
mod lives;
mod round_trips;
mod world;
