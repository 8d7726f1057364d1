//! Adler-32 (RFC 1950): of bytes, and of two runs of bytes put together.

/// The largest prime below 2^16.
const BASE: u32 = 65_521;

/// The checksum of no bytes; the start of every sum.
pub const ADLER32_OF_NOTHING: u32 = 1;

/// The checksum of `bytes`.
#[must_use]
pub fn adler32(bytes: &[u8]) -> u32 {
    let mut sum = simd_adler32::Adler32::new();
    sum.write(bytes);
    sum.finish()
}

/// The checksum of two runs of bytes one after the other, from the checksum of each and the second's length.
///
/// RFC 1950, section 2.2, defines the low half `a` as 1 + the sum of the bytes and the high half `b` as the sum of
/// all the values that `a` takes, both modulo 65521. Putting `n` bytes after a run with low half `a1` adds `a1 - 1`
/// to each of the `n` values of `a`, so a = a1 + a2 - 1 and b = b1 + b2 + n (a1 - 1); this is what zlib's
/// `adler32_combine` (adler32.c) computes.
#[must_use]
pub const fn adler32_combine(first: u32, second: u32, second_len: u64) -> u32 {
    let (a1, b1) = halves(first);
    let (a2, b2) = halves(second);
    let base = BASE as u64;
    let a1_less_one = (a1 + base - 1) % base;
    let a = (a1_less_one + a2) % base;
    let b = (b1 + b2 + (second_len % base) * a1_less_one) % base;
    ((b as u32) << 16) | a as u32
}

const fn halves(sum: u32) -> (u64, u64) {
    (((sum & 0xffff) % BASE) as u64, ((sum >> 16) % BASE) as u64)
}
