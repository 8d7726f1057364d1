//! The boot settings of a Raspberry Pi: a block in config.txt, and whether a reboot is due.

pub mod config;
pub mod firmware;
pub mod folder;
pub mod model;

use std::path::Path;

use td_protocol::converge::facts::BootState;
use td_protocol::converge::resource::Boot;
use td_protocol::hash::ContentHash;

use self::config::Settings;
use self::model::Model;
use super::diff;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};

/// Where td keeps with which settings it last asked for a reboot. Not below /run: it has to outlive that reboot.
const ASKED: &str = "/var/lib/td-converge/boot";

/// config.txt as it is and as it should be.
struct Plan {
    file: String,
    model: &'static Model,
    old: Vec<u8>,
    new: Vec<u8>,
    notes: Vec<String>,
}

impl Converge for Boot {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let plan = plan(self, node)?;
        let mut check = Check { notes: plan.notes.clone(), ..Check::default() };
        if plan.old != plan.new {
            check.diffs.push(diff::text(&plan.file, &plan.old, &plan.new));
        }
        check.needs_reboot = needs_reboot(self, node, check.is_pending(), &mut check.notes);
        check.message = match (check.is_pending(), check.needs_reboot) {
            (true, _) => format!("a block at the end of {} ({})", plan.file, plan.model.name),
            (false, true) => format!("{} is set, and takes effect at the next boot", plan.file),
            (false, false) => format!("{} is set", plan.file),
        };
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        let plan = plan(self, node)?;
        let path = node.path(&plan.file);
        let backup = replace::back_up(&path)?;
        replace::keep_rights(&path, &plan.new, Rights { mode: 0o755, ..Rights::ROOT_FILE })?;
        let backup = backup.map(|_| format!("; as it was: {}.td-backup", plan.file)).unwrap_or_default();
        Ok(format!("a block at the end of {}{backup}", plan.file).into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let found = folder::find(node);
        let (Some(folder), BootState::Ready) = (found.path, found.state) else {
            return Ok(Removed::nothing("no config.txt"));
        };
        let file = folder::config_in(&folder);
        let path = node.path(&file);
        let old = replace::read(&path)?.unwrap_or_default();
        let new = config::encode(&config::remove(&config::decode(&old)));
        let _ = replace::remove(&node.path(ASKED));
        if old == new {
            return Ok(Removed::nothing(format!("{file} has no block of td's")));
        }
        replace::keep_rights(&path, &new, Rights { mode: 0o755, ..Rights::ROOT_FILE })?;
        let kept = replace::drop_backup(&path)?;
        let kept = kept.map(|_| format!("; {file}.td-backup stays, others changed the file since")).unwrap_or_default();
        let mut removed = Removed::did(vec![diff::text(&file, &old, &new)], format!("td's block left {file}{kept}"));
        removed.needs_reboot = true;
        Ok(removed)
    }
}

/// Boot settings for td's block that is in config.txt, whichever inventory it is from; to be removed.
#[must_use]
pub fn left(node: &Node) -> Option<Boot> {
    let found = folder::find(node);
    let folder = found.path.filter(|_| found.state == BootState::Ready)?;
    let text = replace::read(&node.path(&folder::config_in(&folder))).ok()??;
    config::has_block(&config::decode(&text)).then_some(Boot { gpu_mem: None, arm_freq: None })
}

fn plan(boot: &Boot, node: &Node) -> Result<Plan, Failure> {
    let model = node.model()?;
    fits(boot, model)?;
    let found = folder::find(node);
    let folder = match (found.path, found.state) {
        (Some(folder), BootState::Ready) => folder,
        (Some(folder), BootState::NotMounted) => {
            return Err(Failure::new(format!(
                "{folder} is in /etc/fstab and not mounted: what is written there the firmware would not see; \
                 `mount {folder}`, and look at the journal for why it was not"
            )));
        }
        (folder, _) => {
            let place = folder.unwrap_or_else(|| "/boot/firmware or /boot".to_owned());
            return Err(Failure::new(format!(
                "there is no config.txt in {place}: is this a {} with its boot partition in place?",
                model.name
            )));
        }
    };
    let file = folder::config_in(&folder);
    let old = replace::read(&node.path(&file))?.unwrap_or_default();
    let included = |name: &str| folder::included(node, &folder, name);
    let edit = config::set(&config::decode(&old), wanted(boot), model, &included);
    Ok(Plan { file, model, old, new: config::encode(&edit.text), notes: edit.notes })
}

