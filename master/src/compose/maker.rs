//! Who made rows: a name that stays the same from run to run, whatever numbers a run gives its nodes.

use td_protocol::hash::ContentHash;

/// The node that made a run of rows, by the first 8 bytes of its name's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Maker(pub u64);

impl Maker {
    /// Rows that no node made: the black ones outside of the part that is rendered.
    pub const NOBODY: Self = Self(0);

    /// The maker of rows that the node of this name renders.
    #[must_use]
    pub fn of(node: &str) -> Self {
        let ContentHash(hash) = ContentHash::of(node.as_bytes());
        Self(hash.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }
}
