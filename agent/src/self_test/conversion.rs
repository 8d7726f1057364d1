//! The tables from floats to samples, against what they are on amd64, where every float was compared with POV-Ray's formula.
//!
//! The tables come out of the C library's `powf`. A library that rounds one value in a million another way gives another
//! table, and pictures that are not POV-Ray's.

use sha2::{Digest as _, Sha256};
use td_protocol::options::FileGamma;

use super::Finding;
use super::hashes::hex;
use crate::pixels::gamma::{Arithmetic, Curve, WorkingGamma};
use crate::pixels::thresholds::Thresholds;

/// Gamma of the scene, of the file, the largest sample.
const TABLES: [(WorkingGamma, FileGamma, u32); 9] = [
    (WorkingGamma::Power(1.0), FileGamma::Srgb, 255),
    (WorkingGamma::Power(2.2), FileGamma::Srgb, 255),
    (WorkingGamma::Power(1.8), FileGamma::Srgb, 255),
    (WorkingGamma::Power(1.3), FileGamma::Srgb, 255),
    (WorkingGamma::Power(1.0), FileGamma::Power(1.8), 255),
    (WorkingGamma::Power(1.0), FileGamma::Power(2.2), 255),
    (WorkingGamma::Power(2.2), FileGamma::Power(1.0), 255),
    (WorkingGamma::Power(1.8), FileGamma::Power(2.2), 255),
    (WorkingGamma::Power(1.0), FileGamma::Srgb, 65535),
];
/// SHA-256 of all their thresholds, where products and sums are rounded apart, and where they are fused (arm64).
const SEPARATE: &str = "32d55bb2f0a8fd44b53a2a872d6538ba8ebb09fd1d893726c764f7ce158af44e";
const FUSED: &str = "2adcbef24c4e8ff2df6c4aefef1c6d96c543f0585a45c07a52237621088e4283";

pub(super) fn check() -> Finding {
    let wanted = match Arithmetic::NATIVE {
        Arithmetic::Separate => SEPARATE,
        Arithmetic::Fused => FUSED,
    };
    let found = hash(Arithmetic::NATIVE)?;
    if found == wanted {
        Ok(format!("{} tables are those of amd64", TABLES.len()))
    } else {
        Err(format!("the tables have the hash {found} instead of {wanted}: this C library's powf is another"))
    }
}

fn hash(arithmetic: Arithmetic) -> Result<String, String> {
    let mut hash = Sha256::new();
    for (working, file_gamma, max) in TABLES {
        let curve = Curve::between(working, file_gamma, arithmetic).map_err(|error| error.to_string())?;
        // A curve without a table is used as it is; its name in the hash is that it has none.
        let table = Thresholds::new(curve, max);
        for start in table.iter().flat_map(Thresholds::starts) {
            hash.update(start.to_be_bytes());
        }
        hash.update(max.to_be_bytes());
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_those_of_this_machine() {
        assert_eq!(hash(Arithmetic::Separate).as_deref(), Ok(SEPARATE));
        assert_eq!(hash(Arithmetic::Fused).as_deref(), Ok(FUSED));
        assert_ne!(SEPARATE, FUSED);
    }
}
