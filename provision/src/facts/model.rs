//! The device tree's words for a Raspberry Pi, as the inventory's model.

use td_inventory::Model;

/// The model that a device tree names, `Raspberry Pi 4 Model B Rev 1.4`; `None` for a Pi that is not in the table, and for
/// everything else.
pub fn model_of(text: &str) -> Option<Model> {
    let name = text.trim_end_matches('\0').trim().strip_prefix("Raspberry Pi ")?;
    let name = name.split(" Rev ").next()?.trim();
    // Longer names first: "Model B Plus" begins with "Model B".
    let table = [
        ("Zero 2", Model::Zero2),
        ("Zero", Model::Pi0),
        ("Model A", Model::Pi1a),
        ("Model B", Model::Pi1b),
        ("2 Model B", Model::Pi2),
        ("3 Model A Plus", Model::Pi3Plus),
        ("3 Model B Plus", Model::Pi3Plus),
        ("3 Model B", Model::Pi3),
        ("4 Model B", Model::Pi4),
        ("400", Model::Pi4),
        ("Compute Module 4", Model::Pi4),
        ("5 Model B", Model::Pi5),
        ("500", Model::Pi5),
        ("Compute Module 5", Model::Pi5),
    ];
    table.iter().find(|(start, _)| name.starts_with(start)).map(|(_, model)| *model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, expected) in [
            ("Raspberry Pi Model B Rev 2", Some(Model::Pi1b)),
            ("Raspberry Pi Model B Plus Rev 1.2", Some(Model::Pi1b)),
            ("Raspberry Pi Model A Plus Rev 1.1", Some(Model::Pi1a)),
            ("Raspberry Pi Zero W Rev 1.1\0", Some(Model::Pi0)),
            ("Raspberry Pi Zero 2 W Rev 1.0", Some(Model::Zero2)),
            ("Raspberry Pi 2 Model B Rev 1.1", Some(Model::Pi2)),
            ("Raspberry Pi 3 Model B Rev 1.2", Some(Model::Pi3)),
            ("Raspberry Pi 3 Model B Plus Rev 1.3", Some(Model::Pi3Plus)),
            ("Raspberry Pi 4 Model B Rev 1.4", Some(Model::Pi4)),
            ("Raspberry Pi 400 Rev 1.0", Some(Model::Pi4)),
            ("Raspberry Pi 5 Model B Rev 1.0", Some(Model::Pi5)),
            ("Raspberry Pi 500 Rev 1.0", Some(Model::Pi5)),
            ("Raspberry Pi Compute Module 5 Rev 1.0", Some(Model::Pi5)),
            ("Raspberry Pi 6 Model B", None),
            ("Orange Pi 5", None),
            ("", None),
        ] {
            assert_eq!(model_of(text), expected, "{text}");
        }
    }
}
