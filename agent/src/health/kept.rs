//! The probe's file, as the server finds it.

use td_protocol::health::Probed;

use super::look::boot;
use super::root::Root;

/// In memory, and gone with the boot. Only root writes there.
pub const FOLDER: &str = "/run/td";
pub const FILE: &str = "/run/td/probe.json";

/// Reads it.
///
/// # Errors
/// A sentence on why there is nothing to tell.
pub fn read(root: &Root) -> Result<Probed, String> {
    let absent = || "td-agent probe has not run here: `systemctl status td-probe.timer`".to_owned();
    let text = root.text(FILE).ok_or_else(absent)?;
    let seen = Probed::from_json(&text).map_err(|error| format!("{FILE} cannot be read: {error}"))?;
    // The file lies in memory, so it is of this boot, unless somebody made /run last. By the boots' own names a confined
    // server cannot tell: in a container it may see another one's.
    if seen.fast.as_ref().is_some_and(|fast| fast.at > boot::clock()) {
        return Err(format!("{FILE} is of an earlier boot: `systemctl status td-probe.timer`"));
    }
    Ok(seen)
}

/// Seconds since its two halves were seen.
#[must_use]
pub fn ages(seen: &Probed, now: f64) -> (Option<f64>, Option<f64>) {
    let age = |at: f64| (now - at).max(0.0);
    (seen.fast.as_ref().map(|fast| age(fast.at)), seen.slow.as_ref().map(|slow| age(slow.at)))
}

#[cfg(test)]
mod tests {
    use td_protocol::health::{Fast, Slow};

    use super::*;
    use crate::health::root::tests::node;

    #[test]
    fn a_file_that_says_nothing_has_its_sentence() {
        let (_dir, root) = node(&[]);
        assert!(read(&root).unwrap_err().contains("td-probe.timer"));
        let (_dir, root) = node(&[(FILE, "{ broken")]);
        assert!(read(&root).unwrap_err().starts_with("/run/td/probe.json cannot be read: "));
        let (_dir, root) = node(&[(FILE, "{\"fast\":{\"at\":1e12}}")]);
        assert!(read(&root).unwrap_err().contains("an earlier boot"));
        // A newer probe's unknown fields are passed over.
        let (_dir, root) = node(&[(FILE, "{\"boot_id\":\"b\",\"version\":9,\"new\":{\"x\":1}}")]);
        assert_eq!(read(&root).unwrap().boot_id, "b");
    }

    #[test]
    fn ages_are_by_the_boots_clock() {
        let fast = Fast { at: 90.0, ..Fast::default() };
        let slow = Slow { at: 120.0, ..Slow::default() };
        let seen = Probed { fast: Some(fast), slow: Some(slow), ..Probed::default() };
        assert_eq!(ages(&seen, 100.0), (Some(10.0), Some(0.0)));
        assert_eq!(ages(&Probed::default(), 100.0), (None, None));
    }
}
