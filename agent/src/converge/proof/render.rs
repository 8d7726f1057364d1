//! A test render of 32x24 pixels, compared with the reference of its build of POV-Ray.

use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use td_protocol::converge::event::{ProofResult, Step};
use td_protocol::converge::kind::Kind;
use td_protocol::converge::resource::Resource;
use td_protocol::hash::ContentHash;

use super::Shown;
use super::references::{self, Build};
use crate::converge::node::Node;
use crate::converge::packages::word_size;
use crate::converge::{child, facts};
use crate::fingerprint;
use crate::povray::locate::{self, Povray};
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
    compare(node, &ended.output)
}

/// Judges by the last line that the child printed, `VERSION PATH HASH`.
pub fn compare(node: &Node, printed: &str) -> Shown {
    let words: Vec<&str> = printed.lines().last().unwrap_or_default().split(' ').collect();
    let [version, path, hash] = words.as_slice() else {
        return Shown::new(ProofResult::Failed, "the test render ended without a result");
    };
    let Ok(hash) = hash.parse::<ContentHash>() else {
        return Shown::new(ProofResult::Failed, "the test render ended without a result");
    };
    let Some(package) = word_size::installed(node).filter(|_| *path == "/usr/bin/povray") else {
        let message = format!("it renders; {path} is not Debian's POV-Ray, so td has no reference for it");
        return Shown::new(ProofResult::Unsupported, message);
    };
    let os = facts::os(node);
    let build = Build {
        os: os.id,
        release: os.codename.unwrap_or_default(),
        architecture: package.architecture.clone(),
        version: (*version).to_owned(),
    };
    match references::find(&build) {
        Some(reference) if reference == hash => {
            Shown::new(ProofResult::Passed, format!("a test render equals the reference of {build}"))
        }
        Some(_) => Shown::new(
            ProofResult::Failed,
            format!(
                "a test render differs from the reference of {build}: overclocked too far, bad memory, or another build?"
            ),
        ),
        None => Shown::new(ProofResult::Unsupported, format!("it renders; td has no reference of {build}")),
    }
}

/// What the child does.
///
/// # Errors
/// A sentence on what does not work.
pub fn child() -> Result<String, String> {
    render(&locate::locate().map_err(|error| error.to_string())?)
}

/// The same with this POV-Ray.
///
/// # Errors
/// A sentence on what does not work.
pub fn render(povray: &Povray) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder for the test render: {error}"))?;
    let blobs = Blobs::open(folder.path().join("blobs"), 1 << 20).map_err(|error| error.to_string())?;
    let scratch = folder.path().join("scratch");
    let samples = fingerprint::samples(povray, &blobs, &scratch, WIDTH, HEIGHT)?;
    Ok(format!("{} {} {}", povray.version, povray.path.display(), ContentHash::of(&samples)))
}

#[cfg(test)]
mod tests {
    use td_protocol::converge::desired::DesiredState;

    use super::*;
    use crate::converge::report::Report;
    use crate::converge::stop::Stop;

    #[test]
    fn what_the_child_prints_is_judged() {
        let dir = tempfile::tempdir().unwrap();
        let report = Report::new(Box::new(std::io::sink()), Stop::default());
        let node = Node::at(dir.path(), DesiredState::new("pi1"), report, Stop::default());
        std::fs::create_dir_all(dir.path().join("var/lib/dpkg")).unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("etc/os-release"), "ID=debian\nVERSION_CODENAME=bookworm\n").unwrap();
        let status = "Package: povray\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
        std::fs::write(dir.path().join("var/lib/dpkg/status"), status).unwrap();
        let zero = "0".repeat(64);
        let reference = "35d9e612fee76418ade0bdc246a0bb2d83668266708ecdb87adedf90ce444a88";
        let result = |printed: &str| compare(&node, printed).result;
        assert_eq!(result(&format!("3.7.0.10 /usr/bin/povray {reference}\n")), ProofResult::Passed);
        assert_eq!(result(&format!("3.7.0.10 /usr/bin/povray {zero}\n")), ProofResult::Failed);
        assert_eq!(result(&format!("3.7.0.99 /usr/bin/povray {zero}\n")), ProofResult::Unsupported);
        assert_eq!(result(&format!("3.7.0.10 /usr/local/bin/povray {zero}\n")), ProofResult::Unsupported);
        assert_eq!(result("nonsense\n"), ProofResult::Failed);
        assert_eq!(result(""), ProofResult::Failed);
    }
}
