//! A transfer curve and its rounding as a table: for each sample the smallest float that gives it.
//!
//! The formula costs one or two `powf` per sample, which a Raspberry Pi 1 computes in some hundred cycles each; the
//! table costs a few comparisons. It has 255 floats for 8 bits, and 65535 (256 KB) for 16 bits, plus an index over the
//! top bits of the float (2 bytes per entry: at 16 bits 1024 per power of two, at 8 bits 256; about 40 and 8 KB for
//! sRGB). Building it takes about five evaluations of the formula per threshold.
//!
//! # Exact, even where `powf` is not monotone
//! A library's `powf` may go down by a rounding error where it should go up. Near a threshold that makes the sample
//! jump to and fro. So within [`GUARD`] steps of the float's last digit to either side of a threshold the formula
//! itself decides; only values further away are looked up. (For 16 bits 2 to 4 % of evenly spread values are that
//! near.) Proved for every float from 0 to 1 by `examples/conversion_exhaustive.rs`. Where no sensible table comes
//! out at all, [`Thresholds::new`] gives `None`, and the formula is used throughout.

use super::gamma::Curve;

/// Distance from a threshold, in units of the float's last place, within which the formula decides.
pub const GUARD: u32 = 8;

const ONE: u32 = 1.0_f32.to_bits();

/// POV-Ray's `IntEncode`: the sample that a value becomes. `max` is 255 or 65535.
///
/// Not-a-number becomes 0: POV-Ray converts it to an unsigned integer, which is 0 on x86 and ARM.
#[inline]
#[must_use]
pub fn sample(curve: &Curve, max: u32, x: f32) -> u32 {
    quantise(curve, max, curve.encode(x))
}

/// `floor(clip(y, 0, 1) * max + 0.5)`.
#[inline]
#[must_use]
pub fn quantise(curve: &Curve, max: u32, y: f32) -> u32 {
    // Not-a-number passes clamp(), as it does POV-Ray's clip(), and `as` makes it 0.
    let clipped = y.clamp(0.0, 1.0);
    curve.arithmetic().multiply_add(clipped, max as f32, 0.5).floor() as u32
}

/// The table for one curve and depth.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    curve: Curve,
    max: u32,
    /// `starts[n]` is the smallest float, as bits, that gives sample `n + 1` or more. Never falls.
    starts: Vec<u32>,
    /// How many bits of a float the index leaves out.
    shift: u32,
    /// First entry of the index, in floats' bits shifted right by `shift`.
    origin: u32,
    /// The number of thresholds at or below the first float of each run of floats.
    index: Vec<u16>,
}

impl Thresholds {
    /// The table, or `None` when the curve does not rise from 0 to `max` between 0 and 1.
    #[must_use]
    pub fn new(curve: Curve, max: u32) -> Option<Self> {
        if !(1..=65535).contains(&max) || sample(&curve, max, 0.0) != 0 || sample(&curve, max, 1.0) != max {
            return None;
        }
        let mut starts = Vec::with_capacity(max as usize);
        let mut from = 1;
        for level in 1..=max {
            from = find_start(&curve, max, level, from)?;
            starts.push(from);
        }
        let shift = if max > 255 { 23 - 10 } else { 23 - 8 };
        let origin = starts.first()? >> shift;
        let index = (origin..=(ONE >> shift) + 1)
            .map(|run| starts.partition_point(|&start| start <= run << shift) as u16)
            .collect();
        Some(Self { curve, max, starts, shift, origin, index })
    }

    /// The sample for any float, the same as [`sample`] gives.
    #[inline]
    #[must_use]
    pub fn sample(&self, x: f32) -> u32 {
        if x >= 1.0 {
            return self.max;
        }
        if x.is_nan() || x <= 0.0 {
            return 0;
        }
        let bits = x.to_bits();
        let run = (bits >> self.shift).wrapping_sub(self.origin) as usize;
        let (Some(&low), Some(&high)) = (self.index.get(run), self.index.get(run.wrapping_add(1))) else {
            // Below the first run of the index, which holds the first threshold.
            return self.near_first(x, bits);
        };
        let (low, high) = (low as usize, high as usize);
        let within = self.starts.get(low..high).unwrap_or_default();
        let level = low + within.partition_point(|&start| start <= bits);
        let above = self.starts.get(level).is_some_and(|start| start - bits <= GUARD);
        let below = level.checked_sub(1).and_then(|n| self.starts.get(n)).is_some_and(|start| bits - start < GUARD);
        if above || below {
            return sample(&self.curve, self.max, x);
        }
        level as u32
    }

    /// The smallest floats, as bits, that give 1, 2, ... `max`.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Bytes of memory that the table takes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.starts.len() * 4 + self.index.len() * 2
    }

    #[cold]
    fn near_first(&self, x: f32, bits: u32) -> u32 {
        match self.starts.first() {
            Some(first) if first.saturating_sub(bits) > GUARD => 0,
            _ => sample(&self.curve, self.max, x),
        }
    }
}

/// The smallest float from `from` on that gives `level` or more: guessed by the inverse of the curve, then walked to
/// and halved. `None` when the curve does not behave.
fn find_start(curve: &Curve, max: u32, level: u32, from: u32) -> Option<u32> {
    let reaches = |bits: u32| sample(curve, max, f32::from_bits(bits)) >= level;
    let guess = curve.decode_about((f64::from(level) - 0.5) / f64::from(max)) as f32;
    let guess = if guess > 0.0 { guess.to_bits().clamp(from, ONE) } else { from };
    // `low` does not reach the level, `high` does.
    let (mut low, mut high, mut stride) = (guess, guess, 1);
    if reaches(guess) {
        loop {
            if low <= from {
                if reaches(from) {
                    return Some(from);
                }
                low = from;
                break;
            }
            low = low.saturating_sub(stride).max(from);
            if !reaches(low) {
                break;
            }
            (high, stride) = (low, stride * 2);
        }
    } else {
        loop {
            if high >= ONE {
                return None;
            }
            high = high.saturating_add(stride).min(ONE);
            if reaches(high) {
                break;
            }
            (low, stride) = (high, stride.saturating_mul(2));
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests;
