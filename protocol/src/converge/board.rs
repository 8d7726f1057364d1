//! Which Raspberry Pi a device tree names: the one table, for agent and master.

/// The inventory's word for a model, and how its device tree's text goes on after `Raspberry Pi `. The longest that fits
/// decides.
static BOARDS: [(&str, &str); 16] = [
    ("pi0", "Zero"),
    ("zero2", "Zero 2"),
    ("pi1a", "Model A"),
    ("pi1b", "Model B"),
    ("pi1b", "Compute Module Rev"),
    ("pi2", "2"),
    ("pi3", "3"),
    ("pi3", "Compute Module 3"),
    ("pi3b+", "3 Model B Plus"),
    ("pi3b+", "3 Model A Plus"),
    ("pi4", "4"),
    ("pi4", "400"),
    ("pi4", "Compute Module 4"),
    ("pi5", "5"),
    ("pi5", "500"),
    ("pi5", "Compute Module 5"),
];

/// The model of a device tree's text, as `Raspberry Pi 3 Model B Plus Rev 1.3`; `None` for a Raspberry Pi that is not in the
/// table, and for everything else.
#[must_use]
pub fn model(device_tree: &str) -> Option<&'static str> {
    let rest = device_tree.trim_end_matches('\0').trim().strip_prefix("Raspberry Pi ")?;
    // Some kernels write `B+` where the firmware writes `B Plus`.
    let rest = rest.replace("B+", "B Plus").replace("A+", "A Plus");
    let fits = |start: &str| {
        let after = rest.strip_prefix(start);
        after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '0', 'S']))
    };
    BOARDS.iter().filter(|(_, start)| fits(start)).max_by_key(|(_, start)| start.len()).map(|(model, _)| *model)
}

/// The inventory's words for all models that [`model`] can answer.
pub fn models() -> impl Iterator<Item = &'static str> {
    BOARDS.iter().map(|(model, _)| *model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_trees_are_told_apart() {
        for (text, expected) in [
            ("Raspberry Pi Model B Rev 2", Some("pi1b")),
            ("Raspberry Pi Model B Plus Rev 1.2", Some("pi1b")),
            ("Raspberry Pi Model B+", Some("pi1b")),
            ("Raspberry Pi Model A Plus Rev 1.1", Some("pi1a")),
            ("Raspberry Pi Compute Module Rev 1.0", Some("pi1b")),
            ("Raspberry Pi Zero W Rev 1.1\0", Some("pi0")),
            ("Raspberry Pi Zero Rev 1.3", Some("pi0")),
            ("Raspberry Pi Zero 2 W Rev 1.0", Some("zero2")),
            ("Raspberry Pi 2 Model B Rev 1.1", Some("pi2")),
            ("Raspberry Pi 3 Model B Rev 1.2", Some("pi3")),
            ("Raspberry Pi 3 Model B Plus Rev 1.3", Some("pi3b+")),
            ("Raspberry Pi 3 Model B+", Some("pi3b+")),
            ("Raspberry Pi 3 Model A Plus Rev 1.0", Some("pi3b+")),
            ("Raspberry Pi Compute Module 3 Rev 1.0", Some("pi3")),
            ("Raspberry Pi Compute Module 3 Plus Rev 1.0", Some("pi3")),
            ("Raspberry Pi 4 Model B Rev 1.4", Some("pi4")),
            ("Raspberry Pi 400 Rev 1.0", Some("pi4")),
            ("Raspberry Pi Compute Module 4S Rev 1.0", Some("pi4")),
            ("Raspberry Pi 5 Model B Rev 1.0", Some("pi5")),
            ("Raspberry Pi 500 Rev 1.0", Some("pi5")),
            ("Raspberry Pi Compute Module 5 Rev 1.0", Some("pi5")),
            ("Raspberry Pi 6 Model B", None),
            ("BeagleBone Black", None),
            ("Orange Pi 5", None),
            ("", None),
        ] {
            assert_eq!(model(text), expected, "{text}");
        }
    }
}
