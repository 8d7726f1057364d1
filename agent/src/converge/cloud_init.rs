//! Keeping cloud-init from undoing host name and /etc/hosts at the next boot.
//!
//! A file of td's below /etc/cloud/cloud.cfg.d says that both are somebody else's. What a card's own user-data says
//! comes before that file, and Raspberry Pi's imager writes `manage_etc_hosts: true` there: then cloud-init makes
//! /etc/hosts from a template at every boot, and td's block goes into the template too, as the template itself advises.

use td_protocol::converge::event::Diff;

use super::diff;
use super::failure::Failure;
use super::node::Node;
use super::replace::{self, Rights};

/// Read after the distribution's own files, whose numbers are below 99.
const FILE: &str = "/etc/cloud/cloud.cfg.d/99-td.cfg";
const TEXT: &str = "# kept by td-provision: host name and /etc/hosts are the inventory's\n\
                    preserve_hostname: true\nmanage_etc_hosts: false\n";
const TEMPLATES: &str = "/etc/cloud/templates";
/// Where user-data lies: on the card, and as cloud-init kept it.
const USER_DATA: [&str; 4] = [
    "/var/lib/cloud/instance/cloud-config.txt",
    "/var/lib/cloud/instance/user-data.txt",
    "/boot/firmware/user-data",
    "/boot/user-data",
];

/// Whether cloud-init is here and not switched off.
#[must_use]
pub fn is_here(node: &Node) -> bool {
    node.exists("/etc/cloud/cloud.cfg") && !node.exists("/etc/cloud/cloud-init.disabled")
}

/// What td's file would change.
///
/// # Errors
/// When it cannot be read, or user-data takes the host name whatever the file says.
pub fn check(node: &Node) -> Result<Option<Diff>, Failure> {
    if !is_here(node) {
        return Ok(None);
    }
    if let Some(file) = said(node, "preserve_hostname", &["false", "no", "off"]) {
        return Err(Failure::new(format!(
            "{file} says `preserve_hostname: false`, which comes before any setting of this machine, so cloud-init sets \
             the host name back at each boot: take it out, or `touch /etc/cloud/cloud-init.disabled`"
        )));
    }
    let old = replace::read(&node.path(FILE))?.unwrap_or_default();
    Ok((old != TEXT.as_bytes()).then(|| diff::text(FILE, &old, TEXT.as_bytes())))
}

/// Writes td's file where cloud-init is.
///
/// # Errors
/// When it cannot be written.
pub fn keep_off(node: &Node) -> Result<(), Failure> {
    if check(node)?.is_some() {
        let path = node.path(FILE);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::io("cannot make", folder, &error))?;
        }
        replace::with_rights(&path, TEXT.as_bytes(), Rights::ROOT_FILE)?;
    }
    Ok(())
}

/// Removes td's file.
///
/// # Errors
/// When it cannot be removed.
pub fn let_go(node: &Node) -> Result<Vec<Diff>, Failure> {
    let path = node.path(FILE);
    let old = replace::read(&path)?;
    let Some(old) = old.filter(|_| node.exists(FILE)) else {
        return Ok(Vec::new());
    };
    replace::remove(&path)?;
    Ok(vec![diff::text(FILE, &old, b"")])
}

/// The templates from which cloud-init makes /etc/hosts here, whatever td's file says.
#[must_use]
pub fn templates(node: &Node) -> Vec<String> {
    if !is_here(node) || said(node, "manage_etc_hosts", &["true", "yes", "on", "template"]).is_none() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(node.path(TEMPLATES)).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("hosts.") && name.ends_with(".tmpl")).collect();
    names.sort_unstable();
    names.into_iter().map(|name| format!("{TEMPLATES}/{name}")).collect()
}

/// The file of user-data that gives `key` one of these values.
fn said(node: &Node, key: &str, values: &[&str]) -> Option<&'static str> {
    USER_DATA.into_iter().find(|file| node.text(file).is_some_and(|text| says(&text, key, values)))
}

/// Whether a line at the outermost level of a YAML text gives `key` one of these values.
fn says(text: &str, key: &str, values: &[&str]) -> bool {
    text.lines().any(|line| {
        let value = line.strip_prefix(key).and_then(|rest| rest.trim_start().strip_prefix(':'));
        let value = value.map(|value| value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']));
        value.is_some_and(|value| values.iter().any(|wanted| value.eq_ignore_ascii_case(wanted)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_is_understood() {
        let text = "#cloud-config\nhostname: x\nmanage_etc_hosts: \"True\" # by the imager\nfoo:\n  preserve_hostname: false\n";
        assert!(says(text, "manage_etc_hosts", &["true"]));
        assert!(!says(text, "preserve_hostname", &["false"]));
        assert!(!says("# manage_etc_hosts: true", "manage_etc_hosts", &["true"]));
    }
}
