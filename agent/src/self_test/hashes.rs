//! SHA-256 against the examples of FIPS 180-4.

use sha2::{Digest as _, Sha256};

use super::Finding;

const EXAMPLES: [(&[u8], &str); 2] = [
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
];
/// A million times the letter a.
const MILLION: &str = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

pub(super) fn check() -> Finding {
    for (text, wanted) in EXAMPLES {
        expect(&Sha256::digest(text), wanted)?;
    }
    let mut million = Sha256::new();
    for _ in 0..1000 {
        million.update([b'a'; 1000]);
    }
    expect(&million.finalize(), MILLION)?;
    Ok("3 examples of FIPS 180-4".to_owned())
}

fn expect(found: &[u8], wanted: &str) -> Result<(), String> {
    let found = hex(found);
    if found == wanted { Ok(()) } else { Err(format!("{found} instead of {wanted}")) }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
