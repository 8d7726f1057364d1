//! "did you mean": the known name nearest to what somebody typed.

/// The one known name that is a small slip away from `typed`. Between several equally near ones nobody can tell: none. Case and `-` against `_` count as no slip.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // No key is longer; comparing costs the product of the lengths, and the file is anybody's.
    if typed.len() > 64 {
        return None;
    }
    let fold = |name: &str| name.to_lowercase().replace('-', "_");
    let typed = fold(typed);
    let mut best: Option<(usize, &str)> = None;
    let mut tie = false;
    for name in known {
        let slips = strsim::osa_distance(&typed, &fold(name));
        if slips > (name.len() / 3).max(1) {
            continue;
        }
        match best {
            Some((fewest, _)) if fewest < slips => {}
            Some((fewest, _)) if fewest == slips => tie = true,
            _ => {
                best = Some((slips, name));
                tie = false;
            }
        }
    }
    best.filter(|_| !tie).map(|(_, name)| name)
}
