//! How many POV-Rays fit into a node's memory. No I/O: what the node told in, a number out.
//!
//! POV-Ray keeps a buffer for the whole picture, five floats per pixel, however few rows it renders: in memory up to its own limit
//! (`+MI`, 128 MB), in a file beyond. The rest of it is the program and the scene. What a scene comes to in memory is known only
//! once it is parsed; a scene that needs much should be given fewer slots by hand.

/// What a POV-Ray takes beside its buffer, in bytes, with a small scene. Measured: 15 to 18 MB.
const ITSELF: u64 = 18_000_000;
/// Bytes per pixel of the buffer: five floats.
pub const BUFFER: u64 = 20;
/// Above so many bytes POV-Ray puts its buffer into a file (`+MI`, 128 MB if not said).
const BUFFER_IN_MEMORY: u64 = 128 << 20;
/// What stays free for the agent, the segments on their way and the kernel's file cache, in bytes.
const KEPT_FREE: u64 = 32_000_000;

/// Bytes of memory that one POV-Ray of a picture of this size takes.
#[must_use]
pub fn need(width: u32, height: u32) -> u64 {
    let buffer = u64::from(width) * u64::from(height) * BUFFER;
    ITSELF + if is_in_file(width, height) { 0 } else { buffer }
}

/// Whether POV-Ray keeps the buffer of a picture of this size in a file.
#[must_use]
pub fn is_in_file(width: u32, height: u32) -> bool {
    u64::from(width) * u64::from(height) * BUFFER > BUFFER_IN_MEMORY
}

/// How a node's slots go with its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of them, or the node does not know its memory.
    All,
    /// So many of them; at least one.
    Only(u32),
    /// Not even one, and one is used all the same.
    None,
}

/// How many of the `offered` slots fit into `available` bytes, where each takes `need`.
#[must_use]
pub fn fit(offered: u32, available: u64, need: u64) -> Fit {
    if available == 0 {
        return Fit::All;
    }
    let fitting = available.saturating_sub(KEPT_FREE) / need.max(1);
    match u32::try_from(fitting).unwrap_or(u32::MAX) {
        0 => Fit::None,
        fitting if fitting >= offered => Fit::All,
        fitting => Fit::Only(fitting),
    }
}

/// The slots to use of those offered, and a sentence where that is not all, or more than fits. `by_hand`: the user has said how many.
#[must_use]
pub fn slots(name: &str, offered: u32, by_hand: bool, available: u64, need: u64) -> (u32, Option<String>) {
    let (used, fitting) = match fit(offered, available, need) {
        Fit::All => return (offered, None),
        Fit::Only(fitting) => (fitting, fitting),
        Fit::None => (1, 0),
    };
    let (free, each) = (megabytes(available), megabytes(need));
    let room = format!("{name} has {free} MB of free memory, and each POV-Ray of this picture takes about {each} MB");
    if by_hand && offered > used || offered == 1 {
        let those =
            if offered == 1 { "its one slot is".to_owned() } else { format!("the {offered} slots asked for are") };
        return (offered, Some(format!("{room}: there is room for {fitting}, {those} used all the same")));
    }
    (used, Some(format!("{room}: {used} of its {offered} slots {} used", if used == 1 { "is" } else { "are" })))
}

fn megabytes(bytes: u64) -> u64 {
    (bytes + 500_000) / 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A Raspberry Pi 2 with four slots, of whose gigabyte other things hold most.
    #[test]
    fn three_of_four_slots_where_memory_is_short() {
        let need = need(2560, 1920);
        let (used, said) = slots("pi2", 4, false, 400_000_000, need);
        assert_eq!(used, 3);
        assert_eq!(
            said.unwrap(),
            "pi2 has 400 MB of free memory, and each POV-Ray of this picture takes about 116 MB: 3 of its 4 slots are used"
        );
        assert_eq!(slots("pi2", 4, false, 850_000_000, need), (4, None));
    }

    #[test]
    fn a_buffer_in_a_file_takes_no_memory() {
        assert!(need(2560, 1920) > need(1600, 1200));
        assert_eq!(need(3200, 2400), need(12800, 9600));
        assert!(need(12800, 9600) < need(800, 600) + BUFFER_IN_MEMORY);
    }

    #[test]
    fn one_slot_always_stays_and_what_is_said_by_hand_is_kept() {
        let need = need(1600, 1200);
        let (used, said) = slots("pi1", 1, false, 60_000_000, need);
        assert_eq!(used, 1);
        assert!(said.unwrap().ends_with("there is room for 0, its one slot is used all the same"));
        let (used, said) = slots("pi2", 4, false, 50_000_000, need);
        assert_eq!(used, 1);
        assert!(said.unwrap().ends_with("1 of its 4 slots is used"));
        let (used, said) = slots("pi2", 4, true, 200_000_000, need);
        assert_eq!(used, 4);
        assert!(said.unwrap().ends_with("there is room for 2, the 4 slots asked for are used all the same"));
        // An agent that cannot tell.
        assert_eq!(slots("old", 4, false, 0, need), (4, None));
    }

    proptest! {
        #[test]
        fn what_is_used_fits_and_one_more_would_not(
            offered in 1_u32..64, available: u64, width in 1_u32..200_000, height in 1_u32..200_000,
        ) {
            let need = need(width, height);
            let (used, said) = slots("x", offered, false, available, need);
            prop_assert!((1..=offered).contains(&used));
            let room = u128::from(available.saturating_sub(KEPT_FREE));
            if available != 0 && used > 1 {
                prop_assert!(u128::from(used) * u128::from(need) <= room);
            }
            if used < offered {
                prop_assert!((u128::from(used) + 1) * u128::from(need) > room);
                prop_assert!(said.is_some());
            }
        }
    }
}
