//! Feeds decoders what is nearly right. One loop for all of them: it takes a seed that the decoder
//! knows, does a few things to it, and hands it over.
//!
//! A run is short, and differs from the one before; it prints its seed. `SLUICEGATE_FUZZ_SECONDS`
//! says how long each target runs, `SLUICEGATE_SEED` which inputs it begins with. The input on
//! which a decoder panics or takes too long is printed.

use std::time::{Duration, Instant};

use crate::random::Random;

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Inputs that the decoder took for something.
    pub taken: usize,
    /// Inputs that it refused.
    pub refused: usize,
}

/// Feeds mutations of the seeds to a decoder, which is told the number of the seed and says whether
/// it took the input for something.
///
/// # Panics
/// When the decoder does, takes longer than [`INPUT_MAX`] for one input, or when
/// `SLUICEGATE_FUZZ_SECONDS` is no number.
pub fn feed(seeds: &[Vec<u8>], mut decode: impl FnMut(usize, &[u8]) -> bool) -> Fed {
    assert!(!seeds.is_empty(), "there is nothing to begin with");
    let seconds = match std::env::var("SLUICEGATE_FUZZ_SECONDS") {
        Ok(seconds) => seconds.parse().expect("SLUICEGATE_FUZZ_SECONDS is a number"),
        Err(_) => SECONDS,
    };
    let (start, mut random) = (Instant::now(), Random::seeded());
    let mut fed = Fed { taken: 0, refused: 0 };
    // On a machine that stands still for a while: until there was something of both.
    let lacks = |fed: &Fed| fed.taken == 0 || fed.refused == 0;
    while start.elapsed() < Duration::from_secs(seconds)
        || (lacks(&fed) && start.elapsed() < LONGEST)
    {
        let number = random.below(seeds.len());
        let bytes = mutated(&seeds[number], seeds, &mut random);
        let input = Input { number, bytes: &bytes, given: Instant::now() };
        if decode(number, &bytes) {
            fed.taken += 1;
        } else {
            fed.refused += 1;
        }
        assert!(input.given.elapsed() < INPUT_MAX, "it took {:?}", input.given.elapsed());
    }
    println!("{fed:?}");
    fed
}

/// A seed with one to four things done to it.
fn mutated(seed: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(24)).min(bytes.len());
        match random.below(9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = PUNCTUATION[random.below(PUNCTUATION.len())],
            3 => drop(bytes.drain(at..end)),
            4 => bytes.insert(at, u8::try_from(random.below(256)).expect("it is under 256")),
            5 => {
                let some = bytes[at..end].to_vec();
                bytes.splice(at..at, some);
            }
            6 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len() + 1);
                let some = &other[from..(from + random.below(40)).min(other.len())];
                bytes.splice(at..end, some.iter().copied());
            }
            7 => bytes.truncate(at),
            _ => drop(bytes.splice(at..end, NUMBERS[random.below(NUMBERS.len())].bytes())),
        }
    }
    bytes
}

/// What a decoder has been given; told if it does not come back well.
struct Input<'b> {
    number: usize,
    bytes: &'b [u8],
    given: Instant,
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: b\"{}\"", self.number, self.bytes.escape_ascii());
        }
    }
}

/// What decoders look for.
const PUNCTUATION: &[u8] = b"\"\\{}[],:=&;.%+-/ \t\r\n\0\xff\x30\x82";
/// Numbers and words at the ends of what there is.
const NUMBERS: [&str; 8] =
    ["0", "-1", "1e999", "18446744073709551616", "null", "\\ud800", "%ff", "\u{130}"];
/// How long a target runs if nobody says otherwise.
const SECONDS: u64 = 2;
/// The longest that one input may take, nothing optimised.
pub const INPUT_MAX: Duration = Duration::from_secs(20);

const LONGEST: Duration = Duration::from_secs(60);
