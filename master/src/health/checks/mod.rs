//! The checks. Each is a name, what it means, when it is bad, what to do, and a pure function from what was seen to a
//! [`Finding`]. A file for each, but where several are one fact read in several ways (the firmware's four bits, a file
//! system's bytes and inodes, the trial of the share).
//!
//! No check guesses: what it needs and the node does not say makes it `unsupported`.

mod arm_clock;
mod boot;
mod card_errors;
mod card_speed;
mod certificate;
mod clock;
mod disks;
mod failed_units;
mod file_system_check;
mod firmware;
mod imagemagick;
mod load;
mod memory;
mod network;
mod oom_kills;
mod pending_reboot;
mod povray;
mod probe;
mod reboot;
mod root_read_only;
mod scratch;
mod share;
mod swap;
mod temperature;
mod test_render;
mod version;

use td_inventory::health::Limit;

use crate::health::finding::Finding;
use crate::health::seen::Seen;

pub use arm_clock::clock_share;
pub use firmware::{FREQUENCY_CAPPED_CHECK, THROTTLED_CHECK, is_slowed, slowed_between};
pub use memory::{MEMORY_CHECK, available_share};
pub use povray::POVRAY_CHECK;
pub use probe::PROBE_CHECK;
pub use root_read_only::ROOT_READ_ONLY_CHECK;
pub use scratch::SCRATCH_CHECK;
pub use swap::SWAP_CHECK;
pub use test_render::TEST_RENDER_CHECK;

/// One check.
#[derive(Debug)]
pub struct Check {
    /// One word, for `--explain`, the inventory's `health:` and programs.
    pub name: &'static str,
    /// What it looks at and why that matters.
    pub meaning: &'static str,
    /// When it is bad, where that is no number of `limit`.
    pub when: &'static str,
    /// What to do then.
    pub remedy: &'static str,
    /// The numbers that the inventory can change.
    pub limit: Option<&'static Limit>,
    /// The check itself.
    pub look: for<'a> fn(&Seen<'a>) -> Finding,
}

/// All checks, in the order in which they are shown: what slows a node down first, then what it may run out of, then the rest.
pub static ALL: [&Check; 33] = [
    &firmware::UNDER_VOLTAGE_CHECK,
    &firmware::FREQUENCY_CAPPED_CHECK,
    &firmware::THROTTLED_CHECK,
    &firmware::SOFT_LIMIT_CHECK,
    &temperature::TEMPERATURE_CHECK,
    &arm_clock::ARM_CLOCK_CHECK,
    &boot::GPU_MEM_CHECK,
    &boot::ARM_FREQ_CHECK,
    &memory::MEMORY_CHECK,
    &swap::SWAP_CHECK,
    &load::LOAD_CHECK,
    &oom_kills::OOM_KILLS_CHECK,
    &disks::DISK_CHECK,
    &disks::INODES_CHECK,
    &scratch::SCRATCH_CHECK,
    &root_read_only::ROOT_READ_ONLY_CHECK,
    &card_errors::CARD_ERRORS_CHECK,
    &card_speed::CARD_SPEED_CHECK,
    &file_system_check::FILE_SYSTEM_CHECK,
    &share::SHARE_CHECK,
    &share::SHARE_CLOCK_CHECK,
    &clock::CLOCK_CHECK,
    &network::NETWORK_CHECK,
    &network::LINK_ERRORS_CHECK,
    &povray::POVRAY_CHECK,
    &test_render::TEST_RENDER_CHECK,
    &imagemagick::IMAGEMAGICK_CHECK,
    &version::VERSION_CHECK,
    &certificate::CERTIFICATE_CHECK,
    &reboot::REBOOT_CHECK,
    &pending_reboot::PENDING_REBOOT_CHECK,
    &failed_units::FAILED_UNITS_CHECK,
    &probe::PROBE_CHECK,
];

/// The check of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Check> {
    ALL.into_iter().find(|check| check.name == name)
}

/// All checks on one node.
#[must_use]
pub fn look(seen: &Seen<'_>) -> Vec<(&'static Check, Finding)> {
    ALL.into_iter().map(|check| (check, (check.look)(seen))).collect()
}
