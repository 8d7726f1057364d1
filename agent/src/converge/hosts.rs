//! The nodes' names in /etc/hosts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use td_protocol::converge::resource::Hosts;

use super::block;
use super::cloud_init;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};

const FILE: &str = "/etc/hosts";

/// The block's lines.
#[must_use]
pub fn lines(hosts: &Hosts) -> Vec<String> {
    hosts.entries.iter().map(|entry| format!("{} {}", entry.address, entry.names.join(" "))).collect()
}

/// Whether a line between td's marks is one that td writes: an address and names.
fn is_ours(line: &str) -> bool {
    line.is_empty() || line.split(' ').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

/// The text with the block. Lines that are left of a block without an end look like anybody's, so they stay.
#[must_use]
pub fn set(text: &str, hosts: &Hosts) -> String {
    let wanted = lines(hosts);
    block::set(text, &wanted, |line| line.is_empty() || wanted.iter().any(|wanted| wanted == line))
}

/// Other people's lines that give one of the names another address: the first line of a name counts.
#[must_use]
pub fn conflicts(text: &str, hosts: &Hosts) -> Vec<String> {
    let found = block::find(text, &is_ours);
    let ours = |at: usize| found.iter().any(|block| (block.start..block.end).contains(&at));
    let wanted: BTreeMap<String, IpAddr> = hosts
        .entries
        .iter()
        .flat_map(|entry| entry.names.iter().map(|name| (name.to_ascii_lowercase(), entry.address)))
        .collect();
    let mut notes = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|&(at, _)| !ours(at)) {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|address| address.parse::<IpAddr>().ok()) else {
            continue;
        };
        // Debian names each machine 127.0.1.1 for itself, which is true there.
        for name in words.filter(|_| !address.is_loopback()) {
            if let Some(wanted) = wanted.get(&name.to_ascii_lowercase()).filter(|wanted| **wanted != address) {
                notes.push(format!(
                    "line {} of {FILE} says that {name} is {address}, the inventory says {wanted}",
                    at + 1
                ));
            }
        }
    }
    notes
}

/// /etc/hosts, and the templates that it is made from again.
fn files(node: &Node) -> Vec<String> {
    let mut files = cloud_init::templates(node);
    files.push(FILE.to_owned());
    files
}

impl Converge for Hosts {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let mut check = Check { message: format!("{} names in {FILE}", self.entries.len()), ..Check::default() };
        for file in files(node) {
            let old = replace::read_text(&node.path(&file))?;
            let new = set(&old, self);
            if new != old {
                check.diffs.push(diff::text(&file, old.as_bytes(), new.as_bytes()));
            }
            if file == FILE {
                check.notes = conflicts(&old, self);
            }
        }
        check.diffs.extend(cloud_init::check(node)?);
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        cloud_init::keep_off(node)?;
        let mut backups = Vec::new();
        for file in files(node) {
            let path = node.path(&file);
            let old = replace::read_text(&path)?;
            let new = set(&old, self);
            if new != old {
                if replace::back_up(&path)?.is_some() {
                    backups.push(format!("{file}.td-backup"));
                }
                replace::keep_rights(&path, new.as_bytes(), Rights::ROOT_FILE)?;
            }
        }
        let backups = if backups.is_empty() { String::new() } else { format!("; as it was: {}", backups.join(", ")) };
        Ok(format!("{} names in {FILE}{backups}", self.entries.len()).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let mut diffs = Vec::new();
        let mut kept = Vec::new();
        for file in files(node) {
            let path = node.path(&file);
            let old = replace::read_text(&path)?;
            let new = block::set(&old, &[], |line| line.is_empty());
            if new != old {
                replace::keep_rights(&path, new.as_bytes(), Rights::ROOT_FILE)?;
                diffs.push(diff::text(&file, old.as_bytes(), new.as_bytes()));
            }
            if replace::drop_backup(&path)?.is_some() {
                kept.push(format!("; {file}.td-backup stays, others changed the file since"));
            }
        }
        Ok(Removed::did(diffs, format!("td's names left {FILE}{}", kept.concat())))
    }
}

#[cfg(test)]
mod tests {
    use td_protocol::converge::resource::HostEntry;

    use super::*;

    fn hosts() -> Hosts {
        let entry = |address: &str, names: &[&str]| HostEntry {
            address: address.parse().unwrap(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        Hosts { entries: vec![entry("192.0.2.110", &["pi110", "shelf"]), entry("2001:db8::1", &["pi111"])] }
    }

    #[test]
    fn the_block_is_put_in_and_taken_out() {
        let before = "127.0.0.1 localhost\n127.0.1.1 pi110\n\n# mine\n192.0.2.9 pi111\n";
        let text = set(before, &hosts());
        insta::assert_snapshot!(text, @r"
        127.0.0.1 localhost
        127.0.1.1 pi110

        # mine
        192.0.2.9 pi111
        # td: begin, kept by td-provision: do not edit
        192.0.2.110 pi110 shelf
        2001:db8::1 pi111
        # td: end
        ");
        assert_eq!(set(&text, &hosts()), text);
        assert_eq!(block::set(&text, &[], |line| line.is_empty()), before);
        insta::assert_snapshot!(conflicts(&text, &hosts()).join("\n"), @"line 5 of /etc/hosts says that pi111 is 192.0.2.9, the inventory says 2001:db8::1");
    }
}
