//! One sample as bytes.
//!
//! ```text
//!  0  version      u8, 1
//!  1  what is there  u8, a bit for each optional field below, in their order
//!  2  throttled    u32
//!  6  busy         u16
//!  8  sequence     u64   rises by 1 from sample to sample
//! 16  at           f64
//! 24  memory_available, swap_used, scratch_free, arm_clock   u64 each
//! 56  temperature  i16, tenths of a degree
//! 58  load         u16, hundredths
//! 60  CRC-32 of what is before it
//! ```
//!
//! All numbers are little-endian. A record that was torn by a power cut has another checksum, and is as none.

use flate2::Crc;
use td_protocol::health::Sample;

/// Bytes of a record. A page of the disk holds whole ones.
pub const LENGTH: usize = 64;
const VERSION: u8 = 1;

/// Encodes the sample of this number.
#[must_use]
pub fn encode(sequence: u64, sample: &Sample) -> [u8; LENGTH] {
    let there = [
        sample.temperature.is_some(),
        sample.load.is_some(),
        sample.memory_available.is_some(),
        sample.swap_used.is_some(),
        sample.arm_clock.is_some(),
        sample.throttled.is_some(),
        sample.busy.is_some(),
        sample.scratch_free.is_some(),
    ];
    let mut bytes = [0; LENGTH];
    bytes[0] = VERSION;
    bytes[1] = there.iter().enumerate().map(|(bit, &is)| u8::from(is) << bit).sum();
    bytes[2..6].copy_from_slice(&sample.throttled.unwrap_or(0).to_le_bytes());
    let busy = u16::try_from(sample.busy.unwrap_or(0)).unwrap_or(u16::MAX);
    bytes[6..8].copy_from_slice(&busy.to_le_bytes());
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    bytes[16..24].copy_from_slice(&sample.at.to_le_bytes());
    // Floats become numbers by rounding, and what is out of range its bound.
    let hertz = sample.arm_clock.unwrap_or(0.0).round() as u64;
    let words = [sample.memory_available, sample.swap_used, sample.scratch_free, Some(hertz)];
    for (place, word) in bytes[24..56].chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.unwrap_or(0).to_le_bytes());
    }
    let tenths = (sample.temperature.unwrap_or(0.0) * 10.0).round() as i16;
    let hundredths = (sample.load.unwrap_or(0.0) * 100.0).round() as u16;
    bytes[56..58].copy_from_slice(&tenths.to_le_bytes());
    bytes[58..60].copy_from_slice(&hundredths.to_le_bytes());
    let sum = checksum(&bytes);
    bytes[60..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The number and the sample of a record; none of one that is torn, empty, or of another version.
#[must_use]
pub fn decode(bytes: &[u8; LENGTH]) -> Option<(u64, Sample)> {
    let half = |at: usize| [bytes[at], bytes[at + 1]];
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if bytes[0] != VERSION || word(60) != checksum(bytes) {
        return None;
    }
    let there = |bit: u8| bytes[1] >> bit & 1 == 1;
    let sample = Sample {
        at: f64::from_bits(long(16)),
        temperature: there(0).then(|| f64::from(i16::from_le_bytes(half(56))) / 10.0),
        load: there(1).then(|| f64::from(u16::from_le_bytes(half(58))) / 100.0),
        memory_available: there(2).then(|| long(24)),
        swap_used: there(3).then(|| long(32)),
        arm_clock: there(4).then(|| long(48) as f64),
        throttled: there(5).then(|| word(2)),
        busy: there(6).then(|| u32::from(u16::from_le_bytes(half(6)))),
        scratch_free: there(7).then(|| long(40)),
    };
    sample.at.is_finite().then_some((long(8), sample))
}

fn checksum(bytes: &[u8; LENGTH]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&bytes[..60]);
    crc.sum()
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn sample(at: f64) -> Sample {
        Sample {
            at,
            temperature: Some(47.2),
            load: Some(1.02),
            memory_available: Some(300 << 20),
            swap_used: Some(0),
            arm_clock: Some(700e6),
            throttled: Some(0x5_0005),
            busy: Some(1),
            scratch_free: Some(9 << 30),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let whole = sample(1_795_413_120.5);
        assert_eq!(decode(&encode(7, &whole)), Some((7, whole)));
        let bare = Sample { at: 5.0, ..Sample::default() };
        assert_eq!(decode(&encode(u64::MAX, &bare)), Some((u64::MAX, bare)));
        let cold = Sample { temperature: Some(-10.5), ..bare };
        assert_eq!(decode(&encode(1, &cold)), Some((1, cold)));
        assert_eq!(decode(&[0; LENGTH]), None, "an empty place");
    }

    proptest! {
        #[test]
        fn a_changed_bit_is_noticed(bit in 0..LENGTH * 8) {
            let mut bytes = encode(9, &sample(100.0));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn no_value_panics(at in any::<f64>(), temperature in any::<f64>(), load in any::<f64>(), busy in any::<u32>()) {
            let odd = Sample { at, temperature: Some(temperature), load: Some(load), arm_clock: Some(load), busy: Some(busy), ..Sample::default() };
            let decoded = decode(&encode(1, &odd));
            prop_assert_eq!(decoded.is_some(), at.is_finite());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), LENGTH)) {
            let mut whole = [0; LENGTH];
            whole.copy_from_slice(&bytes);
            let _ = decode(&whole);
        }
    }
}
