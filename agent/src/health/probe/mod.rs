//! `td-agent probe`: what takes root to see, written for the server, which may see nothing of it.
//!
//! A timer of systemd starts it each minute. The fast half is what a minute can change. The slow half (packages, POV-Ray
//! and a render by it) is seen in the second run of a boot, so that it is in nobody's way while the machine starts, after
//! a change of what it depends on, and once a day.

pub mod block;
pub mod firmware;
pub mod kernel_log;
pub mod links;
pub mod packages;
pub mod reboot;
pub mod root_mount;
pub mod share;
pub mod state;
pub mod superblock;
pub mod trial;

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use td_protocol::health::{self, Fast, Probed, Slow};
use td_protocol::version;

use super::kept;
use super::look::boot;
use super::root::Root;
use crate::cli;
use crate::converge::accounts::Accounts;
use crate::systemd;
use share::Asked;
use state::State;

/// Age at which the slow half is seen again, in seconds.
const DAY: f64 = 86_400.0;
/// The same after a test render that failed, which may have been for want of memory.
const SOON: f64 = 900.0;
/// At least this lies between two slow halves, whatever changes: an upgrade changes dpkg's status for minutes.
const REST: f64 = 120.0;

/// Why the probe did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("td-agent probe needs root: it reads devices and the kernel's log")]
    NotRoot,
    #[error("{0}")]
    Other(String),
}

/// One run.
///
/// # Errors
/// When what was seen cannot be written.
pub fn run(options: &cli::Probe) -> Result<(), Failed> {
    let root = Root::new(&options.root);
    if root.is_here() && !rustix::process::geteuid().is_root() {
        return Err(Failed::NotRoot);
    }
    let folder = root.path(kept::FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Failed::Other(format!("cannot make {}: {error}", folder.display())))?;
    let lock = File::create(folder.join("probe.lock")).map_err(|error| Failed::Other(error.to_string()))?;
    // A person's call beside the timer's: one of them is enough.
    if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(());
    }
    let probe = Probe::new(root, options);
    let (mut seen, mut state) = probe.before();
    let is_first = seen.fast.is_none();
    seen.fast = Some(probe.fast(&mut state));
    probe.write(&seen, &state)?;
    let identity = packages::identity(&probe.root);
    if options.full || !is_first && is_due(seen.slow.as_ref(), &state, &identity, boot::clock()) {
        // Written before: a probe that is killed in its slow half does not begin it again the next minute.
        state.slow_of = identity;
        state.slow_begun = boot::clock();
        probe.write(&seen, &state)?;
        seen.slow = Some(probe.slow(&mut state));
        probe.write(&seen, &state)?;
    }
    Ok(())
}

/// What a child does: `render`, or `share PLACE NODE`.
///
/// # Errors
/// A sentence on what does not work.
pub fn child(words: &[String]) -> Result<(), String> {
    match words {
        [what] if what == "render" => trial::child(),
        [what, place, node] if what == "share" => share::child(Path::new(place), node),
        _ => Err("the probe's own children are told `render` or `share PLACE NODE`".to_owned()),
    }
}

/// Whether the slow half is to be seen again.
fn is_due(slow: Option<&Slow>, state: &State, identity: &str, now: f64) -> bool {
    let age = now - state.slow_begun;
    let failed = slow.is_none_or(|slow| slow.render.as_ref().is_some_and(|render| !render.passed));
    state.slow_of.is_empty() || age > DAY || age > REST && state.slow_of != identity || age > SOON && failed
}

/// A node, and what was asked about it.
struct Probe<'a> {
    root: Root,
    options: &'a cli::Probe,
    node: String,
    boot_id: String,
    /// Numbers of the agent's user and its group; none where there is no such user.
    user: Option<(u32, u32)>,
}

impl<'a> Probe<'a> {
    fn new(root: Root, options: &'a cli::Probe) -> Self {
        let own = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let accounts = Accounts::parse(&root.text("/etc/passwd").unwrap_or_default(), "");
        let user = accounts.users.iter().find(|user| user.name == options.user);
        Self {
            node: options.name.clone().unwrap_or_else(own),
            boot_id: boot::id(&root).unwrap_or_default(),
            user: user.map(|user| (user.uid, user.gid)),
            root,
            options,
        }
    }

