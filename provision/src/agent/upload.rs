//! The binary on its way: sent beside its place, compared, started once, and only then moved there. The one before is kept
//! until the new one has started in its place.

use std::time::Duration;

use td_protocol::hash::ContentHash;
use thiserror::Error;

use super::find::Build;
use crate::root::{Command, Reply, RootShell, ShellError, quote};

/// Where td-agent lies on a node.
pub const PLACE: &str = td_protocol::converge::resource::Service::BINARY;

/// No byte for so long: the node or the network is in trouble. A Pi 1's card can stall for seconds.
const SILENCE: Duration = Duration::from_secs(120);

/// A binary that lies on the node and has started there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Where; the root shell removes it at its end.
    pub path: String,
    /// Its SHA-256.
    pub hash: ContentHash,
}

/// The binary did not come to the node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UploadError {
    /// The shell is gone.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// No room.
    #[error(
        "no room for td-agent on the node ({0}): free some with `sudo apt-get clean`, or look with `df -h /usr/local`"
    )]
    DiskFull(String),
    /// Read-only file system.
    #[error("the node's file system is read-only ({0}): is the card worn out, or an overlay on (raspi-config)?")]
    ReadOnly(String),
    /// Any other complaint.
    #[error("td-agent could not be written to the node: {0}")]
    Write(String),
    /// Other bytes arrived.
    #[error(
        "td-agent arrived damaged (SHA-256 {got} instead of {wanted}): try again; if it stays so, suspect the node's card or memory"
    )]
    Damaged {
        /// Of what was sent.
        wanted: String,
        /// Of what is there.
        got: String,
    },
    /// It does not start.
    #[error("td-agent does not start there ({0}); nothing was changed")]
    DoesNotStart(String),
    /// It started beside its place and not in it; the one before is back.
    #[error("td-agent does not start in its place ({0}); the one that was there before is back")]
    WentBack(String),
}

/// Brings `build` to the node, beside its place, and starts it once (`--version`).
///
/// # Errors
/// See [`UploadError`]. Nothing of it stays on the node.
pub async fn stage(shell: &mut RootShell, build: &Build) -> Result<Staged, UploadError> {
    // The name is the node's choice (mktemp), and known to the shell's trap before the first byte.
    let line = format!("t=$(mktemp {PLACE}.XXXXXX) && printf %s \"$t\"");
    let reply = run(shell, &line, "mktemp", &[]).await?;
    if reply.code != 0 {
        return Err(explain(&reply));
    }
    let path = reply.stdout.trim().to_owned();
    let count = build.bytes.len();
    // What `head` leaves when it cannot write must be read all the same, or it would be taken for commands.
    let line = format!(
        "head -c {count} | {{ cat >\"$t\" || {{ r=$?; cat >/dev/null; (exit $r); }}; }} && chmod 755 \"$t\" && sha256sum <\"$t\""
    );
    let reply = run(shell, &line, "the upload of td-agent", &build.bytes).await?;
    if reply.code != 0 {
        forget(shell).await?;
        return Err(explain(&reply));
    }
    let wanted = build.hash.to_string();
    let got = reply.stdout.split_whitespace().next().unwrap_or_default().to_owned();
    if got != wanted {
        forget(shell).await?;
        return Err(UploadError::Damaged { wanted, got });
    }
    let reply = run(shell, "\"$t\" --version </dev/null", "td-agent --version", &[]).await?;
    if reply.code != 0 {
        forget(shell).await?;
        return Err(UploadError::DoesNotStart(reply.complaint()));
    }
    Ok(Staged { path, hash: build.hash })
}

