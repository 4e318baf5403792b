//! Pseudo-random numbers from a printed seed: a failing run can be made again.

/// Numbers from a seed (SplitMix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that differ from run to run, unless `SLUICEGATE_SEED` says which. Prints the seed.
    ///
    /// # Panics
    /// When `SLUICEGATE_SEED` is no number.
    #[must_use]
    pub fn seeded() -> Self {
        let seed = match std::env::var("SLUICEGATE_SEED") {
            Ok(seed) => seed.parse().expect("SLUICEGATE_SEED is a number"),
            Err(_) => u64::from(std::process::id()),
        };
        println!("SLUICEGATE_SEED={seed}");
        Self(seed)
    }

    /// The numbers of a seed that the caller has printed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A number under `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("it is under a usize")
    }
}
