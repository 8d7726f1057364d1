//! Random numbers that come out the same everywhere.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough for faults and noise.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// At least 0 and below 1.
    pub fn share(&mut self) -> f64 {
        unit(self.next())
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }
}

/// A number at least 0 and below 1 that belongs to `place` under `seed`.
pub(super) fn share_at(seed: u64, place: u64) -> f64 {
    unit(mix(mix(seed).wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
