//! The share as a node sees it: one line in /etc/fstab, mounted when it is first used.

use td_protocol::converge::event::{Diff, Step};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::{MountSource, NfsMount};

use super::host;
use crate::converge::block;
use crate::converge::diff;
use crate::converge::failure::Failure;
use crate::converge::mounts::{self, Mounted, fstab, unit};
use crate::converge::node::{Check, Converge, Made, Node, Removed};
use crate::converge::replace::{self, Rights};

const FSTAB: &str = "/etc/fstab";
const MOUNT_NFS: &str = "/sbin/mount.nfs";

/// td's line.
///
/// `nofail` and `x-systemd.automount`: a dead server delays no boot, the mount is tried when somebody looks there, and
/// given up after `mount-timeout`. `soft`: a program that reads while the server is gone gets an error and does not hang
/// for ever; td checks all that it reads by hash. A local folder is bound to the place.
#[must_use]
pub fn line(mount: &NfsMount) -> String {
    let path = &mount.path;
    match &mount.source {
        MountSource::Nfs { server, export } => format!(
            "{}:{export} {path} nfs4 _netdev,nofail,noatime,nosuid,nodev,noexec,soft,timeo=50,retrans=3,\
             x-systemd.automount,x-systemd.mount-timeout=15s,x-systemd.idle-timeout=10min 0 0",
            host(*server)
        ),
        MountSource::Local { export } => {
            format!("{export} {path} none bind,nofail,nosuid,nodev,noexec,x-systemd.requires-mounts-for={export} 0 0")
        }
    }
}

/// Whether a line between td's marks is one that td writes.
fn is_ours(line: &str) -> bool {
    line.is_empty() || line.contains(" nfs4 _netdev,nofail,") || line.contains(" none bind,nofail,")
}

impl Converge for NfsMount {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let old = replace::read_text(&node.path(FSTAB))?;
        let source = source(self);
        let mut check = Check { message: format!("{source} on {}", self.path), ..Check::default() };
        let ours = ours(&old);
        if let Some(other) = fstab::entries(&old).find(|entry| entry.path == self.path && !ours.contains(&entry.line)) {
            if other.source == source {
                check.notes.push(format!("line {} of {FSTAB} mounts it there already: td leaves it alone", other.line));
                return Ok(check);
            }
            return Err(Failure::new(format!(
                "line {} of {FSTAB} mounts {} on {}: remove it, or write another `mount` into the inventory",
                other.line, other.source, self.path
            )));
        }
        let mounted = if node.is_alive() { mounts::read() } else { Vec::new() };
        if let Some(other) = mounted.iter().find(|mount| self.is_foreign(mount)) {
            return Err(Failure::new(format!(
                "{} ({}) is mounted on {}: unmount it, or write another `mount` into the inventory",
                other.source, other.fs, self.path
            )));
        }
        let new = block::set(&old, &[line(self)], is_ours);
        if new != old {
            check.diffs.push(diff::text(FSTAB, old.as_bytes(), new.as_bytes()));
        }
        if !has_folder(self, node, &mounted) {
            check.diffs.push(diff::value(&self.path, None, Some("folder".to_owned())));
        }
        if node.is_alive() && check.diffs.is_empty() && !is_up(self, &mounted) {
            check.diffs.push(diff::value(self.unit(), Some("stopped".to_owned()), Some("started".to_owned())));
        }
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        let is_nfs = matches!(self.source, MountSource::Nfs { .. });
        if node.is_alive() && is_nfs && !node.exists(MOUNT_NFS) {
            return Err(Failure::new("mount.nfs is not there: the package nfs-common is not installed"));
        }
        let place = node.path(&self.path);
        if !has_folder(self, node, &mounts::read()) {
            std::fs::create_dir_all(&place).map_err(|error| Failure::io("cannot make", &place, &error))?;
        }
        let path = node.path(FSTAB);
        let old = replace::read_text(&path)?;
        let new = block::set(&old, &[line(self)], is_ours);
        let mut backup = None;
        if new != old {
            backup = replace::back_up(&path)?;
            replace::keep_rights(&path, new.as_bytes(), Rights::ROOT_FILE)?;
        }
        node.systemctl(&["daemon-reload"])?;
        let mut progress = node.report.progress(Kind::NfsMount, &self.path);
        progress.tell(Step::Starting, format!("starting {}", self.unit()), None);
        // Another line than before: what is mounted by the old one goes.
        if new != old && old.contains(block::BEGIN_MARK) && node.is_alive() {
            let _ = node.systemctl(&["stop", &unit::name(&self.path, "mount"), &self.unit()]);
        }
        node.systemctl(&["start", &self.unit()]).map_err(|failure| {
            failure.when(format!("{} does not start (`systemctl status {}` tells)", self.unit(), self.unit()))
        })?;
        let backup = backup.map(|_| format!("; as it was: {FSTAB}.td-backup")).unwrap_or_default();
        Ok(format!("{} on {}{backup}", source(self), self.path).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let path = node.path(FSTAB);
        let old = match replace::read_text(&path) {
            // Whatever else is wrong with it, td put nothing there.
            Err(_) if node.text(FSTAB).is_some_and(|text| !is_marked(&text)) => String::new(),
            old => old?,
        };
        let new = block::set(&old, &[], is_ours);
        if new == old {
            return Ok(Removed::nothing(format!("{FSTAB} has no line of td's")));
        }
        // By the lines that are there: an older inventory may have had the share at another place.
        let entries = our_entries(&old);
        let mut stopped = Ok(String::new());
        for entry in &entries {
            // The automount first, or it would mount again.
            let suffixes: &[&str] = if is_nfs(&entry.fs) { &["automount", "mount"] } else { &["mount"] };
            let units: Vec<String> = suffixes.iter().map(|suffix| unit::name(&entry.path, suffix)).collect();
            let arguments: Vec<&str> = std::iter::once("stop").chain(units.iter().map(String::as_str)).collect();
            stopped = stopped.and(node.systemctl(&arguments));
        }
        replace::keep_rights(&path, new.as_bytes(), Rights::ROOT_FILE)?;
        let kept = replace::drop_backup(&path)?;
        node.systemctl(&["daemon-reload"])?;
        let joined = |of: fn(&fstab::Entry) -> &str| entries.iter().map(of).collect::<Vec<_>>().join(", ");
        let places = joined(|entry| &entry.path);
        stopped
            .map_err(|failure| failure.when(format!("the line left {FSTAB}, but {places} could not be unmounted")))?;
        for entry in &entries {
            // A folder that was there with files in it before stays.
            let _ = std::fs::remove_dir(node.path(&entry.path));
        }
        let kept =
            kept.map(|_| format!("; {FSTAB}.td-backup stays, others changed the file since")).unwrap_or_default();
        let diffs: Vec<Diff> = vec![diff::text(FSTAB, old.as_bytes(), new.as_bytes())];
        let sources = joined(|entry| &entry.source);
        Ok(Removed::did(diffs, format!("{sources} is not mounted on {places} any more{kept}")))
    }
}

