//! Reads one value: strictly, where POV-Ray takes `800x600` for 800 and anything for "off".

/// A whole number, with nothing before or behind it.
#[must_use]
pub fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A finite decimal number: `3`, `.5`, `-1.25e-3`.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b'e' | b'E');
    if text.len() > 64 || !text.bytes().all(plain) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // POV-Ray keeps 32 bits; what is infinite there would reach the scene as the word "inf".
    (value.abs() <= f64::from(f32::MAX)).then_some(value)
}

/// On or off, in POV-Ray's four words for each and their beginnings.
#[must_use]
pub fn on_off(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |words: [&str; 4]| words.iter().any(|word| word.starts_with(&text));
    if text.is_empty() || text == "o" {
        return None;
    }
    match (begins(["on", "true", "yes", "1"]), begins(["off", "false", "no", "0"])) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// The shortest text that reads back as the same number, without an exponent.
#[must_use]
pub fn shortest(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { value.to_string() }
}

/// `File_Gamma` or `Display_Gamma`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gamma {
    Srgb,
    Power(f64),
}

/// `sRGB` in any case, or a number from 0.001 on.
#[must_use]
pub fn gamma(text: &str) -> Option<Gamma> {
    if text.eq_ignore_ascii_case("srgb") {
        return Some(Gamma::Srgb);
    }
    number(text).filter(|value| (0.001..=100.0).contains(value)).map(Gamma::Power)
}

/// POV-Ray's codes for ways of dithering; in capitals.
#[must_use]
pub fn dither_method(text: &str) -> Option<&'static str> {
    ["B2", "B3", "B4", "D1", "D2", "FS"].into_iter().find(|code| code.eq_ignore_ascii_case(text))
}
