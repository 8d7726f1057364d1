//! What the hardware makes of the boot settings, by model.

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
    /// How the device tree's text goes on after `Raspberry Pi `; the longest that fits decides.
    prefixes: &'static [&'static str],
}

// Filters: Raspberry Pi's page on config.txt, "Conditional filters". Clocks: its table of overclocking options.
static MODELS: [Model; 9] = [
    Model {
        id: "pi0",
        name: "Raspberry Pi Zero",
        filters: &["pi0"],
        perhaps: &["pi0w"],
        gpu_mem: true,
        stock: 1000,
        prefixes: &["Zero"],
    },
    Model {
        id: "pi1a",
        name: "Raspberry Pi 1 A",
        filters: &["pi1"],
        perhaps: &[],
        gpu_mem: true,
        stock: 700,
        prefixes: &["Model A"],
    },
    Model {
        id: "pi1b",
        name: "Raspberry Pi 1 B",
        filters: &["pi1"],
        perhaps: &["cm1"],
        gpu_mem: true,
        stock: 700,
        prefixes: &["Model B", "Compute Module Rev"],
    },
    Model {
        id: "pi2",
        name: "Raspberry Pi 2",
        filters: &["pi2"],
        perhaps: &[],
        gpu_mem: true,
        stock: 900,
        prefixes: &["2"],
    },
    Model {
        id: "pi3",
        name: "Raspberry Pi 3",
        filters: &["pi3"],
        perhaps: &["cm3", "cm3+"],
        gpu_mem: true,
        stock: 1200,
        prefixes: &["3", "Compute Module 3"],
    },
    Model {
        id: "pi3b+",
        name: "Raspberry Pi 3+",
        filters: &["pi3", "pi3+"],
        perhaps: &[],
        gpu_mem: true,
        stock: 1400,
        prefixes: &["3 Model B Plus", "3 Model A Plus"],
    },
    Model {
        id: "pi4",
        name: "Raspberry Pi 4",
        filters: &["pi4"],
        perhaps: &["pi400", "cm4", "cm4s"],
        gpu_mem: true,
        stock: 1500,
        prefixes: &["4", "400", "Compute Module 4"],
    },
    Model {
        id: "pi5",
        name: "Raspberry Pi 5",
        filters: &["pi5"],
        perhaps: &["pi500", "cm5"],
        gpu_mem: false,
        stock: 2400,
        prefixes: &["5", "500", "Compute Module 5"],
    },
    Model {
        id: "zero2",
        name: "Raspberry Pi Zero 2 W",
        filters: &["pi02", "pi0w", "pi0"],
        perhaps: &[],
        gpu_mem: true,
        stock: 1000,
        prefixes: &["Zero 2"],
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
    let rest = text.strip_prefix("Raspberry Pi ")?;
    // Some kernels write `B+` where the firmware writes `B Plus`.
    let rest = rest.replace("B+", "B Plus").replace("A+", "A Plus");
    let fits = |prefix: &str| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '0', 'S']))
    };
    let all = MODELS.iter().flat_map(|model| model.prefixes.iter().map(move |prefix| (model, *prefix)));
    all.filter(|(_, prefix)| fits(prefix)).max_by_key(|(_, prefix)| prefix.len()).map(|(model, _)| model)
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
    fn device_trees_are_told_apart() {
        for (text, id) in [
            ("Raspberry Pi Model B Rev 2", "pi1b"),
            ("Raspberry Pi Model B Plus Rev 1.2", "pi1b"),
            ("Raspberry Pi Model B+", "pi1b"),
            ("Raspberry Pi Model A Plus Rev 1.1", "pi1a"),
            ("Raspberry Pi Compute Module Rev 1.0", "pi1b"),
            ("Raspberry Pi Zero W Rev 1.1", "pi0"),
            ("Raspberry Pi Zero Rev 1.3", "pi0"),
            ("Raspberry Pi Zero 2 W Rev 1.0", "zero2"),
            ("Raspberry Pi 2 Model B Rev 1.1", "pi2"),
            ("Raspberry Pi 3 Model B Rev 1.2", "pi3"),
            ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi3b+"),
            ("Raspberry Pi 3 Model B+", "pi3b+"),
            ("Raspberry Pi 3 Model A Plus Rev 1.0", "pi3b+"),
            ("Raspberry Pi Compute Module 3 Plus Rev 1.0", "pi3"),
            ("Raspberry Pi 4 Model B Rev 1.4", "pi4"),
            ("Raspberry Pi 400 Rev 1.0", "pi4"),
            ("Raspberry Pi Compute Module 4S Rev 1.0", "pi4"),
            ("Raspberry Pi 5 Model B Rev 1.0", "pi5"),
            ("Raspberry Pi 500 Rev 1.0", "pi5"),
            ("Raspberry Pi Compute Module 5 Rev 1.0", "pi5"),
        ] {
            assert_eq!(by_device_tree(text).map(|model| model.id), Some(id), "{text}");
        }
        assert_eq!(by_device_tree("Raspberry Pi 6 Model B"), None);
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
