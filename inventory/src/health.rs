//! Limits of `td health`: from which number on a check warns, and from which on it fails.
//!
//! The numbers here hold where the inventory says nothing. `health:` sets others: for all nodes (`defaults`), for a group
//! (`groups.NAME`) or for one node. What each check looks at is the master's to say; here are only its numbers.

use std::collections::BTreeMap;

/// Which direction is the bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// Bad from the limit on upwards: a temperature.
    High,
    /// Bad below the limit: free room.
    Low,
}

/// The numbers of one check.
#[derive(Debug, PartialEq)]
pub struct Limit {
    /// The check's name, which is the key in `health:`.
    pub check: &'static str,
    /// `C`, `%`, `s`, `h`, `days`, `MB`, `MB/s`, `Mbit/s`; empty for what is counted.
    pub unit: &'static str,
    pub worse: Worse,
    /// `None`: the check does not warn by a number.
    pub warn: Option<f64>,
    pub fail: Option<f64>,
    /// The largest limit that makes sense.
    pub most: f64,
    /// Whether only whole numbers make sense.
    pub whole: bool,
    /// What the number is.
    pub about: &'static str,
}

/// Both limits of one check on one node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub warn: Option<f64>,
    pub fail: Option<f64>,
}

/// A node's limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thresholds {
    /// By the check's name; what is not here is as [`Limit`] says.
    set: BTreeMap<&'static str, Bounds>,
}

impl Thresholds {
    /// The limits of this check.
    #[must_use]
    pub fn of(&self, limit: &Limit) -> Bounds {
        self.set.get(limit.check).copied().unwrap_or(limit.bounds())
    }

    /// The same with other limits for one check.
    #[must_use]
    pub fn with(mut self, limit: &Limit, bounds: Bounds) -> Self {
        self.set.insert(limit.check, bounds);
        self
    }

    /// Those that are others than td's own.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, Bounds)> + '_ {
        let own = |check: &str| LIMITS.iter().find(|limit| limit.check == check).map(|limit| limit.bounds());
        self.set
            .iter()
            .filter(move |(check, bounds)| own(check) != Some(**bounds))
            .map(|(check, bounds)| (*check, *bounds))
    }
}

impl Limit {
    /// td's own limits.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        Bounds { warn: self.warn, fail: self.fail }
    }

    /// Whether `warn` would come later than `fail`, so that nobody would ever be warned.
    pub(crate) fn is_beyond(&self, bounds: Bounds) -> bool {
        match (bounds.warn, bounds.fail, self.worse) {
            (Some(warn), Some(fail), Worse::High) => warn > fail,
            (Some(warn), Some(fail), Worse::Low) => warn < fail,
            _ => false,
        }
    }

    /// `75 C`, `10 %`, `3`.
    #[must_use]
    pub fn amount(&self, value: f64) -> String {
        if self.unit.is_empty() { format!("{value}") } else { format!("{value} {}", self.unit) }
    }
}

const fn high(check: &'static str, unit: &'static str, warn: f64, fail: f64, most: f64, about: &'static str) -> Limit {
    Limit { check, unit, worse: Worse::High, warn: Some(warn), fail: Some(fail), most, whole: false, about }
}

const fn low(check: &'static str, unit: &'static str, warn: f64, fail: f64, most: f64, about: &'static str) -> Limit {
    Limit { check, unit, worse: Worse::Low, warn: Some(warn), fail: Some(fail), most, whole: false, about }
}

/// Counts that only warn: what has happened is no reason to keep the node from rendering.
const fn count(check: &'static str, about: &'static str) -> Limit {
    Limit { check, unit: "", worse: Worse::High, warn: Some(1.0), fail: None, most: 1e6, whole: true, about }
}

/// The firmware of a Raspberry Pi slows the processor down from 80 C on, that of a 3 A+ or 3 B+ from 60 C.
pub static TEMPERATURE: Limit = high("temperature", "C", 75.0, 82.0, 120.0, "The processor's temperature.");
pub static ARM_CLOCK: Limit =
    low("arm-clock", "%", 90.0, 60.0, 100.0, "The processor's clock while it renders, of the highest that is set.");
pub static MEMORY: Limit = low("memory", "%", 12.0, 4.0, 100.0, "Memory available, of all.");
pub static SWAP: Limit = high("swap", "%", 25.0, 90.0, 100.0, "Swap in use, of all.");
pub static LOAD: Limit =
    high("load", "", 2.0, 6.0, 1e4, "Load of the last minute for each slot (or core, where there are more cores).");
pub static OOM_KILLS: Limit = count("oom-kills", "Processes killed for want of memory since the boot.");
pub static DISK: Limit = low("disk", "%", 10.0, 3.0, 100.0, "Room free on the fullest file system, of its size.");
pub static INODES: Limit = low("inodes", "%", 10.0, 2.0, 100.0, "Inodes free on the file system with fewest, of all.");
pub static CARD_ERRORS: Limit = Limit {
    fail: Some(20.0),
    ..count("card-errors", "Reads and writes of the card that failed since the boot, by the kernel's log.")
};
pub static CARD_SPEED: Limit = low("card-speed", "MB/s", 4.0, 1.0, 1e5, "How fast a file comes onto the cache's disk.");
pub static SHARE: Limit =
    high("share", "s", 1.0, 5.0, 5.0, "Time for a small file on the share, which is not waited for longer than 5 s.");
