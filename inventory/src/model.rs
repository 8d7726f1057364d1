//! The hardware that a node can be, as one table.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::suggest;

/// A hardware model. What a node really is, `td-provision facts` finds out; the table is what can be known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Model {
    /// Raspberry Pi Zero and Zero W.
    Pi0,
    /// Raspberry Pi 1 Model A and A+.
    Pi1a,
    /// Raspberry Pi 1 Model B and B+, the machine of the paper.
    Pi1b,
    /// Raspberry Pi 2 Model B.
    Pi2,
    /// Raspberry Pi 3 Model B.
    Pi3,
    /// Raspberry Pi 3 Model A+ and B+.
    Pi3Plus,
    /// Raspberry Pi 4 Model B, Pi 400, Compute Module 4.
    Pi4,
    /// Raspberry Pi 5, Pi 500, Compute Module 5.
    Pi5,
    /// Raspberry Pi Zero 2 W.
    Zero2,
    /// Any other machine with Linux: nothing is known of it, and it has no boot settings.
    Generic,
}

/// One row of the table.
struct Row {
    model: Model,
    id: &'static str,
    name: &'static str,
    cores: Option<u32>,
    memory: Option<u32>,
    target: &'static str,
    gpu_mem: Option<RangeInclusive<u32>>,
    arm_freq: Option<RangeInclusive<u32>>,
}

const ARMV6: &str = "arm-unknown-linux-musleabihf";
const ARMV7: &str = "armv7-unknown-linux-musleabihf";
const ARM64: &str = "aarch64-unknown-linux-musl";
const X86_64: &str = "x86_64-unknown-linux-musl";

/// A Raspberry Pi: cores, smallest memory of its kind in MB, largest gpu_mem in MB (0: the firmware ignores it), clock
/// without arm_freq, and the highest clock that its firmware takes (with what over-voltage allows), both in MHz.
const fn pi(
    model: Model,
    id: &'static str,
    name: &'static str,
    target: &'static str,
    [cores, memory]: [u32; 2],
    gpu_mem: u32,
    [stock, fastest]: [u32; 2],
) -> Row {
    Row {
        model,
        id,
        name,
        cores: Some(cores),
        memory: Some(memory),
        target,
        gpu_mem: if gpu_mem == 0 { None } else { Some(16..=gpu_mem) },
        arm_freq: Some(stock..=fastest),
    }
}

// gpu_mem: "recommended maximum" of Raspberry Pi's page on config.txt; above it some do not boot. The stock clocks are
// those of its table of overclocking options. Below the stock clock arm_freq only slows a machine.
#[rustfmt::skip]
static TABLE: [Row; 10] = [
    pi(Model::Pi0,     "pi0",   "Raspberry Pi Zero, Zero W",   ARMV6, [1, 512],  384, [1000, 1200]),
    pi(Model::Pi1a,    "pi1a",  "Raspberry Pi 1 A, A+",        ARMV6, [1, 256],  128, [700, 1200]),
    pi(Model::Pi1b,    "pi1b",  "Raspberry Pi 1 B, B+",        ARMV6, [1, 512],  384, [700, 1200]),
    pi(Model::Pi2,     "pi2",   "Raspberry Pi 2 B",            ARMV7, [4, 1024], 512, [900, 1200]),
    pi(Model::Pi3,     "pi3",   "Raspberry Pi 3 B",            ARM64, [4, 1024], 512, [1200, 1500]),
    pi(Model::Pi3Plus, "pi3b+", "Raspberry Pi 3 A+, 3 B+",     ARM64, [4, 512],  384, [1400, 1600]),
    pi(Model::Pi4,     "pi4",   "Raspberry Pi 4 B, 400, CM4",  ARM64, [4, 1024], 256, [1500, 2300]),
    pi(Model::Pi5,     "pi5",   "Raspberry Pi 5, 500, CM5",    ARM64, [4, 1024], 0,   [2400, 3200]),
    pi(Model::Zero2,   "zero2", "Raspberry Pi Zero 2 W",       ARM64, [4, 512],  384, [1000, 1400]),
    Row { model: Model::Generic, id: "generic", name: "any other machine with Linux", cores: None, memory: None,
          target: X86_64, gpu_mem: None, arm_freq: None },
];

impl Model {
    /// All models in the order of the table.
    pub fn all() -> impl Iterator<Item = Model> {
        TABLE.iter().map(|row| row.model)
    }

    fn row(self) -> &'static Row {
        let row = TABLE.iter().find(|row| row.model == self);
        // The last row is `generic`; a test walks the table, so no other model ends there.
        row.unwrap_or(&TABLE[TABLE.len() - 1])
    }

    /// The word in the inventory, `pi1b`.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// The machine's full name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Cores; unknown for `generic`.
    pub fn cores(self) -> Option<u32> {
        self.row().cores
    }

    /// Memory in MB of the smallest machine of this name (a Pi 4 has 1024 to 8192); unknown for `generic`.
    pub fn memory(self) -> Option<u32> {
        self.row().memory
    }

    /// The target triple of the agent for it: the widest that the hardware runs. An operating system may be narrower (a
    /// 32-bit Raspberry Pi OS on a Pi 4), which only the node can tell.
    pub fn target(self) -> &'static str {
        self.row().target
    }

    /// Word size in bits that goes with [`Model::target`]: 32 or 64.
    pub fn word_bits(self) -> u32 {
        match self.target() {
            ARMV6 | ARMV7 => 32,
            _ => 64,
        }
    }

    /// Values in MB that `boot.gpu_mem` may have; none where the setting does not exist or does nothing.
    pub fn gpu_mem(self) -> Option<RangeInclusive<u32>> {
        self.row().gpu_mem.clone()
    }

    /// Values in MHz that `boot.arm_freq` may have, from the clock that the machine has without it; none where the setting
    /// does not exist.
    pub fn arm_freq(self) -> Option<RangeInclusive<u32>> {
        self.row().arm_freq.clone()
    }

    /// Whether the machine has a config.txt with boot settings.
    pub fn has_boot_settings(self) -> bool {
        self.row().arm_freq.is_some()
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A word that names no [`Model`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be one of {}, is {}{}", ids(), crate::quote::quoted(.0), hint(.0))]
pub struct UnknownModel(String);

fn ids() -> String {
    let ids: Vec<_> = Model::all().map(Model::id).collect();
    ids.join(", ")
}

fn hint(typed: &str) -> String {
    let near = suggest::nearest(typed, Model::all().map(Model::id));
    near.map(|id| format!(", did you mean `{id}`?")).unwrap_or_default()
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(id: &str) -> Result<Self, UnknownModel> {
        let row = TABLE.iter().find(|row| row.id == id);
        row.map(|row| row.model).ok_or_else(|| UnknownModel(id.to_owned()))
    }
}

impl TryFrom<String> for Model {
    type Error = UnknownModel;

    fn try_from(id: String) -> Result<Self, UnknownModel> {
        id.parse()
    }
}

impl From<Model> for String {
    fn from(model: Model) -> String {
        model.id().to_owned()
    }
}