/// Moves a staged binary into its place, in one step, and starts it there once; goes back to the one before when it does
/// not start. All of it is one command: asked to stop, the shell ends after its command, so a Ctrl-C leaves the old one or
/// the new one, and nothing beside it.
///
/// # Errors
/// See [`UploadError`].
pub async fn install(shell: &mut RootShell, staged: &Staged) -> Result<(), UploadError> {
    let mut reply = run(shell, &move_line(&staged.path, PLACE), "the move of td-agent", &[]).await?;
    if reply.code == 0 {
        return Ok(());
    }
    match reply.stdout.trim_end().strip_suffix(WENT_BACK).map(str::to_owned) {
        Some(said) => {
            reply.stdout = said;
            Err(UploadError::WentBack(reply.complaint()))
        }
        None => Err(explain(&reply)),
    }
}

/// Printed when the new one did not start.
const WENT_BACK: &str = "td-agent: went back";

/// The command that moves `new` to `place`.
fn move_line(new: &str, place: &str) -> String {
    let (new, old, place) = (quote(new), quote(&format!("{place}.old")), quote(place));
    // `ln` and not `mv`: at no moment is there no td-agent. The data reaches the disk before the name does.
    format!(
        "rm -f {old}; if {{ [ ! -e {place} ] || ln {place} {old}; }} && sync {new} && mv -f {new} {place} && t=; then \
         if {place} --version </dev/null; then rm -f {old}; else \
         if [ -e {old} ]; then mv -f {old} {place}; else rm -f {place}; fi; echo \"{WENT_BACK}\"; false; fi; \
         else rm -f {old}; false; fi"
    )
}

async fn forget(shell: &mut RootShell) -> Result<(), ShellError> {
    run(shell, "rm -f \"$t\"; t=", "rm", &[]).await.map(drop)
}

async fn run(shell: &mut RootShell, line: &str, what: &str, input: &[u8]) -> Result<Reply, ShellError> {
    shell.run(Command { line, what, input, silence: SILENCE }).await
}

fn explain(reply: &Reply) -> UploadError {
    let said = reply.complaint();
    if said.contains("No space left") || said.contains("quota") {
        UploadError::DiskFull(said)
    } else if said.contains("Read-only file system") {
        UploadError::ReadOnly(said)
    } else {
        UploadError::Write(said)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn program(path: &Path, text: &str) {
        fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// The move, under this machine's sh: whether it went well, what it printed, and what lies there afterwards.
    fn moved(before: Option<&str>, new: Option<&str>) -> (bool, String, Vec<(String, String)>) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("td-agent");
        let staged = folder.path().join("td-agent.new one");
        // Left by a move that was cut off.
        fs::write(folder.path().join("td-agent.old"), "x").expect("written");
        if let Some(text) = before {
            program(&place, text);
        }
        if let Some(text) = new {
            program(&staged, text);
        }
        let line = move_line(&staged.display().to_string(), &place.display().to_string());
        let output = std::process::Command::new("sh").arg("-c").arg(line).output().expect("runs");
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("read")
            .map(|entry| {
                let path = entry.expect("read").path();
                let text = fs::read_to_string(&path).expect("read");
                let name = path.file_name().expect("has one").to_string_lossy().into_owned();
                (name, text.lines().nth(1).unwrap_or_default().to_owned())
            })
            .collect();
        left.sort();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned(), left)
    }

    #[test]
    fn the_move_leaves_one_program() {
        let only = |text: &str| vec![("td-agent".to_owned(), text.to_owned())];
        let (good, bad) = ("echo td-agent 2", "echo oh; exit 3");
        assert_eq!(moved(Some("echo td-agent 1"), Some(good)), (true, "td-agent 2\n".to_owned(), only(good)));
        assert_eq!(moved(None, Some(good)), (true, "td-agent 2\n".to_owned(), only(good)));
        let back = format!("oh\n{WENT_BACK}\n");
        assert_eq!(moved(Some(good), Some(bad)), (false, back.clone(), only(good)));
        assert_eq!(moved(None, Some(bad)), (false, back, Vec::new()));
        // Nothing to move: what is there stays.
        assert_eq!(moved(Some(good), None), (false, String::new(), only(good)));
    }
}
