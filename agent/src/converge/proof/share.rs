//! Whether the share is there and can be written to.
//!
//! A look at an NFS mount whose server is gone can hang for good, and cannot be killed. So a child of its own does it, as
//! the agent's user, and is left behind when it does not end in time.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::Duration;

use td_protocol::converge::event::ProofResult;
use td_protocol::converge::resource::{MountSource, NfsMount, Resource};

use super::Shown;
use crate::converge::child;
use crate::converge::mounts;
use crate::converge::nfs::mount::{is_nfs, source};
use crate::converge::node::Node;
use crate::health;

/// Longer than the mount's own deadline of 15 s.
const DEADLINE: Duration = Duration::from_secs(40);
/// The files that the nodes leave for one another.
const PREFIX: &str = ".td-proof-";
/// And the probe's.
const PROBES: &str = health::probe::share::PREFIX;

/// Starts the child and reads what it saw.
pub fn proof(node: &Node, mount: &NfsMount, write: bool) -> Shown {
    let mut command = child::command("/proc/self/exe");
    command.arg("converge-share").arg(&mount.path).arg(&node.state.node);
    command.arg(if write { "write" } else { "look" });
    command.args(node.state.nonce.iter());
    // root is nobody on an export with root_squash.
    let user = node.state.resources.iter().find_map(|resource| match resource {
        Resource::Account(account) => Some((account.uid, account.gid)),
        _ => None,
    });
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    let what = source(mount);
    let ended = match child::run(&mut command, DEADLINE) {
        Ok(ended) => ended,
        Err(_) => {
            let message =
                format!("{what} on {} does not answer within {} s: is its server up?", mount.path, DEADLINE.as_secs());
            return Shown::new(ProofResult::Failed, message);
        }
    };
    if !ended.status.success() {
        let hint = match mount.source {
            MountSource::Nfs { .. } => "; is its server up, and does it export to this node?",
            MountSource::Local { .. } => "",
        };
        let message = format!("{what} on {}: {}{hint}", mount.path, ended.last_lines(1));
        return Shown::new(ProofResult::Failed, message);
    }
    // The child touched it, so an automount has mounted it by now.
    let there = mounts::read().into_iter().rfind(|mounted| mounted.path == mount.path && mounted.fs != "autofs");
    let is_right = match (&mount.source, &there) {
        (_, None) => false,
        (MountSource::Nfs { .. }, Some(there)) => is_nfs(&there.fs) && there.source.trim_end_matches('/') == what,
        (MountSource::Local { .. }, Some(_)) => true,
    };
    if !is_right {
        let found = there.map_or("nothing".to_owned(), |there| format!("{} ({})", there.source, there.fs));
        let message = format!("{found} is mounted on {}, not {what}", mount.path);
        return Shown::new(ProofResult::Failed, message);
    }
    let writable = if write { " and writable" } else { "" };
    let mut shown = Shown::new(ProofResult::Passed, format!("{what} is mounted on {}{writable}", mount.path));
    shown.seen = ended.output.lines().filter_map(|line| line.strip_prefix("seen ")).map(str::to_owned).collect();
    shown
}

/// Removes what proofs that were cut off have left in an exported folder. No file of this name is anybody else's.
pub fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = |name: &str| name.starts_with(PREFIX) || name.starts_with(PROBES);
        if entry.file_name().to_str().is_some_and(is_ours) {
            // What stays keeps the folder, which is told.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What the child does: looks, writes this node's file, reads the others'. Prints `seen NODE` lines. Written without a
/// nonce, nobody else is to see the file, and it goes again; one with a nonce stays until then.
///
/// # Errors
/// A sentence on what does not work.
pub fn child(place: &Path, node: &str, write: bool, nonce: Option<&str>) -> Result<(), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| format!("{what}: {error}")
    };
    fs::read_dir(place).map_err(failed("cannot be read"))?;
    if write {
        let nonce = nonce.unwrap_or("-");
        let own = place.join(format!("{PREFIX}{node}"));
        let new = place.join(format!("{PREFIX}{node}.new"));
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(nonce.as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&new, &own)).map_err(failed("cannot be written to"))?;
        let read = fs::read_to_string(&own).map_err(failed("what was written cannot be read"))?;
        if read != nonce {
            return Err("what was written there reads back as something else".to_owned());
        }
        if nonce == "-" {
            fs::remove_file(&own).map_err(failed("the test's file cannot be removed"))?;
        }
    }
    let Some(nonce) = nonce else {
        return Ok(());
    };
    // After the own file was written: an NFS client may show a folder as it was half a minute ago, until it changes it.
    let entries = fs::read_dir(place).map_err(failed("cannot be read"))?;
    let names: Vec<String> =
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let mut nodes: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    if write {
        nodes.push(node);
    }
    nodes.sort_unstable();
    nodes.dedup();
    for other in nodes {
        if fs::read_to_string(place.join(format!("{PREFIX}{other}"))).is_ok_and(|text| text == nonce) {
            println!("seen {other}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_left_for_others_only_with_a_nonce() {
        let dir = tempfile::tempdir().unwrap();
        child(dir.path(), "pi1", true, None).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        child(dir.path(), "pi1", true, Some("b1946ac9")).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(".td-proof-pi1")).unwrap(), "b1946ac9");
        // The last round has none, and takes it away.
        child(dir.path(), "pi1", true, None).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        for name in [".td-proof-pi2", ".td-health-pi2", ".td-proof-pi3.new", "scene.pov"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        clear(dir.path());
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["scene.pov"]);
        let gone = child(&dir.path().join("gone"), "pi1", true, None).unwrap_err();
        assert!(gone.starts_with("cannot be read: "), "{gone}");
    }
}