/// A mount for td's lines that are in /etc/fstab, whichever inventory they are from; to be removed.
#[must_use]
pub fn left(node: &Node) -> Option<NfsMount> {
    let text = node.text(FSTAB).filter(|text| is_marked(text))?;
    let entry = our_entries(&text).into_iter().next();
    let (path, export) = entry.map_or((FSTAB.to_owned(), String::new()), |entry| (entry.path, entry.source));
    Some(NfsMount { path, source: MountSource::Local { export } })
}

fn is_marked(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(block::BEGIN_MARK) || block::bare(line) == block::END)
}

/// What td's blocks mount.
fn our_entries(fstab: &str) -> Vec<fstab::Entry> {
    let ours = ours(fstab);
    fstab::entries(fstab).filter(|entry| ours.contains(&entry.line)).collect()
}

/// What a mount can ask of itself.
trait Place {
    fn unit(&self) -> String;
    fn is_foreign(&self, mount: &Mounted) -> bool;
}

impl Place for NfsMount {
    /// The unit that is started.
    fn unit(&self) -> String {
        match self.source {
            MountSource::Nfs { .. } => unit::name(&self.path, "automount"),
            MountSource::Local { .. } => unit::name(&self.path, "mount"),
        }
    }

    /// Whether a mount is at the place and neither td's automount nor what that mounts.
    fn is_foreign(&self, mount: &Mounted) -> bool {
        if mount.path != self.path || mount.fs == "autofs" {
            return false;
        }
        match &self.source {
            // An NFS mount of another server may be the one of an older inventory: it goes when the unit is stopped.
            MountSource::Nfs { .. } => !is_nfs(&mount.fs),
            MountSource::Local { .. } => !is_nfs(&mount.fs) && mount.inside == "/" && mount.source.starts_with("/dev/"),
        }
    }
}

/// Whether it is an NFS file system, in the kernel or in a program.
#[must_use]
pub fn is_nfs(fs: &str) -> bool {
    matches!(fs, "nfs" | "nfs4") || fs.starts_with("fuse.nfs")
}