    /// What earlier runs of this boot saw, and what they left.
    fn before(&self) -> (Probed, State) {
        let seen = kept::read(&self.root).ok().filter(|seen| seen.boot_id == self.boot_id).unwrap_or_default();
        let state = self.root.text(state::FILE).and_then(|text| State::from_json(&text));
        let state = state.filter(|state| state.boot_id == self.boot_id).unwrap_or_default();
        let seen = Probed {
            version: health::VERSION,
            td: version::TD.to_owned(),
            boot_id: self.boot_id.clone(),
            fast: seen.fast,
            slow: seen.slow,
        };
        (seen, State { boot_id: self.boot_id.clone(), ..state })
    }

    fn write(&self, seen: &Probed, state: &State) -> Result<(), Failed> {
        let put = |path: &str, content: &[u8], mode| {
            let path = self.root.path(path);
            replace(&path, content, mode)
                .map_err(|error| Failed::Other(format!("cannot write {}: {error}", path.display())))
        };
        put(state::FILE, &state.to_json(), 0o600)?;
        put(kept::FILE, &seen.to_json(), 0o644)
    }

    fn fast(&self, state: &mut State) -> Fast {
        let root = &self.root;
        let at = boot::clock();
        let firmware = firmware::read(root, state);
        let (mut root_read_only, root_wanted_read_only) = root_mount::read(root);
        let has_log = kernel_log::read(root, &block::devices(root), &mut state.kernel_log);
        let by_log = root_mount::given_up(root, &state.kernel_log).filter(|_| root_read_only == Some(false));
        if by_log.is_some() {
            root_read_only = Some(true);
        }
        let share = self.options.share.as_deref().map(|place| {
            let asked = Asked { place, node: &self.node, user: self.user, is_server: self.options.server };
            share::read(root, state, &asked)
        });
        let failed = if root.is_here() { systemd::units_in(&["failed"]).ok() } else { None };
        Fast {
            at,
            firmware,
            root_read_only,
            root_wanted_read_only,
            root_given_up: by_log,
            card_errors: has_log.then_some(state.kernel_log.errors),
            card_error: state.kernel_log.last_error.clone(),
            written: block::written(root),
            share,
            links: links::read(root),
            failed_units: failed.map(|units| units.into_iter().map(|unit| unit.name).collect()),
            // The start of the program is part of it.
            cpu: cpu(),
        }
    }

    fn slow(&self, state: &mut State) -> Slow {
        let root = &self.root;
        let before = cpu();
        let at = boot::clock();
        let (imagemagick, packages_known) = packages::imagemagick(root);
        let mut checks = superblock::read(root);
        if !state.kernel_log.checks.is_empty() {
            checks.get_or_insert_default().extend(state.kernel_log.checks.iter().cloned());
        }
        let (povray, render) = trial::read(root, state, self.user);
        Slow {
            at,
            povray,
            render,
            imagemagick,
            packages_known,
            pending_reboot: Some(reboot::read(root, state.gpu_mem, state.arm_freq)),
            file_system_checks: checks,
            cpu: cpu() - before,
        }
    }
}

