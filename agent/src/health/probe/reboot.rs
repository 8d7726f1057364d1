//! Why a reboot waits.

use std::os::unix::fs::MetadataExt as _;

use crate::health::look::boot;
use crate::health::root::Root;

/// Debian's mark that a package wants one, and beside it the packages' names (`reboot-notifier`, `unattended-upgrades`).
pub const MARK: &str = "/run/reboot-required";
pub const MARK_NAMES: &str = "/run/reboot-required.pkgs";
/// Newer systems first.
pub const CONFIGS: [&str; 2] = ["/boot/firmware/config.txt", "/boot/config.txt"];
/// config.txt is read at the boot, by a clock that may be some seconds off (FAT's has steps of two).
const SLACK: f64 = 10.0;

/// The reasons; `gpu_mem` and `arm_freq` are what the firmware runs with.
#[must_use]
pub fn read(root: &Root, gpu_mem: Option<u32>, arm_freq: Option<u32>) -> Vec<String> {
    let mut reasons = Vec::new();
    if root.exists(MARK) {
        let names = names(&root.text(MARK_NAMES).unwrap_or_default());
        reasons.push(if names.is_empty() { "a package was updated".to_owned() } else { format!("updated: {names}") });
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let is_whole = |name: &str| root.exists(&format!("/lib/modules/{name}/modules.dep"));
    reasons.extend(kernel(&release, &root.names("/lib/modules"), is_whole));
    let changed =
        CONFIGS.iter().find_map(|path| Some((*path, std::fs::metadata(root.path(path)).ok()?.mtime() as f64)));
    if let Some((path, changed)) = changed
        && changed > boot::date() - boot::clock() + SLACK
    {
        let differing = settings(&root.text(path).unwrap_or_default(), gpu_mem, arm_freq);
        reasons.extend(differing.into_iter().map(|setting| format!("{path} sets {setting}")));
    }
    reasons
}

/// Package names, each once, with blanks between.
fn names(text: &str) -> String {
    let mut names: Vec<&str> = text.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" ")
}

/// A kernel whose modules are gone was replaced by an update, and where packages have versions in their names, a newer one lies
/// beside it. A machine without any modules has nothing to say.
fn kernel(release: &str, modules: &[String], is_whole: impl Fn(&str) -> bool) -> Option<String> {
    if !modules.is_empty() && !modules.iter().any(|name| name == release) {
        return Some(format!("the kernel was updated: {release} runs, and has no modules any more"));
    }
    let (version, flavour) = parts(release);
    let is_newer = |name: &&String| {
        let (other, its) = parts(name);
        its == flavour && other > version && is_whole(name)
    };
    let newest = modules.iter().filter(is_newer).max_by_key(|name| parts(name).0)?;
    Some(format!("the kernel was updated: {release} runs, {newest} is installed"))
}

/// The numbers of a release, and what tells for which machines it is built: 6, 6, 31 and `rpi-v6` of `6.6.31+rpt-rpi-v6`; 6, 1,
/// 0, 18 and `amd64` of `6.1.0-18-amd64`; 6, 1, 21 and `v7+` of `6.1.21-v7+`.
fn parts(release: &str) -> (Vec<u32>, &str) {
    let mut version = Vec::new();
    let mut rest = release;
    while !rest.is_empty() {
        let (word, after) = rest.split_once('-').unwrap_or((rest, ""));
        let word = word.split_once('+').map_or(word, |(word, _)| word);
        let numbers: Option<Vec<u32>> = word.split('.').map(|number| number.parse().ok()).collect();
        let Some(numbers) = numbers else { break };
        version.extend(numbers);
        rest = after;
    }
    (version, rest)
}

