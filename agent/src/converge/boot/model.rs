//! What the hardware makes of the boot settings, by model.

use td_protocol::converge::board;

/// A Raspberry Pi, as far as its boot settings go.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    /// The inventory's word.
    pub id: &'static str,
    pub name: &'static str,
    /// The model filters of config.txt that are true on all of these.
    pub filters: &'static [&'static str],
    /// Filters that are true on some of these only.
    pub perhaps: &'static [&'static str],
    /// Whether gpu_mem does anything.
    pub gpu_mem: bool,
    /// Clock of the ARM cores without arm_freq, MHz.
    pub stock: u32,
}

// Filters: Raspberry Pi's page on config.txt, "Conditional filters". Clocks: its table of overclocking options.
static MODELS: [Model; 9] = [
    Model { id: "pi0", name: "Raspberry Pi Zero", filters: &["pi0"], perhaps: &["pi0w"], gpu_mem: true, stock: 1000 },
    Model { id: "pi1a", name: "Raspberry Pi 1 A", filters: &["pi1"], perhaps: &[], gpu_mem: true, stock: 700 },
    Model { id: "pi1b", name: "Raspberry Pi 1 B", filters: &["pi1"], perhaps: &["cm1"], gpu_mem: true, stock: 700 },
    Model { id: "pi2", name: "Raspberry Pi 2", filters: &["pi2"], perhaps: &[], gpu_mem: true, stock: 900 },
    Model {
        id: "pi3",
        name: "Raspberry Pi 3",
        filters: &["pi3"],
        perhaps: &["cm3", "cm3+"],
        gpu_mem: true,
        stock: 1200,
    },
    Model { id: "pi3b+", name: "Raspberry Pi 3+", filters: &["pi3", "pi3+"], perhaps: &[], gpu_mem: true, stock: 1400 },
    Model {
        id: "pi4",
        name: "Raspberry Pi 4",
        filters: &["pi4"],
        perhaps: &["pi400", "cm4", "cm4s"],
        gpu_mem: true,
        stock: 1500,
    },
    Model {
        id: "pi5",
        name: "Raspberry Pi 5",
        filters: &["pi5"],
        perhaps: &["pi500", "cm5"],
        gpu_mem: false,
        stock: 2400,
    },
    Model {
        id: "zero2",
        name: "Raspberry Pi Zero 2 W",
        filters: &["pi02", "pi0w", "pi0"],
        perhaps: &[],
        gpu_mem: true,
        stock: 1000,
    },
];

/// Every word that is a model's filter: of these the last one counts.
const MODEL_FILTERS: [&str; 18] = [
    "pi0", "pi0w", "pi02", "pi1", "pi2", "pi3", "pi3+", "pi4", "pi400", "pi5", "pi500", "cm0", "cm1", "cm3", "cm3+",
    "cm4", "cm4s", "cm5",
];

/// By the inventory's word.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

/// By the text of the device tree, as `Raspberry Pi 3 Model B Plus Rev 1.3`.
#[must_use]
pub fn by_device_tree(text: &str) -> Option<&'static Model> {
    board::model(text).and_then(by_id)
}

/// Whether settings under a filter count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    /// It depends on what td cannot see: a pin, a screen, a serial number.
    Perhaps,
}

impl Model {
    /// Of a model's filter, without its brackets; `None` when the word is another kind of filter.
    #[must_use]
    pub fn filter(&self, word: &str) -> Option<Truth> {
        let word = word.to_ascii_lowercase();
        if word == "none" {
            return Some(Truth::No);
        }
        if !MODEL_FILTERS.contains(&word.as_str()) {
            return None;
        }
        Some(match word.as_str() {
            word if self.filters.contains(&word) => Truth::Yes,
            word if self.perhaps.contains(&word) => Truth::Perhaps,
            _ => Truth::No,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_boards_have_their_settings() {
        for id in board::models() {
            assert!(by_id(id).is_some(), "{id}");
        }
        assert_eq!(by_device_tree("Raspberry Pi 3 Model B+").map(|model| model.id), Some("pi3b+"));
        assert_eq!(by_device_tree("BeagleBone Black"), None);
    }

    #[test]
    fn filters_are_those_of_the_model() {
        let plus = by_id("pi3b+").unwrap();
        assert_eq!(plus.filter("pi3"), Some(Truth::Yes));
        assert_eq!(plus.filter("PI4"), Some(Truth::No));
        assert_eq!(plus.filter("none"), Some(Truth::No));
        assert_eq!(plus.filter("gpio4=1"), None);
        assert_eq!(by_id("pi4").unwrap().filter("cm4"), Some(Truth::Perhaps));
        for model in &MODELS {
            for filter in model.filters.iter().chain(model.perhaps) {
                assert!(MODEL_FILTERS.contains(filter), "{filter}");
            }
        }
    }
}
