//! What td's test scene looks like at 32x24, by kind of POV-Ray.
//!
//! Measured with Debian's packages. POV-Rays of 32 and of 64 bits draw other procedural textures, so each has its own.

use td_protocol::hash::ContentHash;

/// POV-Ray's version, bits of a pointer, SHA-256 of the picture's samples (16 bits, big-endian, row by row).
type Reference = (&'static str, u32, &'static str);

static REFERENCES: [Reference; 2] = [
    ("3.7.0.10", 32, "362db4bb2656638d4607a818e9f7d77342d3c05dcb1779ebf8853664980dc411"),
    ("3.7.0.10", 64, "35d9e612fee76418ade0bdc246a0bb2d83668266708ecdb87adedf90ce444a88"),
];

/// The reference for this POV-Ray, where one was measured.
#[must_use]
pub fn find(version: &str, word_size: u32) -> Option<ContentHash> {
    let found = REFERENCES.iter().find(|reference| (reference.0, reference.1) == (version, word_size));
    found.and_then(|reference| reference.2.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_hashes() {
        for (version, word_size, _) in REFERENCES {
            assert!(find(version, word_size).is_some(), "{version} {word_size}");
        }
        assert_eq!(find("3.7.0.99", 64), None);
    }
}