pub static SHARE_CLOCK: Limit =
    high("share-clock", "s", 1.0, 30.0, 1e9, "The node's clock against that of the share's server.");
pub static CLOCK: Limit = high("clock", "s", 2.0, 60.0, 1e9, "The node's clock against the master's.");
pub static NETWORK: Limit =
    Limit { fail: None, ..low("network", "Mbit/s", 100.0, 10.0, 1e6, "Speed of the fastest network link.") };
pub static LINK_ERRORS: Limit =
    high("link-errors", "%", 0.01, 1.0, 100.0, "Packets with errors since the boot, of all, on the worst link.");
pub static CERTIFICATE: Limit = low("certificate", "days", 30.0, 3.0, 1e5, "Days until the node's certificate ends.");
pub static REBOOT: Limit = Limit {
    worse: Worse::Low,
    fail: None,
    ..high("reboot", "h", 24.0, 0.0, 1e5, "Hours of running for which an unexpected reboot is told.")
};
pub static FAILED_UNITS: Limit = count("failed-units", "Failed units of systemd.");
/// The usual job is a picture of 1600x1200, of which POV-Ray keeps 40 bytes for each pixel while it renders: 77 MB where one
/// node renders all of it.
pub static SCRATCH: Limit = low(
    "scratch",
    "MB",
    320.0,
    80.0,
    1e7,
    "Room for what POV-Ray writes while it renders; 80 MB is a picture of 1600x1200.",
);
pub static PROBE: Limit = high("probe", "s", 300.0, 3600.0, 1e9, "Seconds since `td-agent probe` last looked.");

/// All of them, in the order in which people read them.
pub static LIMITS: [&Limit; 20] = [
    &TEMPERATURE,
    &ARM_CLOCK,
    &MEMORY,
    &SWAP,
    &LOAD,
    &OOM_KILLS,
    &DISK,
    &INODES,
    &CARD_ERRORS,
    &CARD_SPEED,
    &SHARE,
    &SHARE_CLOCK,
    &CLOCK,
    &NETWORK,
    &LINK_ERRORS,
    &CERTIFICATE,
    &REBOOT,
    &FAILED_UNITS,
    &SCRATCH,
    &PROBE,
];

/// A limit as it stands in the file; a missing one is inherited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// `none`: no number is too bad.
    None,
    At(f64),
}

impl Bound {
    pub fn value(self) -> Option<f64> {
        match self {
            Bound::None => None,
            Bound::At(value) => Some(value),
        }
    }
}

/// A limit as text, with its unit: `none`, `75`, `75 C`, `75C`. `None` where it is no such thing.
pub(crate) fn parse(text: &str) -> Option<(Bound, &str)> {
    if text == "none" {
        return Some((Bound::None, ""));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let plain = number.starts_with(|c: char| c.is_ascii_digit()) && number.ends_with(|c: char| c.is_ascii_digit());
    let value = number.parse::<f64>().ok().filter(|value| plain && value.is_finite())?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    Some((Bound::At(value), unit))
}

/// The limits of one node: each scope's settings count more than those before it.
pub(crate) fn merged<'a, S, B>(scopes: S) -> Thresholds
where
    S: Iterator<Item = B> + Clone,
    B: Fn(&str) -> (Option<Bound>, Option<Bound>) + 'a,
{
    let mut thresholds = Thresholds::default();
    for limit in LIMITS {
        let mut bounds = limit.bounds();
        for scope in scopes.clone() {
            let (warn, fail) = scope(limit.check);
            bounds.warn = warn.map_or(bounds.warn, Bound::value);
            bounds.fail = fail.map_or(bounds.fail, Bound::value);
        }
        if bounds != limit.bounds() {
            thresholds = thresholds.with(limit, bounds);
        }
    }
    thresholds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tds_own_limits_make_sense() {
        for limit in LIMITS {
            assert!(!limit.is_beyond(limit.bounds()), "{}", limit.check);
            for value in [limit.warn, limit.fail].into_iter().flatten() {
                assert!((0.0..=limit.most).contains(&value), "{}", limit.check);
                assert!(!limit.whole || value.fract() == 0.0, "{}", limit.check);
            }
        }
    }

    #[test]
    fn limits_as_text() {
        assert_eq!(parse("75 C"), Some((Bound::At(75.0), "C")));
        assert_eq!(parse("7.5%"), Some((Bound::At(7.5), "%")));
        assert_eq!(parse("75"), Some((Bound::At(75.0), "")));
        assert_eq!(parse("none"), Some((Bound::None, "")));
        for text in ["", "C", "-1 C", ".5 C", "5. C", "1.2.3", "1e3 C", "None"] {
            assert!(parse(text).is_none_or(|(_, unit)| unit.starts_with('e')), "{text}");
        }
    }
}
