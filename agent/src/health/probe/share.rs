//! Whether the share is there and answers: a small file is written, read back and removed, by a child that can be left
//! behind.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use td_protocol::health::ShareTrial;

use super::state::State;
use crate::converge::child;
use crate::converge::mounts::{self, Mounted};
use crate::health::children::{self, Ending};
use crate::health::look::boot;
use crate::health::root::Root;

/// A share that takes longer to write some bytes is of no use to a render.
const DEADLINE: Duration = Duration::from_secs(5);
/// One that failed so often is asked less often: each try makes systemd try the mount, and write of it.
const TRIES: u32 = 3;
const PAUSE: f64 = 300.0;
/// The file of each node, of its own name.
pub const PREFIX: &str = ".td-health-";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub place: &'a str,
    pub node: &'a str,
    /// root is nobody on an export with `root_squash`.
    pub user: Option<(u32, u32)>,
    pub is_server: bool,
}

/// Tries it, or repeats what was found where that has to do.
#[must_use]
pub fn read(root: &Root, state: &mut State, asked: &Asked<'_>) -> ShareTrial {
    let now = boot::clock();
    if let Some(kept) = &state.share
        && state.share_failures >= TRIES
        && now < state.share_tried + PAUSE
        && kept.path == asked.place
    {
        let hangs = state.share_silent.map(|since| now - since);
        return ShareTrial { hangs, ..kept.clone() };
    }
    state.share_tried = now;
    let mut trial = trial(root, state, asked);
    let is_silent = trial.answered.is_none() && trial.problem.is_none();
    state.share_silent = is_silent.then(|| state.share_silent.unwrap_or(now));
    trial.hangs = state.share_silent.map(|since| (boot::clock() - since).max(0.0));
    // One that only hangs costs nothing, and is asked again as soon as the child that waits there is gone.
    state.share_failures = if trial.problem.is_some() { state.share_failures.saturating_add(1) } else { 0 };
    state.share = Some(trial.clone());
    trial
}

fn trial(root: &Root, state: &mut State, asked: &Asked<'_>) -> ShareTrial {
    // Whoever may write to the share may lay traps there: nothing of root's goes in.
    let Some((uid, gid)) = asked.user else {
        let problem = "cannot be tried: the agent's user is not in /etc/passwd".to_owned();
        return ShareTrial {
            path: asked.place.to_owned(),
            problem: Some(problem),
            is_server: asked.is_server,
            mounted: is_mounted(&mounts::parse(&root.text("/proc/self/mountinfo").unwrap_or_default()), asked.place),
            ..ShareTrial::default()
        };
    };
    let mut command = child::command("/proc/self/exe");
    command.args(["probe-child", "share", asked.place, asked.node]).uid(uid).gid(gid);
    let ending = children::run(root, &mut state.left, "share", &mut command, DEADLINE);
    // Only now: the child's look mounted what is mounted at the first look.
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo").unwrap_or_default());
    let mounted = is_mounted(&mounts, asked.place);
    let mut trial =
        ShareTrial { path: asked.place.to_owned(), mounted, is_server: asked.is_server, ..ShareTrial::default() };
    match ending {
        Ending::TooLong | Ending::Hangs => {}
        Ending::NotStarted(error) => trial.problem = Some(format!("cannot be tried: {error}")),
        Ending::Ended(ended) if !ended.status.success() => trial.problem = Some(ended.last_lines(1)),
        Ending::Ended(ended) => match parse(&ended.output) {
            Some((seconds, ahead)) => {
                trial.answered = Some(seconds);
                trial.clock_ahead = Some(ahead).filter(|_| mounted && !asked.is_server);
            }
            None => trial.problem = Some("the trial ended without a result".to_owned()),
        },
    }
    if trial.problem.is_none() && trial.answered.is_some() && !mounted {
        trial.problem = Some("nothing is mounted there".to_owned());
    }
    trial
}

/// An automount that waits for its first look is not the share.
fn is_mounted(mounts: &[Mounted], place: &str) -> bool {
    mounts.iter().any(|mount| mount.path == place && mount.fs != "autofs")
}

/// What the child does. Prints the seconds that it took, and by how many the time that the server gave the file is ahead of
/// this node's.
///
/// # Errors
/// A sentence on what does not work.
pub fn child(place: &Path, node: &str) -> Result<(), String> {
    let failed = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let begun = Instant::now();
    fs::metadata(place).map_err(failed("cannot be looked at"))?;
    let path = place.join(format!("{PREFIX}{node}"));
    let before = boot::date();
    let text = format!("{before} {}\n", std::process::id());
    // What a child that was left behind has left there, or a link that somebody else has laid there: neither is written to.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("cannot be written to")(error)),
        _ => {}
    }
    let written = fs::File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(failed("cannot be written to"))?;
    let after = boot::date();
    let read = fs::read_to_string(&path).map_err(failed("what was written cannot be read"))?;
    if read != text {
        return Err("what was written there reads back as something else".to_owned());
    }
    let changed = fs::metadata(&path).and_then(|meta| meta.modified()).map_err(failed("cannot be looked at"))?;
    fs::remove_file(&path).map_err(failed("the test's file cannot be removed"))?;
    let changed = changed.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    println!("{} {}", begun.elapsed().as_secs_f64(), changed - f64::midpoint(before, after));
    Ok(())
}

fn parse(printed: &str) -> Option<(f64, f64)> {
    let (seconds, ahead) = printed.lines().last()?.split_once(' ')?;
    Some((seconds.parse().ok()?, ahead.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_childs_file_goes_again() {
        let dir = tempfile::tempdir().unwrap();
        child(dir.path(), "pi1").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let gone = child(&dir.path().join("gone"), "pi1").unwrap_err();
        assert!(gone.starts_with("cannot be looked at: "), "{gone}");
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, dir.path().join(".td-health-pi1")).unwrap();
        child(dir.path(), "pi1").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn root_goes_nowhere_for_an_unknown_user() {
        let asked = Asked { place: "/x", node: "pi1", user: None, is_server: false };
        let trial = read(&Root::new("/"), &mut State::default(), &asked);
        assert!(trial.problem.unwrap().contains("is not in /etc/passwd"));
    }

    #[test]
    fn what_the_child_prints_is_read() {
        assert_eq!(parse("0.25 -1.5\n"), Some((0.25, -1.5)));
        assert_eq!(parse("0.25\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn an_automount_that_waits_is_no_share() {
        let auto = "30 20 0:40 / /mnt/td rw - autofs systemd-1 rw\n";
        assert!(!is_mounted(&mounts::parse(auto), "/mnt/td"));
        let both = format!("{auto}31 30 0:41 / /mnt/td rw - nfs4 192.0.2.1:/srv/td rw\n");
        assert!(is_mounted(&mounts::parse(&both), "/mnt/td") && !is_mounted(&mounts::parse(&both), "/mnt"));
    }

    #[test]
    fn one_that_failed_often_is_asked_less_often() {
        let root = Root::new("/");
        let kept = ShareTrial { path: "/x".to_owned(), problem: Some("no".to_owned()), ..ShareTrial::default() };
        let asked = Asked { place: "/x", node: "pi1", user: None, is_server: false };
        let mut state =
            State { share: Some(kept.clone()), share_failures: TRIES, share_tried: boot::clock(), ..State::default() };
        // A look would start this test's own program.
        assert_eq!(read(&root, &mut state, &asked), kept);
    }
}