/// CPU seconds of this process and the children that it has buried.
fn cpu() -> f64 {
    let of = |who| {
        // SAFETY: all-zero is a valid rusage, which the call only writes to.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    of(libc::RUSAGE_SELF) + of(libc::RUSAGE_CHILDREN)
}

/// Puts `content` at `path` in one step, for readers who must never see half of it. The folder may be another user's, as
/// that of `node_exporter`'s texts is: no link that lies there is followed.
///
/// Unlike [`crate::converge::replace`], nothing is forced to the medium: this is written each minute, cards wear, and after
/// a cut of the power it is seen anew.
///
/// # Errors
/// When it cannot be written; the old file is then as it was.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // One that was left by a probe that was killed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use td_protocol::health::RenderTrial;

    use super::*;
    use crate::health::root::tests::node;

    fn options(root: &Root) -> cli::Probe {
        cli::Probe {
            name: Some("pi1".to_owned()),
            user: "td".to_owned(),
            share: None,
            server: false,
            full: false,
            textfile: None,
            root: root.path("/"),
        }
    }

    #[test]
    fn a_node_of_files_is_probed() {
        let (_dir, root) = node(&[
            ("/proc/sys/kernel/random/boot_id", "b-1\n"),
            ("/proc/self/mountinfo", "20 1 179:2 / / ro - ext4 /dev/root ro\n"),
            ("/etc/fstab", "/dev/root / ext4 defaults 0 1\n"),
            ("/dev/kmsg", "3,7,1,-;I/O error, dev mmcblk0, sector 1\n"),
            ("/sys/block/mmcblk0/stat", "1 1 1 1 1 1 1 1\n"),
            ("/run/reboot-required", ""),
        ]);
        let options = options(&root);
        run(&options).unwrap();
        let first = kept::read(&root).unwrap();
        let fast = first.fast.clone().unwrap();
        assert_eq!((fast.root_read_only, fast.root_wanted_read_only), (Some(true), Some(false)));
        assert_eq!((fast.card_errors, fast.failed_units), (Some(1), None));
        assert_eq!(first.slow, None, "not in a boot's first run");

        // The same record is not counted twice.
        run(&options).unwrap();
        let second = kept::read(&root).unwrap();
        assert_eq!(second.fast.as_ref().unwrap().card_errors, Some(1));
        let slow = second.slow.clone().unwrap();
        assert_eq!(slow.pending_reboot, Some(vec!["a package was updated".to_owned()]));
        assert_eq!((slow.packages_known, slow.povray.clone()), (false, None));
        assert!(second.fast.unwrap().at >= fast.at);

        run(&options).unwrap();
        assert_eq!(kept::read(&root).unwrap().slow, Some(slow), "nothing changed");
        let mode = fs::metadata(root.path(kept::FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);

        fs::write(root.path("/proc/sys/kernel/random/boot_id"), "b-2\n").unwrap();
        run(&options).unwrap();
        assert_eq!(kept::read(&root).unwrap().slow, None, "that was seen in another boot");
    }

    /// Linux 6.12 to 6.14: the options say `rw`, and nothing can be written.
    #[test]
    fn a_root_that_only_the_log_calls_read_only_is_so() {
        let (_dir, root) = node(&[
            ("/proc/self/mountinfo", "20 1 179:2 / / rw - ext4 /dev/root rw,errors=remount-ro\n"),
            ("/dev/kmsg", "2,1,1,-;EXT4-fs (mmcblk0p2): Remounting filesystem read-only\n"),
            ("/sys/dev/block/179:2/uevent", "MAJOR=179\nDEVNAME=mmcblk0p2\n"),
        ]);
        run(&options(&root)).unwrap();
        let fast = kept::read(&root).unwrap().fast.unwrap();
        assert_eq!((fast.root_read_only, fast.root_given_up.as_deref()), (Some(true), Some("mmcblk0p2")));
        fs::write(root.path("/dev/kmsg"), "6,2,1,-;EXT4-fs (mmcblk0p2): re-mounted 4f1b r/w.\n").unwrap();
        run(&options(&root)).unwrap();
        let fast = kept::read(&root).unwrap().fast.unwrap();
        assert_eq!((fast.root_read_only, fast.root_given_up), (Some(false), None));
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("td.prom"), dir.path().join("victim"));
        fs::write(&victim, "mine").unwrap();
        for planted in ["td.prom.new", "td.prom"] {
            std::os::unix::fs::symlink(&victim, dir.path().join(planted)).unwrap();
            replace(&path, b"seen", 0o644).unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"mine");
            assert_eq!(fs::read(&path).unwrap(), b"seen");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn when_the_slow_half_is_due() {
        let passed =
            |passed| Slow { render: Some(RenderTrial { passed, seconds: 1.0, problem: None }), ..Slow::default() };
        let state = State { slow_of: "a".to_owned(), slow_begun: 1000.0, ..State::default() };
        let due = |slow: &Slow, identity, after| is_due(Some(slow), &state, identity, 1000.0 + after);
        assert!(is_due(None, &State::default(), "a", 70.0));
        assert!(!due(&passed(true), "a", 3600.0) && due(&passed(true), "a", DAY + 1.0));
        assert!(!due(&passed(true), "b", 60.0) && due(&passed(true), "b", 180.0));
        assert!(!due(&passed(false), "a", 600.0) && due(&passed(false), "a", 1000.0));
        // Killed before it was done.
        assert!(!is_due(None, &state, "a", 1300.0) && is_due(None, &state, "a", 2000.0));
    }
}
