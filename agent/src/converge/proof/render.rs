//! A test render of 32x24 pixels, compared with the reference of its kind of POV-Ray.

use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use td_protocol::converge::event::{ProofResult, Step};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::Resource;
use td_protocol::hash::ContentHash;

use super::{Shown, references};
use crate::converge::child;
use crate::converge::node::Node;
use crate::fingerprint;
use crate::povray::locate;
use crate::store::blobs::Blobs;

const WIDTH: u32 = 32;
const HEIGHT: u32 = 24;
/// A Pi 1 takes some seconds, most of them to start POV-Ray.
const DEADLINE: Duration = Duration::from_secs(300);

/// Renders in a child, as the agent's user: POV-Ray is nothing to run as root.
pub fn proof(node: &Node) -> Shown {
    node.report.progress(Kind::Packages, "apt").tell(Step::Rendering, "rendering 32x24 pixels", None);
    let mut command = child::command("/proc/self/exe");
    command.arg("converge-render");
    let user = node.state.resources.iter().find_map(|resource| match resource {
        Resource::Account(account) => Some((account.uid, account.gid)),
        _ => None,
    });
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    let ended = match child::run(&mut command, DEADLINE) {
        Ok(ended) => ended,
        Err(failure) => return Shown::new(ProofResult::Failed, failure.0),
    };
    if !ended.status.success() {
        return Shown::new(ProofResult::Failed, ended.last_lines(3));
    }
    compare(&ended.output)
}

/// Reads the child's `VERSION BITS HASH`.
fn compare(printed: &str) -> Shown {
    let words: Vec<&str> = printed.lines().last().unwrap_or_default().split(' ').collect();
    let [version, bits, hash] = words.as_slice() else {
        return Shown::new(ProofResult::Failed, "the test render ended without a result");
    };
    let kind = format!("POV-Ray {version} with {bits} bits");
    let (Ok(bits), Ok(hash)) = (bits.parse::<u32>(), hash.parse::<ContentHash>()) else {
        return Shown::new(ProofResult::Failed, "the test render ended without a result");
    };
    match references::find(version, bits) {
        Some(reference) if reference == hash => {
            Shown::new(ProofResult::Passed, format!("a test render equals the reference of {kind}"))
        }
        Some(_) => Shown::new(
            ProofResult::Failed,
            format!(
                "a test render differs from the reference of {kind}: overclocked too far, bad memory, or another build?"
            ),
        ),
        None => Shown::new(ProofResult::Unsupported, format!("it renders; td has no reference of {kind}")),
    }
}

/// What the child does.
///
/// # Errors
/// A sentence on what does not work.
pub fn child() -> Result<String, String> {
    let povray = locate::locate().map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder for the test render: {error}"))?;
    let blobs = Blobs::open(folder.path().join("blobs"), 1 << 20).map_err(|error| error.to_string())?;
    let scratch = folder.path().join("scratch");
    let samples = fingerprint::samples(&povray, &blobs, &scratch, WIDTH, HEIGHT)?;
    Ok(format!("{} {} {}", povray.version, povray.word_size, ContentHash::of(&samples)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_prints_is_judged() {
        let result = |printed: &str| compare(printed).result;
        assert_eq!(result(&format!("3.7.0.99 64 {}\n", "0".repeat(64))), ProofResult::Unsupported);
        assert_eq!(result("nonsense\n"), ProofResult::Failed);
        assert_eq!(result(""), ProofResult::Failed);
    }
}