/// Where the share comes from, as fstab writes it.
#[must_use]
pub fn source(mount: &NfsMount) -> String {
    match &mount.source {
        MountSource::Nfs { server, export } => format!("{}:{export}", host(*server)),
        MountSource::Local { export } => export.clone(),
    }
}

/// Whether the place is there. Where something is mounted, nobody looks: that would wake an automount, and wait for its
/// server.
fn has_folder(mount: &NfsMount, node: &Node, mounted: &[Mounted]) -> bool {
    (node.is_alive() && mounted.iter().any(|mounted| mounted.path == mount.path)) || node.exists(&mount.path)
}

/// Whether the automount waits at the place, or the folder is mounted there.
fn is_up(mount: &NfsMount, mounted: &[Mounted]) -> bool {
    let nfs = matches!(mount.source, MountSource::Nfs { .. });
    mounted.iter().any(|mounted| mounted.path == mount.path && (!nfs || mounted.fs == "autofs"))
}

/// The numbers of the lines in td's blocks.
fn ours(fstab: &str) -> Vec<usize> {
    block::find(fstab, &is_ours).iter().flat_map(|found| found.start + 1..=found.end).collect()
}

#[cfg(test)]
mod tests {
    use td_protocol::converge::desired::DesiredState;

    use super::*;
    use crate::converge::report::Report;
    use crate::converge::stop::Stop;

    fn nfs() -> NfsMount {
        let server = "2001:db8::1".parse().unwrap();
        NfsMount { path: "/mnt/td".to_owned(), source: MountSource::Nfs { server, export: "/srv/td".to_owned() } }
    }

    fn local() -> NfsMount {
        NfsMount { path: "/mnt/td".to_owned(), source: MountSource::Local { export: "/srv/td".to_owned() } }
    }

    #[test]
    fn lines_are_as_fstab_wants_them() {
        insta::assert_snapshot!(line(&nfs()), @"[2001:db8::1]:/srv/td /mnt/td nfs4 _netdev,nofail,noatime,nosuid,nodev,noexec,soft,timeo=50,retrans=3,x-systemd.automount,x-systemd.mount-timeout=15s,x-systemd.idle-timeout=10min 0 0");
        insta::assert_snapshot!(line(&local()), @"/srv/td /mnt/td none bind,nofail,nosuid,nodev,noexec,x-systemd.requires-mounts-for=/srv/td 0 0");
        assert!(is_ours(&line(&nfs())) && is_ours(&line(&local())));
        let text = block::set("/dev/x / ext4\n", &[line(&nfs())], is_ours);
        assert_eq!(fstab::entries(&text).count(), 2);
        assert_eq!(ours(&text), [2, 3, 4]);
    }

    fn node_at(root: &std::path::Path) -> Node {
        let report = Report::new(Box::new(std::io::sink()), Stop::default());
        Node::at(root, DesiredState::new("pi1"), report, Stop::default())
    }

    #[test]
    fn an_fstab_that_cannot_be_read_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let node = node_at(dir.path());
        let fstab = node.path(FSTAB);
        std::fs::create_dir_all(fstab.parent().unwrap()).unwrap();
        let bytes = b"# von J\xf6rg\n/dev/mmcblk0p2 / ext4\n";
        std::fs::write(&fstab, bytes).unwrap();
        let check = nfs().check(&node).unwrap_err();
        assert!(check.0.ends_with("etc/fstab is not UTF-8: td does not edit it"), "{check}");
        assert!(nfs().converge(&node, &Check::default()).is_err());
        assert_eq!(nfs().remove(&node).unwrap().diffs, [], "td put nothing there");
        assert_eq!(std::fs::read(&fstab).unwrap(), bytes);
        let ours = [bytes.as_slice(), block::set("", &[line(&nfs())], is_ours).as_bytes()].concat();
        std::fs::write(&fstab, &ours).unwrap();
        assert!(nfs().remove(&node).is_err());
        assert_eq!(std::fs::read(&fstab).unwrap(), ours);
        // One that is there and cannot be read is not an empty one.
        std::fs::remove_file(&fstab).unwrap();
        std::fs::create_dir(&fstab).unwrap();
        assert!(nfs().check(&node).is_err() && nfs().remove(&node).is_err());
    }

    #[test]
    fn units_are_those_that_fstab_makes() {
        assert_eq!(nfs().unit(), "mnt-td.automount");
        assert_eq!(local().unit(), "mnt-td.mount");
    }
}
