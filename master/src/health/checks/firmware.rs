//! The firmware's four bits (`vcgencmd get_throttled`), each with two facts: now, and since the boot.
//!
//! Bits and their meaning: <https://www.raspberrypi.com/documentation/computers/os.html#get_throttled>.

use td_protocol::health::Report;

use super::Check;
use crate::health::finding::Finding;
use crate::health::seen::Seen;

/// Bits for `now`; the same 16 higher are those for `since the boot`.
const UNDER_VOLTAGE: u32 = 0;
const FREQUENCY_CAPPED: u32 = 1;
const THROTTLED: u32 = 2;
const SOFT_LIMIT: u32 = 3;

pub static UNDER_VOLTAGE_CHECK: Check = Check {
    name: "under-voltage",
    meaning: "The 5 V supply fell below about 4.63 V, by the firmware's word. A card can be written wrong then. Where the \
              firmware slows the processor down for it, `frequency-capped` or `throttled` say so.",
    when: "fail: now; warn: at some time since the boot",
    remedy: "Use a stronger power supply and a shorter, thicker cable; take away what draws power over USB. The fact `since \
             boot` goes away with the next boot.",
    limit: None,
    look: |seen| {
        bit(
            seen,
            UNDER_VOLTAGE,
            true,
            "the supply's voltage is too low",
            "the supply's voltage was too low",
            "a stronger supply or a better cable",
        )
    },
};

pub static FREQUENCY_CAPPED_CHECK: Check = Check {
    name: "frequency-capped",
    meaning: "The firmware holds the processor's clock below what is set, because of the voltage or the temperature.",
    when: "warn: now, or at some time since the boot",
    remedy: "Look at `under-voltage` and `temperature`: one of them is the cause. A capped node gets less of a picture.",
    limit: None,
    look: |seen| {
        bit(
            seen,
            FREQUENCY_CAPPED,
            false,
            "its clock is capped",
            "its clock was capped",
            "see under-voltage, temperature",
        )
    },
};

pub static THROTTLED_CHECK: Check = Check {
    name: "throttled",
    meaning: "The firmware has slowed the processor down to its least, because it is too hot or its voltage too low.",
    when: "fail: now; warn: at some time since the boot",
    remedy: "Cool it (a heat sink, a fan, room between the boards) or strengthen its supply: `temperature` and \
             `under-voltage` tell which. A throttled node gets less of a picture.",
    limit: None,
    look: |seen| bit(seen, THROTTLED, true, "it is throttled", "it was throttled", "cool it, or a stronger supply"),
};

pub static SOFT_LIMIT_CHECK: Check = Check {
    name: "soft-limit",
    meaning: "The processor has reached its soft temperature limit (60 C on a Raspberry Pi 3 A+ and 3 B+), from which on \
              the firmware lowers clock and voltage a little.",
    when: "warn: now, or at some time since the boot",
    remedy: "Cool it, or raise `temp_soft_limit` in config.txt (up to 70) where it has a heat sink.",
    limit: None,
    look: |seen| {
        bit(
            seen,
            SOFT_LIMIT,
            false,
            "it is at its soft temperature limit",
            "it was at its soft temperature limit",
            "cool it",
        )
    },
};

fn bit(seen: &Seen<'_>, bit: u32, now_fails: bool, is: &str, was: &str, remedy: &str) -> Finding {
    let Some(bits) = seen.firmware().and_then(|firmware| firmware.throttled) else {
        return Finding::unsupported(seen.no_firmware());
    };
    let now = is_now(bits, bit);
    let since_boot = now || bits >> (bit + 16) & 1 == 1;
    let finding = match (now, since_boot) {
        (true, _) if now_fails => Finding::fail("now", format!("{is}: {remedy}")),
        (true, _) => Finding::warn("now", format!("{is}: {remedy}")),
        (false, true) => Finding::warn("since boot", format!("{was} at some time since the boot: {remedy}")),
        (false, false) => Finding::ok("no", "not since the boot"),
    };
    finding.facts([("now", now), ("since_boot", since_boot)])
}

const fn is_now(bits: u32, bit: u32) -> bool {
    bits >> bit & 1 == 1
}

/// What of it came between two reports of one boot, by the facts `since the boot`: whoever asks now and then sees few moments.
pub fn slowed_between(first: &Report, last: &Report) -> Option<String> {
    let bits = |report: &Report| report.probed.as_ref()?.fast.as_ref()?.firmware?.throttled;
    let new = bits(last)? & !bits(first)?;
    let came = |bit: u32| is_now(new, bit + 16);
    let check = [(THROTTLED, &THROTTLED_CHECK), (FREQUENCY_CAPPED, &FREQUENCY_CAPPED_CHECK)];
    let (_, check) = check.into_iter().find(|(bit, _)| came(*bit))?;
    Some(format!("{}: at some time since it began, by the firmware's word", check.name))
}

/// Whether the firmware slows the processor down at this moment.
pub fn is_slowed(seen: &Seen<'_>) -> bool {
    let bits = seen.firmware().and_then(|firmware| firmware.throttled).unwrap_or(0);
    is_now(bits, THROTTLED) || is_now(bits, FREQUENCY_CAPPED)
}
