//! `td-provision certs init`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use td_inventory::credentials::ClusterFolder;
use time::OffsetDateTime;

use super::make::Ca;
use super::{Refusal, now, say, say_event, store};
use crate::output::Outcome;

/// Makes CA and master's certificate in a folder beside, and gives it its name as the last step: there is a whole folder or
/// none.
pub fn run(folder: &ClusterFolder, cluster: &str, force: bool, as_json: bool) -> Result<Outcome> {
    let path = folder.path();
    if path.exists() && !force {
        return Err(Refusal(format!(
            "cluster {cluster} has certificates already, in {}. `{}` shows them; with --force a new CA takes their place, \
             and no node is reached until it has a new certificate too",
            path.display(),
            folder.init_command().replace("certs init", "certs show"),
        ))
        .into());
    }
    let before = make(folder, cluster, force)?;
    if as_json {
        let before = before.map(|path| path.display().to_string());
        say_event(
            &json!({ "event": "done", "ok": true, "cluster": cluster, "folder": path.display().to_string(), "before": before }),
        )?;
    } else {
        say(&format!("cluster {cluster}: CA and master's certificate are in {}", path.display()))?;
        if let Some(before) = before {
            say(&format!("the old ones are kept in {}", before.display()))?;
        }
        say(&format!("next: {}", folder.issue_command()))?;
    }
    Ok(Outcome::Done)
}

/// Makes the folder; the answer is where an older one is kept.
pub(super) fn make(folder: &ClusterFolder, cluster: &str, force: bool) -> Result<Option<PathBuf>> {
    let now = now()?;
    let path = folder.path();
    let parent = path.parent().context("the cluster's folder has no place")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    remove_left_behind(parent, cluster);
    let fresh = parent.join(format!(".{cluster}.new-{}", std::process::id()));
    let made = fill(&ClusterFolder::at(fresh.clone(), Path::new("")), cluster, now)
        .and_then(|()| take_place(&fresh, path, force, now));
    if made.is_err() {
        // Where this fails too, the next init clears it away.
        let _ = fs::remove_dir_all(&fresh);
    }
    let before = made?;
    store::sync_folder(parent)?;
    Ok(before)
}

fn fill(fresh: &ClusterFolder, cluster: &str, now: OffsetDateTime) -> Result<()> {
    store::private_folder(fresh.path())?;
    store::private_folder(&fresh.nodes())?;
    let (ca, pair) = Ca::new(cluster, now)?;
    store::pair(&pair, &fresh.ca(), &fresh.ca_key())?;
    store::pair(&ca.master(cluster, now)?, &fresh.master(), &fresh.master_key())?;
    store::sync_folder(fresh.path())
}

/// Gives the folder its name. With `force` an older one swaps places with it in one step, and is kept; the answer is where.
fn take_place(fresh: &Path, path: &Path, force: bool, now: OffsetDateTime) -> Result<Option<PathBuf>> {
    let failed = || format!("cannot rename {} to {}", fresh.display(), path.display());
    if !path.exists() {
        // Another init may have been faster.
        renameat_with(CWD, fresh, CWD, path, RenameFlags::NOREPLACE).with_context(failed)?;
        return Ok(None);
    }
    anyhow::ensure!(force, "{} has appeared meanwhile: another td-provision is at work", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let before = path.with_file_name(format!("{name}.before-{}", now.unix_timestamp()));
    renameat_with(CWD, fresh, CWD, path, RenameFlags::EXCHANGE).with_context(failed)?;
    renameat_with(CWD, fresh, CWD, &before, RenameFlags::NOREPLACE)
        .with_context(|| format!("the new certificates are in place; the old ones are still in {}", fresh.display()))?;
    Ok(Some(before))
}

/// Clears away what an init left that was killed.
fn remove_left_behind(parent: &Path, cluster: &str) {
    let prefix = format!(".{cluster}.new-");
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
