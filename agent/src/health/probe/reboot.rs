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
    reasons.extend(kernel(&release, &root.names("/lib/modules")));
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

/// A kernel whose modules are gone was replaced by an update. A machine without any modules has nothing to say.
fn kernel(release: &str, modules: &[String]) -> Option<String> {
    let is_replaced = !modules.is_empty() && !modules.iter().any(|name| name == release);
    is_replaced.then(|| format!("the kernel was updated: {release} runs, and has no modules any more"))
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
        assert!(kernel("6.1.0", &modules).is_some());
        assert_eq!(kernel("6.6.31+rpt-rpi-v6", &modules), None);
        assert_eq!(kernel("6.1.0", &[]), None);
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
