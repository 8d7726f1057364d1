//! The end of a certificate: as much of DER as leads to it (RFC 5280, section 4.1; X.690).

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `version` is in a tag of its own, [0].
const VERSION: u8 = 0xa0;

/// The end of the first certificate of a PEM file, seconds since 1970.
#[must_use]
pub fn end(path: &Path) -> Option<f64> {
    let certificate = CertificateDer::from_pem_slice(&std::fs::read(path).ok()?).ok()?;
    not_after(&certificate)
}

fn not_after(der: &[u8]) -> Option<f64> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if let Some((_, after)) = expect(rest, VERSION) {
        rest = after;
    }
    // Its number, how it is signed, and by whom.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = expect(rest, tag)?.1;
    }
    let (validity, _) = expect(rest, SEQUENCE)?;
    let (_, _, after) = element(validity)?;
    let (tag, time, _) = element(after)?;
    seconds(tag, std::str::from_utf8(time).ok()?)
}

/// The content of an element of this tag, and what follows it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(length, _)| length.len() <= 3)?;
        (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` to 2049, `YYYYMMDDHHMMSSZ` from 2050 on.
fn seconds(tag: u8, text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 12 => {
            let year: i64 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        GENERALIZED_TIME if text.len() == 14 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) as f64)
}

/// Days from 1970-01-01: years begin in March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * months + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_become_seconds() {
        // By `date -u -d ... +%s`.
        assert_eq!(seconds(UTC_TIME, "700101000000Z"), Some(0.0));
        assert_eq!(seconds(UTC_TIME, "261123063000Z"), Some(1_795_415_400.0));
        assert_eq!(seconds(UTC_TIME, "240229235959Z"), Some(1_709_251_199.0));
        assert_eq!(seconds(GENERALIZED_TIME, "20500301000000Z"), Some(2_529_705_600.0));
        assert_eq!(seconds(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799.0));
        for wrong in ["", "Z", "2611230630Z", "26112306300xZ", "261323063000Z"] {
            assert_eq!(seconds(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    /// By `openssl x509 -enddate`.
    #[test]
    fn the_self_tests_certificates_have_an_end() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/self_test");
        for name in ["agent.pem", "ca.pem"] {
            let printed = std::process::Command::new("openssl")
                .args(["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"])
                .arg(folder.join(name))
                .output()
                .unwrap();
            let printed = String::from_utf8(printed.stdout).unwrap();
            let date: String =
                printed.trim().trim_start_matches("notAfter=").chars().filter(char::is_ascii_digit).collect();
            let expected = seconds(GENERALIZED_TIME, &format!("{date}Z"));
            assert!(expected.is_some(), "{printed}");
            assert_eq!(end(&folder.join(name)), expected, "{name}: {printed}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), tag in 0x17..=0x18_u8, text in "[0-9Z]{0,16}") {
            let _ = not_after(&bytes);
            let _ = seconds(tag, &text);
        }
    }
}
