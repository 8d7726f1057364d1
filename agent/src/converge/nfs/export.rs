//! A folder that this node serves: one file below /etc/exports.d.

use std::path::Path;
use std::time::Duration;

use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::NfsExport;

use crate::converge::directory::{self, Wanted};
use crate::converge::failure::Failure;
use crate::converge::node::{Check, Converge, Made, Node, Removed};
use crate::converge::proof::share as proof_share;
use crate::converge::replace::{self, Rights};
use crate::converge::{child, diff};
use crate::store::share;

/// td's own file: others' exports stay in theirs.
pub const FILE: &str = "/etc/exports.d/td.exports";
const EXPORTFS: &str = "/usr/sbin/exportfs";

/// The file's text; none where there are no clients: a line without clients would export to everybody.
///
/// `root_squash`: root on a node is nobody here; td's own account has the same number on all nodes. `sync`: what was
/// written is on the disk when the node is told so. `no_subtree_check`: exports(5) recommends it.
#[must_use]
pub fn text(export: &NfsExport) -> String {
    if export.clients.is_empty() {
        return String::new();
    }
    let mut clients: Vec<String> = export.clients.iter().map(|&client| client.to_string()).collect();
    clients.sort_unstable();
    clients.dedup();
    let clients: Vec<String> =
        clients.into_iter().map(|client| format!("{client}(rw,sync,root_squash,no_subtree_check)")).collect();
    format!("# kept by td-provision: do not edit\n{} {}\n", export.path, clients.join(" "))
}

