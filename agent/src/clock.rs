//! What is known of the node's clock: a Raspberry Pi has none of its own, and is told the time.

use std::time::Duration;

/// The begin of 2020, since 1970: a clock before that was never set, and what it dates is not to be believed.
pub const NEVER_SET: Duration = Duration::from_secs(1_577_836_800);
