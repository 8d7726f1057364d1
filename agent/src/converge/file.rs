//! Whole files.

use std::fs;
use std::path::Path;

use td_protocol::converge::event::Diff;
use td_protocol::converge::resource::{File, Resource};
use td_protocol::hash::ContentHash;

use super::diff;
use super::directory;
use super::failure::Failure;
use super::node::{Check, Converge, Made, Node, Removed};
use super::replace::{self, Rights};

impl Converge for File {
    fn check(&self, node: &Node) -> Result<Check, Failure> {
        let path = node.path(&self.path);
        let wanted = rights(self, node)?;
        let mut check = Check { message: format!("a file of {}", self.owner), ..Check::default() };
        let old = replace::read(&path)?;
        let new = self.content.0.as_bytes();
        if old.as_deref() != Some(new) {
            let old = old.as_deref().unwrap_or_default();
            if self.secret {
                check.diffs.push(Diff::Hidden { path: self.path.clone() });
                let both = [ContentHash::of(old).0, ContentHash::of(new).0].concat();
                check.hidden = Some(ContentHash::of(&both));
            } else {
                check.diffs.push(diff::text(&self.path, old, new));
            }
        }
        match fs::metadata(&path) {
            Ok(meta) => {
                let is = Rights::of(&meta);
                let old = (is.uid, is.gid, is.mode);
                check.diffs.extend(directory::rights_diffs(&self.path, old, (wanted.uid, wanted.gid, wanted.mode)));
            }
            // An empty file that is missing has no other difference.
            Err(_) if check.diffs.is_empty() => {
                check.diffs.push(diff::value(&self.path, None, Some("an empty file".to_owned())));
            }
            Err(_) => {}
        }
        Ok(check)
    }

    fn converge(&self, node: &Node, _check: &Check) -> Result<Made, Failure> {
        let path = node.path(&self.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::io("cannot make", folder, &error))?;
        }
        let backup = if self.secret || is_in_own_folder(self, node) { None } else { replace::back_up(&path)? };
        replace::with_rights(&path, self.content.0.as_bytes(), rights(self, node)?)?;
        let backup = backup.map(|_| format!("; as it was: {}.td-backup", self.path)).unwrap_or_default();
        Ok(format!("written{backup}").into())
    }

    fn remove(&self, node: &Node) -> Result<Removed, Failure> {
        let path = node.path(&self.path);
        let Some(old) = replace::read(&path)? else {
            return Ok(Removed::nothing("it is gone"));
        };
        let backup = replace::backup_path(&path);
        let before = replace::read(&backup)?;
        let message = match &before {
            Some(before) => {
                replace::keep_rights(&path, before, Rights::ROOT_FILE)?;
                replace::remove(&backup)?;
                "as it was before td"
            }
            None => {
                replace::remove(&path)?;
                "removed"
            }
        };
        let shown = if self.secret {
            Diff::Hidden { path: self.path.clone() }
        } else {
            diff::text(&self.path, &old, &before.unwrap_or_default())
        };
        Ok(Removed::did(vec![shown], message))
    }
}

fn rights(file: &File, node: &Node) -> Result<Rights, Failure> {
    Ok(Rights { uid: node.uid(&file.owner)?, gid: node.gid(&file.group)?, mode: file.mode.0 })
}

/// Whether it lies in a folder of td's: what was there before was td's, too.
fn is_in_own_folder(file: &File, node: &Node) -> bool {
    let folder = Path::new(&file.path).parent();
    node.state.resources.iter().any(
        |resource| matches!(resource, Resource::Directory(directory) if folder == Some(Path::new(&directory.path))),
    )
}
