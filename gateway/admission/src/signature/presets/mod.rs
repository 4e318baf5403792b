//! The table of providers. A row says only in what it differs from HMAC-SHA256 over the body in
//! hexadecimal.

mod code;
mod money;
mod parts;
mod people;
mod work;

use crate::signature::preset::Preset;

/// Every preset.
pub static ALL: &[Preset] = &JOINED;

const TABLES: [&[Preset]; 4] = [code::TABLE, money::TABLE, people::TABLE, work::TABLE];
const COUNT: usize =
    code::TABLE.len() + money::TABLE.len() + people::TABLE.len() + work::TABLE.len();
static JOINED: [Preset; COUNT] = joined();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an overrun")]
const fn joined() -> [Preset; COUNT] {
    let mut all = [Preset::BODY_HEX; COUNT];
    let (mut table, mut at) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            all[at] = TABLES[table][row];
            (at, row) = (at + 1, row + 1);
        }
        table += 1;
    }
    all
}
