//! The device tree's words for a Raspberry Pi, as the inventory's model.

use td_inventory::Model;
use td_protocol::converge::board;

/// The model that a device tree names, `Raspberry Pi 4 Model B Rev 1.4`; `None` for a Pi that is not in the table, and for
/// everything else.
pub fn model_of(text: &str) -> Option<Model> {
    board::model(text)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_boards_are_models_of_the_inventory() {
        for word in board::models() {
            assert_eq!(word.parse::<Model>().map(Model::id), Ok(word));
        }
        assert_eq!(model_of("Raspberry Pi Compute Module 3 Rev 1.0"), Some(Model::Pi3));
        assert_eq!(model_of("Raspberry Pi 3 Model B+"), Some(Model::Pi3Plus));
        assert_eq!(model_of("Orange Pi 5"), None);
    }
}
