//! Numbers at places of a file that may be too short. All targets are little-endian.

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A word of the file's own size, as an index.
pub(super) fn word_at(bytes: &[u8], at: usize, is_64: bool) -> Option<usize> {
    if is_64 {
        usize::try_from(array(bytes, at).map(u64::from_le_bytes)?).ok()
    } else {
        usize::try_from(u32_at(bytes, at)?).ok()
    }
}
