//! Recorded cost maps: how the cost of real scenes lies over their height.

/// Names of the maps that are built in, recorded from POV-Ray's examples by `benches/record-cost-map.sh`.
pub const BUILT_IN_MAPS: [&str; 7] = ["blob", "woodbox", "wineglass", "landscape", "sunsethf", "chess2", "flat"];

/// The one that is taken where no other is asked for.
pub const DEFAULT_MAP: &str = "blob";

/// A map that is built in; `flat` costs the same everywhere.
#[must_use]
pub fn built_in_map(name: &str) -> Option<Vec<f64>> {
    let text = match name {
        "blob" => include_str!("../../maps/blob.txt"),
        "woodbox" => include_str!("../../maps/woodbox.txt"),
        "wineglass" => include_str!("../../maps/wineglass.txt"),
        "landscape" => include_str!("../../maps/landscape.txt"),
        "sunsethf" => include_str!("../../maps/sunsethf.txt"),
        "chess2" => include_str!("../../maps/chess2.txt"),
        "flat" => "1\n",
        _ => return None,
    };
    parse_map(text).ok()
}

/// Reads a map: one number at least 0 a line, top down; what follows `#` is a remark.
pub fn parse_map(text: &str) -> Result<Vec<f64>, MapError> {
    let mut costs = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let cost: f64 = content.parse().map_err(|_| MapError::NoNumber { line, text: shortened(content) })?;
        if !(cost.is_finite() && cost >= 0.0) {
            return Err(MapError::NoNumber { line, text: shortened(content) });
        }
        costs.push(cost);
    }
    let total: f64 = costs.iter().sum();
    if total > 0.0 && total.is_finite() { Ok(costs) } else { Err(MapError::Empty) }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Text that is no cost map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    #[error("line {line}: a number of at least 0 was expected, is {text:?}")]
    NoNumber { line: usize, text: String },
    #[error("a cost map needs one number above 0 at least")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_built_in_maps_are_there() {
        for name in BUILT_IN_MAPS {
            assert!(built_in_map(name).is_some(), "{name}");
        }
        assert!(BUILT_IN_MAPS.contains(&DEFAULT_MAP));
        assert!(built_in_map("nothing").is_none());
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse_map("# seconds\n1.5 # top\n\n2\n").unwrap(), [1.5, 2.0]);
        let error = parse_map("1\n-2\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: a number of at least 0 was expected, is \"-2\"");
        assert_eq!(parse_map("# nothing\n").unwrap_err(), MapError::Empty);
        assert_eq!(parse_map("0\n").unwrap_err(), MapError::Empty);
    }
}
