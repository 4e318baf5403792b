//! Tests of the end of the log: segments that are ready, and a disk that is full.

mod depot_thread;
mod full;
mod rolls;
mod world;
