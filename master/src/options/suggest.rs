//! "did you mean": the nearest known name.

/// The name that is nearest to what was typed, if it is near enough to be meant.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    if typed.len() > 64 {
        return None;
    }
    let allowed = if typed.len() < 5 { 1 } else { 2 };
    known
        .map(|name| (distance(&typed, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters to insert, drop, change, or swap with the next.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = || ["Width", "Height", "Antialias", "Quality"].into_iter();
        assert_eq!(nearest("Widht", known()), Some("Width"));
        assert_eq!(nearest("anti_alias", known()), Some("Antialias"));
        assert_eq!(nearest("Qualty", known()), Some("Quality"));
        assert_eq!(nearest("", known()), None);
        assert_eq!(nearest("Frobnicate", known()), None);
    }
}
