//! Numbers that are the same on every run.

/// A generator of numbers (SplitMix64). Not for secrets.
///
/// ```
/// use mikron_testkit::mutation::Numbers;
/// assert_eq!(Numbers::new(1, 2).below(1000), Numbers::new(1, 2).below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Numbers(u64);

fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

impl Numbers {
    /// The numbers of a round of a seed: each round can be made again without those before it.
    pub fn new(seed: u64, round: u64) -> Self {
        Self(mix(seed).wrapping_add(mix(!round)))
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.any() % end.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        &several[self.below(several.len())]
    }
}
