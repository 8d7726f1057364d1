//! How fast a card takes what is written: only where it was asked for, because it wears.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

/// Enough for a card's own buffers, and a second of a slow one.
const BYTES: usize = 4 << 20;
const PIECE: usize = 256 << 10;

/// Bytes per second with which a file came onto the disk of `folder`.
///
/// # Errors
/// When the disk is full, or fails.
pub fn write_rate(folder: &Path) -> io::Result<f64> {
    let path = folder.join("write-rate");
    let rate = write(&path);
    let removed = std::fs::remove_file(&path);
    let rate = rate?;
    removed?;
    Ok(rate)
}

fn write(path: &Path) -> io::Result<f64> {
    let mut file = File::create(path)?;
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut piece = vec![0; PIECE];
    let begun = Instant::now();
    for _ in 0..BYTES / PIECE {
        // Nothing that a file system or a card could make smaller: xorshift64 (Marsaglia 2003).
        for word in piece.chunks_exact_mut(8) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            word.copy_from_slice(&noise.to_le_bytes());
        }
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    Ok(BYTES as f64 / begun.elapsed().as_secs_f64().max(1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_file_goes_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_rate(dir.path()).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(write_rate(&dir.path().join("none")).is_err());
    }
}