/// Refuses what the hardware ignores, and what would only slow it.
fn fits(boot: &Boot, model: &Model) -> Result<(), Failure> {
    if boot.gpu_mem.is_some() && !model.gpu_mem {
        let name = model.name;
        return Err(Failure::new(format!("a {name} ignores gpu_mem: take it out of the inventory for this node")));
    }
    match boot.arm_freq {
        Some(wanted) if wanted < model.stock => Err(Failure::new(format!(
            "arm_freq={wanted} would slow this {}, which runs at {} MHz without it: take it out of the inventory for \
             this node",
            model.name, model.stock
        ))),
        _ => Ok(()),
    }
}

fn wanted(boot: &Boot) -> Settings {
    Settings { gpu_mem: boot.gpu_mem, arm_freq: boot.arm_freq }
}

/// Whether a reboot would change what runs.
fn needs_reboot(boot: &Boot, node: &Node, pending: bool, notes: &mut Vec<String>) -> bool {
    let running = firmware::running(node);
    match differs(wanted(boot), running) {
        Some(true) => {}
        Some(false) => return false,
        // Nobody to ask: what this boot's apply changed needs one.
        None => return pending || asked(node).is_some_and(|asked| asked == record(boot, node)),
    }
    // A reboot with just these settings was had, and the firmware took others: one more would change nothing.
    let tried = asked(node).is_some_and(|asked| asked.0 == record(boot, node).0 && asked.1 != record(boot, node).1);
    if tried && !pending {
        notes.push(format!(
            "the firmware runs with gpu_mem={} and arm_freq={} though it was booted with td's block: does this board \
             take those values?",
            shown(running.gpu_mem),
            shown(running.arm_freq)
        ));
        return false;
    }
    true
}

/// Whether something that is wanted runs otherwise; `None` where the firmware does not tell, of one at least.
fn differs(wanted: Settings, running: Settings) -> Option<bool> {
    let pairs = [(wanted.gpu_mem, running.gpu_mem), (wanted.arm_freq, running.arm_freq)];
    let set = || pairs.iter().filter(|(wanted, _)| wanted.is_some());
    if set().any(|(wanted, runs)| runs.is_some() && runs != wanted) {
        return Some(true);
    }
    set().all(|(_, runs)| runs.is_some()).then_some(false)
}

fn shown(value: Option<u32>) -> String {
    value.map_or("unknown".to_owned(), |value| value.to_string())
}

/// Notes, on behalf of an apply, that a reboot is due with these settings.
///
/// # Errors
/// When it cannot be written.
pub fn note_reboot(boot: &Boot, node: &Node) -> Result<(), Failure> {
    let (settings, boot_id) = record(boot, node);
    if asked(node).as_ref() == Some(&(settings.clone(), boot_id.clone())) {
        return Ok(());
    }
    let path = node.path(ASKED);
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(|error| Failure::io("cannot make", folder, &error))?;
    replace::with_rights(&path, format!("{settings} {boot_id}\n").as_bytes(), Rights::ROOT_FILE)
}

fn asked(node: &Node) -> Option<(String, String)> {
    let text = node.text(ASKED)?;
    let (settings, boot_id) = text.trim().split_once(' ')?;
    Some((settings.to_owned(), boot_id.to_owned()))
}

/// The settings, as one word, and the boot.
fn record(boot: &Boot, node: &Node) -> (String, String) {
    let settings = ContentHash::of(format!("{:?} {:?}", boot.gpu_mem, boot.arm_freq).as_bytes()).to_string();
    let boot_id = node.text("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
    (settings, boot_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_alone_asks_for_its_reboot() {
        let settings = |gpu_mem, arm_freq| Settings { gpu_mem, arm_freq };
        let fresh = settings(Some(64), Some(700));
        assert_eq!(differs(settings(Some(16), None), fresh), Some(true));
        assert_eq!(differs(settings(None, Some(800)), fresh), Some(true));
        assert_eq!(differs(settings(Some(64), None), fresh), Some(false));
        assert_eq!(differs(settings(Some(16), Some(700)), fresh), Some(true));
        assert_eq!(differs(Settings::default(), fresh), Some(false));
        // What is not known says neither yes nor no, unless the other one differs.
        assert_eq!(differs(settings(Some(16), None), settings(None, Some(700))), None);
        assert_eq!(differs(settings(Some(16), Some(700)), settings(None, Some(700))), None);
        assert_eq!(differs(settings(Some(16), Some(800)), settings(None, Some(700))), Some(true));
        assert_eq!(differs(settings(Some(16), Some(800)), Settings::default()), None);
    }
}
