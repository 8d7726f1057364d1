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
/// not start.
///
/// # Errors
/// See [`UploadError`].
pub async fn install(shell: &mut RootShell, staged: &Staged) -> Result<(), UploadError> {
    let (new, old) = (quote(&staged.path), format!("{PLACE}.old"));
    // `ln` and not `mv`: at no moment is there no td-agent. The data reaches the disk before the name does.
    let line =
        format!("rm -f {old}; {{ [ ! -e {PLACE} ] || ln {PLACE} {old}; }} && sync {new} && mv -f {new} {PLACE} && t=");
    let reply = run(shell, &line, "the move of td-agent", &[]).await?;
    if reply.code != 0 {
        return Err(explain(&reply));
    }
    let reply = run(shell, &format!("{PLACE} --version </dev/null"), "td-agent --version", &[]).await?;
    if reply.code == 0 {
        run(shell, &format!("rm -f {old}"), "rm", &[]).await?;
        return Ok(());
    }
    let complaint = reply.complaint();
    let line = format!("if [ -e {old} ]; then mv -f {old} {PLACE}; else rm -f {PLACE}; fi");
    run(shell, &line, "the way back", &[]).await?;
    Err(UploadError::WentBack(complaint))
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