impl Converge for NfsExport {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let mut check = Check { message: told(self), ..Check::default() };
        let old = replace::read(&node.path(FILE))?.unwrap_or_default();
        let new = text(self).into_bytes();
        if old != new {
            check.diffs.push(diff::text(FILE, &old, &new));
        }
        check.diffs.extend(directory::check(node, &self.path, folder(self, node)?)?);
        if let Some(line) = other_line(&node.text("/etc/exports").unwrap_or_default(), &self.path) {
            return Err(Failure::new(format!(
                "line {line} of /etc/exports exports {} already: remove it, or take another folder in the inventory",
                self.path
            )));
        }
        // What the kernel was told; only there when the server runs.
        if check.diffs.is_empty()
            && !self.clients.is_empty()
            && node.exists(EXPORTFS)
            && node.is_alive()
            && !node.text("/var/lib/nfs/etab").is_some_and(|etab| is_told(&etab, self))
        {
            check.diffs.push(diff::value(
                "the NFS server",
                Some("does not serve it".to_owned()),
                Some("serves it".to_owned()),
            ));
        }
        if check.is_pending() && !self.clients.is_empty() {
            check.message = format!("{} exported to {}", self.path, count(self));
        }
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        if self.clients.is_empty() {
            directory::make(node, &self.path, folder(self, node)?)?;
            unexport(node)?;
            return Ok(told(self).into());
        }
        if node.is_alive() && !node.exists(EXPORTFS) {
            return Err(Failure::new("exportfs is not there: the package nfs-kernel-server is not installed"));
        }
        directory::make(node, &self.path, folder(self, node)?)?;
        let path = node.path(FILE);
        let dir = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(dir).map_err(|error| Failure::io("cannot make", dir, &error))?;
        replace::with_rights(&path, text(self).as_bytes(), Rights::ROOT_FILE)?;
        node.run(child::command("exportfs").arg("-ra"), Duration::from_secs(30))?;
        // A server without exports does not start, so it may have failed when it was installed.
        node.systemctl(&["enable", "--now", "nfs-server.service"]).map_err(|failure| {
            failure.when("the NFS server does not start (its kernel may lack it; `journalctl -u nfs-server` tells)")
        })?;
        Ok(told(self).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        // What is exported may be the folder of an older inventory.
        let mut paths: Vec<String> = left(node).into_iter().map(|export| export.path).collect();
        if !paths.contains(&self.path) {
            paths.push(self.path.clone());
        }
        let mut diffs: Vec<Diff> = unexport(node)?.map(|old| diff::text(FILE, &old, b"")).into_iter().collect();
        let mut kept = String::new();
        for path in &paths {
            let folder = node.path(path);
            proof_share::clear(&folder);
            share::clear(&folder);
            match std::fs::remove_dir(&folder) {
                Ok(()) => diffs.push(diff::value(path, Some("folder".to_owned()), None)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(_) => kept.push_str(&format!("; {path} stays, there are files in it")),
            }
        }
        Ok(Removed::did(diffs, format!("{} is not exported any more{kept}", paths.join(", "))))
    }
}

/// The export that td's file holds, whichever inventory it is from.
#[must_use]
pub fn left(node: &Node) -> Option<NfsExport> {
    let path = node.text(FILE)?.lines().find_map(|line| {
        let path = line.split(' ').next()?;
        path.starts_with('/').then(|| path.to_owned())
    })?;
    Some(NfsExport { path, clients: Vec::new(), owner: "root".to_owned(), group: "root".to_owned() })
}

/// Takes td's file away and tells the kernel; what was in it, if it was there.
fn unexport(node: &Node) -> Result<Option<Vec<u8>>, Failure> {
    let path = node.path(FILE);
    let old = replace::read(&path)?;
    if old.is_some() {
        replace::remove(&path)?;
        if node.exists(EXPORTFS) {
            node.run(child::command("exportfs").arg("-ra"), Duration::from_secs(30))?;
        }
    }
    Ok(old)
}

fn told(export: &NfsExport) -> String {
    if export.clients.is_empty() {
        return format!("{} is for this node alone, and exported to nobody", export.path);
    }
    format!("{} is exported to {}", export.path, count(export))
}

fn folder(export: &NfsExport, node: &Node) -> Result<Wanted, Failure> {
    Ok(Wanted { uid: node.uid(&export.owner)?, gid: node.gid(&export.group)?, mode: 0o755 })
}

fn count(export: &NfsExport) -> String {
    match export.clients.as_slice() {
        [one] => one.to_string(),
        many => format!("{} nodes", many.len()),
    }
}

/// The first line of /etc/exports that exports the same folder.
fn other_line(exports: &str, path: &str) -> Option<usize> {
    let exported = |line: &str| line.split_whitespace().next().map(|word| word.trim_matches('"').to_owned());
    exports.lines().position(|line| exported(line).as_deref() == Some(path)).map(|at| at + 1)
}

/// Whether etab, what exportfs told the kernel, has the folder for all clients.
fn is_told(etab: &str, export: &NfsExport) -> bool {
    let told = |client: String| {
        etab.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(export.path.as_str())
                && words.next().and_then(|word| word.split('(').next()) == Some(client.as_str())
        })
    };
    export.clients.iter().all(|client| told(client.to_string()))
}

/// The folders in etab, each once.
#[must_use]
pub fn exported(etab: &str) -> Vec<String> {
    let mut paths: Vec<String> =
        etab.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> NfsExport {
        NfsExport {
            path: "/srv/td".to_owned(),
            clients: ["192.0.2.112", "192.0.2.111", "192.0.2.111"].map(|client| client.parse().unwrap()).to_vec(),
            owner: "td".to_owned(),
            group: "td".to_owned(),
        }
    }

    #[test]
    fn only_the_nodes_get_it() {
        assert_eq!(
            text(&export()),
            "# kept by td-provision: do not edit\n/srv/td 192.0.2.111(rw,sync,root_squash,no_subtree_check) \
             192.0.2.112(rw,sync,root_squash,no_subtree_check)\n"
        );
        let etab = "/srv/td\t192.0.2.111(rw,sync)\n/srv/td\t192.0.2.112(rw,sync)\n/home\t*(ro)\n";
        assert!(is_told(etab, &export()));
        assert!(!is_told(&etab.replace("112", "113"), &export()));
        assert_eq!(exported(etab), ["/srv/td", "/home"]);
        assert_eq!(other_line("# x\n/srv/td *(rw)\n", "/srv/td"), Some(2));
    }

    #[test]
    fn diffs_name_the_file() {
        assert!(matches!(diff::text(FILE, b"", b"x\n"), Diff::Text { path, .. } if path == FILE));
    }
}
