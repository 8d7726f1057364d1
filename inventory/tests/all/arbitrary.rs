//! No input makes the reader panic, hang or give a finding without a sensible place.

use proptest::prelude::*;
use td_inventory::{Inventory, Style};

/// Reads, and looks at every output there is.
fn survive(bytes: &[u8]) {
    let style = Style { color: false, excerpt: true };
    match Inventory::from_bytes("f", bytes) {
        Ok(inventory) => {
            assert!(!inventory.nodes().is_empty());
            let yaml = inventory.to_yaml().expect("writes");
            let again = Inventory::from_bytes("f", yaml.as_bytes()).expect("reads what it wrote");
            assert_eq!(again.nodes(), inventory.nodes());
            inventory.notes().render(style);
        }
        Err(errors) => {
            assert!(!errors.findings().is_empty());
            // As the parser counts: `\n`, `\r\n` and `\r` end a line, and an error may stand behind the last one.
            let text = String::from_utf8_lossy(bytes);
            let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
            for finding in errors.findings() {
                assert!(finding.span.line >= 1 && finding.span.column >= 1);
                assert!(finding.span.line <= lines + 1, "{finding:?}");
                assert!(!finding.message.contains(char::is_control), "{finding:?}");
                assert!(!finding.path.contains(char::is_control), "{finding:?}");
            }
            let screen = errors.render(style);
            let harmless = |c: char| c == '\n' || !c.is_control();
            assert!(screen.chars().all(harmless), "{screen:?}");
        }
    }
}

/// Pieces from which YAML, and nearly YAML, and nearly inventories come about.
const PIECES: &[&str] = &[
    "nodes:",
    "nodes: ",
    "\n",
    "\n  ",
    "\n    ",
    "pi110",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "- ",
    "address: ",
    "192.0.2.1",
    "::1",
    "slots: ",
    "0",
    "1",
    "64",
    "boot: ",
    "gpu_mem: 16",
    "arm_freq: 800",
    "model: ",
    "pi1b",
    "pi4",
    "generic",
    "defaults: ",
    "share: ",
    "server: ",
    "groups: ",
    "<<: ",
    "<<",
    "&a ",
    "*a",
    "*b",
    "&b ",
    "!t ",
    "!!str ",
    "? ",
    "| ",
    ">",
    "'",
    "\"",
    "# ",
    "---",
    "...",
    "%YAML 1.2\n",
    "\t",
    "\r",
    "\r\n",
    "~",
    "null",
    "true",
    "1.5",
    "-1",
    "\\x",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[31m",
    "x",
    "user: ",
    "ssh_port: ",
    "agent_port: ",
    "povray_word_size: ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }

    #[test]
    fn texts(text in "\\PC{0,80}") {
        survive(text.as_bytes());
    }

    #[test]
    fn pieces(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        survive(pieces.concat().as_bytes());
    }

    /// A good file with some bytes changed, cut out or doubled.
    #[test]
    fn damaged(cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..6)) {
        let mut bytes = include_bytes!("../../../inventory.yaml").to_vec();
        for (index, what, byte) in cuts {
            let at = index.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        survive(&bytes);
    }
}
