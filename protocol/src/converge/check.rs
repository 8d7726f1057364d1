//! What no desired state may hold, whoever wrote it.
//!
//! The agent runs as root and writes these texts into files with grammars of their own. A name with a line's end, a path
//! with `..`: refused here, before anything is touched. That the values make sense together is the master's to check.

use std::collections::BTreeSet;

use super::desired::DesiredState;
use super::resource::{Account, MountSource, Packages, Resource, Service};

/// What is wrong with a desired state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the desired state is refused: {place}: {what}")]
pub struct Flaw {
    /// The resource: `file /etc/td/ca.pem`.
    pub place: String,
    /// What was expected and what is there.
    pub what: String,
}

/// Largest number of a user or group that systemd takes for a static one.
const MAX_ID: u32 = 60_000;

/// Checks all resources.
///
/// # Errors
/// The first [`Flaw`].
pub fn check(state: &DesiredState) -> Result<(), Flaw> {
    let node = |what| Flaw { place: "node".to_owned(), what };
    host_name(&state.node).map_err(node)?;
    if let Some(model) = &state.model {
        word("a model", model, "+-").map_err(node)?;
    }
    if let Some(nonce) = &state.nonce {
        word("a nonce", nonce, "-").map_err(node)?;
    }
    let mut seen = BTreeSet::new();
    for resource in &state.resources {
        let flaw = |what| Flaw { place: format!("{} {:?}", resource.kind(), resource.name()), what };
        of(resource).map_err(flaw)?;
        if !seen.insert((resource.kind(), resource.name())) {
            return Err(flaw("it is there twice".to_owned()));
        }
    }
    Ok(())
}

fn of(resource: &Resource) -> Result<(), String> {
    match resource {
        Resource::Hostname(hostname) => host_name(&hostname.name),
        Resource::Hosts(hosts) => {
            for entry in &hosts.entries {
                if entry.names.is_empty() {
                    return Err(format!("{} has no name", entry.address));
                }
                entry.names.iter().try_for_each(|name| host_name(name))?;
            }
            Ok(())
        }
        Resource::Account(account) => of_account(account),
        Resource::Directory(directory) => {
            path(&directory.path)?;
            owner(&directory.owner)?;
            owner(&directory.group)
        }
        Resource::Packages(packages) => of_packages(packages),
        Resource::File(file) => {
            path(&file.path)?;
            owner(&file.owner)?;
            owner(&file.group)
        }
        Resource::NfsExport(export) => {
            plain_path(&export.path)?;
            owner(&export.owner)?;
            owner(&export.group)
        }
        Resource::NfsMount(mount) => {
            plain_path(&mount.path)?;
            match &mount.source {
                MountSource::Nfs { export, .. } | MountSource::Local { export } => plain_path(export),
            }
        }
        Resource::Clock(_) => Ok(()),
        Resource::Boot(boot) => {
            number("gpu_mem", boot.gpu_mem, 16, 1024)?;
            number("arm_freq", boot.arm_freq, 100, 5000)
        }
        Resource::Service(service) => of_service(service),
    }
}

fn of_account(account: &Account) -> Result<(), String> {
    owner(&account.name)?;
    if account.name == "root" {
        return Err("root is no account of td's".to_owned());
    }
    plain_path(&account.home)?;
    for (what, id) in [("uid", account.uid), ("gid", account.gid)] {
        if !(1..=MAX_ID).contains(&id) {
            return Err(format!("{what} must be 1 to {MAX_ID}, is {id}"));
        }
    }
    account.groups.iter().try_for_each(|group| owner(group))
}

fn of_packages(packages: &Packages) -> Result<(), String> {
    for name in &packages.names {
        // Debian policy 5.6.7: lower case, digits, + - and dots; it starts with a letter or digit. So no option either.
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if name.len() < 2 || name.len() > 200 || !first || !name.bytes().all(good) {
            return Err(format!("{name:?} is no name of a Debian package"));
        }
    }
    if let Some(bits) = packages.povray_word_size.filter(|bits| ![32, 64].contains(bits)) {
        return Err(format!("povray_word_size must be 32 or 64, is {bits}"));
    }
    if let Some(proxy) = &packages.proxy {
        let rest = proxy.strip_prefix("http://").or_else(|| proxy.strip_prefix("https://"));
        let good = |byte: u8| byte.is_ascii_graphic() && !b"\"\\';{}".contains(&byte);
        if !rest.is_some_and(|rest| !rest.is_empty() && rest.len() < 1000 && rest.bytes().all(good)) {
            return Err("the proxy must be like http://192.0.2.1:3142".to_owned());
        }
    }
    Ok(())
}

fn of_service(service: &Service) -> Result<(), String> {
    host_name(&service.name)?;
    owner(&service.user)?;
    plain_path(&service.tls)?;
    plain_path(&service.cache)?;
    service.write_paths.iter().try_for_each(|path| plain_path(path))?;
    if service.port == 0 {
        return Err("the port must be 1 to 65535".to_owned());
    }
    number("slots", service.slots, 1, 1024)?;
    if let Some(share) = service.probe.as_ref().and_then(|probe| probe.share.as_ref()) {
        plain_path(share)?;
    }
    for argument in &service.arguments {
        // No character that systemd's unit files give a meaning to.
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:,[]".contains(&byte);
        if argument.is_empty() || !argument.bytes().all(good) {
            return Err(format!("the argument {argument:?} has characters that a unit file would change"));
        }
    }
    Ok(())
}

fn number(what: &str, value: Option<u32>, least: u32, most: u32) -> Result<(), String> {
    match value {
        Some(value) if !(least..=most).contains(&value) => Err(format!("{what} must be {least} to {most}, is {value}")),
        _ => Ok(()),
    }
}

fn word(what: &str, text: &str, more: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
        return Err(format!("{text:?} cannot be {what}"));
    }
    Ok(())
}

/// RFC 1123: labels of letters, digits and hyphens, and the length that Linux takes.
fn host_name(name: &str) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() > 64 || !name.split('.').all(label) {
        return Err(format!("{name:?} cannot be a host name"));
    }
    Ok(())
}

/// The name of a user or group.
fn owner(name: &str) -> Result<(), String> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if !first || name.len() > 32 || !name.bytes().all(good) {
        return Err(format!("{name:?} cannot be a user or group"));
    }
    Ok(())
}

/// An absolute path that names what it seems to name.
fn path(path: &str) -> Result<(), String> {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() <= 255;
    let good = path.len() <= 1000 && !path.bytes().any(|byte| byte.is_ascii_control());
    match path.strip_prefix('/') {
        Some(rest) if good && rest.split('/').all(part) => Ok(()),
        _ => Err(format!("{path:?} must be an absolute path without `.`, `..`, `//` and control characters")),
    }
}

/// A path that needs no quotes in fstab, exports and unit files.
fn plain_path(text: &str) -> Result<(), String> {
    path(text)?;
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._+@-".contains(&byte)) {
        return Err(format!("{text:?} must consist of letters, digits and / . _ + @ - only"));
    }
    Ok(())
}
