//! Tests of the forensics: folders that are flipped, cut and robbed.

mod dumps;
mod every_byte;
mod many;
mod world;
