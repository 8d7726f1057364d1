//! Which names of POV-Ray's own includes hold `crand`, for a master that has no POV-Ray to read them from.
//!
//! Made by asking [`super::classify`] for a scene of one use of each name declared in POV-Ray 3.7's includes.

/// Whether a texture that POV-Ray's includes declare under this name has `crand`.
#[must_use]
pub fn has_crand(name: &str) -> bool {
    if name == "EMBWood1" {
        return true;
    }
    let numbered =
        |prefix: &str, numbers: &[&str]| name.strip_prefix(prefix).is_some_and(|rest| numbers.contains(&rest));
    numbered("T_Grnt", &["19", "19a", "20", "20a", "21", "21a", "22", "26", "28"])
        || numbered("Grnt", &["19", "20", "21", "22", "26", "28"])
        || numbered("Stone", &STONES_1)
        || numbered("T_Stone", &STONES_1)
        || numbered("T_Stone", &["36", "37", "38", "39", "40", "41", "42", "43"])
}

const STONES_1: [&str; 14] = ["6", "8", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22"];