/// td's own settings in config.txt that differ from what the firmware runs with.
fn settings(config: &str, gpu_mem: Option<u32>, arm_freq: Option<u32>) -> Vec<String> {
    let lines = config.lines().map(str::trim);
    let block = lines.skip_while(|line| !line.starts_with("# td: begin")).take_while(|line| *line != "# td: end");
    let differs = |line: &str| {
        let (key, value) = line.split_once('=')?;
        let runs = match key.trim() {
            "gpu_mem" => gpu_mem,
            "arm_freq" => arm_freq,
            _ => None,
        }?;
        let wanted: u32 = value.trim().parse().ok()?;
        (wanted != runs).then(|| format!("{}={wanted}, and {runs} is in effect", key.trim()))
    };
    block.filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converge::block::{BEGIN, END};
    use crate::health::root::tests::node;

    #[test]
    fn a_quiet_node_waits_for_nothing() {
        let (_dir, root) = node(&[]);
        assert!(read(&root, Some(16), None).is_empty());
    }

    #[test]
    fn packages_are_named_once() {
        let (_dir, root) = node(&[(MARK, ""), (MARK_NAMES, "linux-base\nlibc6\nlibc6\n")]);
        assert_eq!(read(&root, None, None), ["updated: libc6 linux-base"]);
        let (_dir, root) = node(&[(MARK, "*** System restart required ***\n")]);
        assert_eq!(read(&root, None, None), ["a package was updated"]);
    }

    #[test]
    fn a_kernel_without_modules_was_replaced() {
        let modules = ["6.6.31+rpt-rpi-v6".to_owned()];
        assert!(kernel("6.1.0", &modules, |_| true).is_some());
        assert_eq!(kernel("6.6.31+rpt-rpi-v6", &modules, |_| true), None);
        assert_eq!(kernel("6.1.0", &[], |_| true), None);
    }

    /// Names of Raspberry Pi OS 12, Debian 12, Ubuntu 24.04 and of Raspberry Pi OS 11, which keep the old one's modules.
    #[test]
    fn a_newer_kernel_beside_the_one_that_runs_waits_for_a_reboot() {
        for (runs, beside, waits) in [
            ("6.6.31+rpt-rpi-v6", &["6.6.62+rpt-rpi-v6", "6.6.62+rpt-rpi-v7"][..], Some("6.6.62+rpt-rpi-v6")),
            ("6.6.9+rpt-rpi-v6", &["6.6.31+rpt-rpi-v6", "6.12.25+rpt-rpi-v6"][..], Some("6.12.25+rpt-rpi-v6")),
            ("6.6.62+rpt-rpi-v6", &["6.6.31+rpt-rpi-v6", "6.12.25+rpt-rpi-v8"][..], None),
            ("6.1.0-9-amd64", &["6.1.0-18-amd64", "6.1.0-20-cloud-amd64"][..], Some("6.1.0-18-amd64")),
            ("6.8.0-1004-raspi", &["6.8.0-1010-raspi"][..], Some("6.8.0-1010-raspi")),
            ("6.1.21-v7+", &["6.1.21+", "6.1.21-v8+"][..], None),
            ("5.15.84-v7+", &["6.1.21+", "6.1.21-v7+"][..], Some("6.1.21-v7+")),
            ("odd", &["6.1.0", "even"][..], None),
        ] {
            let modules: Vec<String> = beside.iter().chain([&runs]).map(|name| (*name).to_owned()).collect();
            let expected = waits.map(|new| format!("the kernel was updated: {runs} runs, {new} is installed"));
            assert_eq!(kernel(runs, &modules, |_| true), expected);
            assert_eq!(kernel(runs, &modules, |_| false), None, "what is left of one that was removed");
        }
    }

    #[test]
    fn only_what_td_set_and_does_not_run_counts() {
        let config = format!("arm_freq=900\n{BEGIN}\n[all]\ngpu_mem=16\narm_freq=800\n{END}\ngpu_mem=99\n");
        assert_eq!(settings(&config, Some(64), Some(800)), ["gpu_mem=16, and 64 is in effect"]);
        assert!(settings(&config, Some(16), None).is_empty());
        assert!(settings("gpu_mem=16\n", Some(64), None).is_empty());
        // Just written, so newer than the boot.
        let (_dir, root) = node(&[(CONFIGS[0], &config)]);
        assert_eq!(read(&root, Some(64), None), ["/boot/firmware/config.txt sets gpu_mem=16, and 64 is in effect"]);
    }
}
