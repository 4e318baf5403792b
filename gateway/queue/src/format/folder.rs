//! The file `format` of a data folder, and once more `format.copy`, because either may be damaged:
//! what the folder is, which version, and its key.
//!
//! ```text
//! sluicegate-data
//! version 3
//! key 00112233445566778899aabbccddeeff
//! check 1b2c3d4e                         CRC32C of the lines before
//! ```
//!
//! The key hashes idempotency keys, so that no sender can make two that collide. A folder of
//! version 2 says so here until it is opened.

use super::is_known;

/// The file, and its copy.
pub(crate) const FILES: [&str; 2] = ["format", "format.copy"];

/// What a copy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// The folder is of this version, or the one before, and has this key.
    Key(u8, [u8; 16]),
    /// The folder is of another version.
    Version(String),
    /// It is not what was written.
    Damaged,
}

pub(crate) fn encode(version: u8, key: [u8; 16]) -> Vec<u8> {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = format!("{MARK}\nversion {version}\nkey {hex}\n");
    format!("{lines}check {:08x}\n", crc32c::crc32c(lines.as_bytes())).into_bytes()
}

pub(crate) fn decode(bytes: &[u8]) -> Said {
    read(bytes).unwrap_or(Said::Damaged)
}

fn read(bytes: &[u8]) -> Option<Said> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = match text.rsplit_once("check ") {
        Some((lines, check)) => {
            let right = format!("{:08x}\n", crc32c::crc32c(lines.as_bytes()));
            (check == right).then_some(lines)?
        }
        // Written before there was a check.
        None => text,
    };
    let mut lines = lines.lines();
    if lines.next() != Some(MARK) {
        return None;
    }
    let version = lines.next()?.strip_prefix("version ")?;
    version.parse::<u32>().ok()?;
    let Some(known) = version.parse().ok().filter(|version| is_known(*version)) else {
        return Some(Said::Version(version.to_owned()));
    };
    let key = parse_key(lines.next()?.strip_prefix("key ")?)?;
    lines.next().is_none().then_some(Said::Key(known, key))
}

fn parse_key(hex: &str) -> Option<[u8; 16]> {
    let well_formed = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then(|| u128::from_str_radix(hex, 16).ok())?.map(u128::to_be_bytes)
}

const MARK: &str = "sluicegate-data";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::VERSION;

    proptest! {
        #[test]
        fn a_key_is_read_back_and_a_flipped_bit_is_seen(key: [u8; 16], at: usize, bit in 0_u8..8) {
            for version in [2, VERSION] {
                prop_assert_eq!(decode(&encode(version, key)), Said::Key(version, key));
            }
            let mut bytes = encode(VERSION, key);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), Said::Damaged);
        }

        #[test]
        fn noise_is_no_folder(noise: Vec<u8>) {
            prop_assert_eq!(decode(&noise), Said::Damaged);
        }
    }

    #[test]
    fn another_version_is_named() {
        let old = b"sluicegate-data\nversion 1\nkey 00\n";
        assert_eq!(decode(old), Said::Version("1".into()));
        let lines = "sluicegate-data\nversion 4\nsomething else\n";
        let later = format!("{lines}check {:08x}\n", crc32c::crc32c(lines.as_bytes()));
        assert_eq!(decode(later.as_bytes()), Said::Version("4".into()));
    }
}
