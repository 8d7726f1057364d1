//! Scenes, sizes and switches for which td must draw what one plain POV-Ray draws.
//!
//! The table is [`table::CASES`]. Each case can be run with several [`Variant`]s: how many slots take part, and
//! whether strips are stolen from each other all the time. `make test` runs one variant of each case, a different
//! one from case to case; `make exactness` runs them all and prints the table.

pub mod run;
pub mod table;

use std::path::PathBuf;

use crate::programs;

/// Where a scene comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Below POV-Ray's examples.
    Example(&'static str),
    /// Below `tests/scenes`.
    Own(&'static str),
}

impl Scene {
    pub fn path(self) -> PathBuf {
        match self {
            Self::Example(name) => programs::examples().join(name),
            Self::Own(name) => programs::own_scenes().join(name),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Example(name) | Self::Own(name) => name,
        }
    }
}

/// What td has to say of a case, and how its picture has to compare with plain POV-Ray's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is exact, and it is equal.
    Exact,
    /// It says that it is not exact and why; the picture has the same shape, head and brightness.
    Noise,
    /// It stops and names the choices; with `--one-node` it is exact and equal.
    Seams,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub scene: Scene,
    /// What the case is there for.
    pub about: &'static str,
    pub width: u32,
    pub height: u32,
    /// POV-Ray's switches, as typed.
    pub switches: &'static str,
    pub expect: Expect,
}

impl Case {
    const fn example(name: &'static str, about: &'static str, width: u32, height: u32) -> Self {
        Self { scene: Scene::Example(name), about, width, height, switches: "", expect: Expect::Exact }
    }

    const fn own(name: &'static str, about: &'static str, width: u32, height: u32) -> Self {
        Self { scene: Scene::Own(name), about, width, height, switches: "", expect: Expect::Exact }
    }

    const fn with(mut self, switches: &'static str) -> Self {
        self.switches = switches;
        self
    }

    const fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// All of POV-Ray's switches, the size too.
    pub fn switches(&self) -> Vec<String> {
        let size = [format!("+W{}", self.width), format!("+H{}", self.height)];
        size.into_iter().chain(self.switches.split_whitespace().map(str::to_owned)).collect()
    }

    pub fn title(&self) -> String {
        format!("{} {}x{} {}", self.scene.name(), self.width, self.height, self.switches)
    }
}

/// How a case is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    pub slots: u32,
    pub steals: bool,
}

/// All of them, in the order of the table's columns.
pub const VARIANTS: [Variant; 4] = [
    Variant { slots: 1, steals: false },
    Variant { slots: 3, steals: false },
    Variant { slots: 7, steals: false },
    Variant { slots: 3, steals: true },
];

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.slots == 1 { "" } else { "s" };
        write!(f, "{} slot{plural}{}", self.slots, if self.steals { ", forced steals" } else { "" })
    }
}

/// One variant of each case, so that neighbours in the table get different ones: what `make test` runs.
pub fn reduced() -> impl Iterator<Item = (&'static Case, Variant)> {
    table::CASES.iter().enumerate().map(|(at, case)| (case, VARIANTS[(at + at / VARIANTS.len()) % VARIANTS.len()]))
}
