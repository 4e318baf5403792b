//! A backlog of millions: what it costs in memory and in speed, and how soon the store is open
//! again after a kill in the middle of commits.

pub(super) mod life;
mod run;

pub(super) use run::run;
