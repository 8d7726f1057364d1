//! The host name, through reboots.

use td_protocol::converge::resource::Hostname;

use super::cloud_init;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};

const FILE: &str = "/etc/hostname";

impl Converge for Hostname {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let mut check = Check { message: format!("the host name is {}", self.name), ..Check::default() };
        let old = replace::read(&node.path(FILE))?.unwrap_or_default();
        if String::from_utf8_lossy(&old).trim() != self.name {
            check.diffs.push(diff::text(FILE, &old, format!("{}\n", self.name).as_bytes()));
        }
        let running = running(node);
        if running.as_deref().is_some_and(|running| running != self.name) {
            check.diffs.push(diff::value("the host name that runs", running, Some(self.name.clone())));
        }
        check.diffs.extend(cloud_init::check(node)?);
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        // cloud-init first: a cut of the power in between must not leave a name that the next boot undoes unseen.
        cloud_init::keep_off(node)?;
        let path = node.path(FILE);
        let old = replace::read(&path)?.unwrap_or_default();
        let mut backup = None;
        if String::from_utf8_lossy(&old).trim() != self.name {
            backup = replace::back_up(&path)?;
            replace::keep_rights(&path, format!("{}\n", self.name).as_bytes(), Rights::ROOT_FILE)?;
        }
        if running(node).is_some_and(|running| running != self.name) {
            rustix::system::sethostname(self.name.as_bytes())
                .map_err(|error| Failure::new(format!("cannot set the host name: {error}")))?;
        }
        let backup = backup.map(|_| format!("; as it was: {FILE}.td-backup")).unwrap_or_default();
        Ok(format!("the host name is {}{backup}", self.name).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let diffs = cloud_init::let_go(node)?;
        // The name of before may be another machine's by now.
        let backup = node.exists(&format!("{FILE}.td-backup"));
        let backup = if backup { format!(" ({FILE}.td-backup has the one before)") } else { String::new() };
        Ok(Removed::did(diffs, format!("the host name stays {}{backup}", self.name)))
    }
}

fn running(node: &Node) -> Option<String> {
    node.is_alive().then(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
