//! POV-Ray by its own word, and a small scene rendered as the agent's user.

use std::os::unix::process::CommandExt as _;
use std::time::{Duration, Instant};

use td_protocol::converge::event::ProofResult;
use td_protocol::health::RenderTrial;

use super::state::State;
use crate::converge::child;
use crate::converge::node::Node;
use crate::converge::proof::render;
use crate::health::children::{self, Ending};
use crate::health::root::Root;
use crate::povray::locate;

/// A Pi 1 takes some seconds for it, and some times as many while it renders.
const DEADLINE: Duration = Duration::from_secs(240);
/// Weaker than the agent's POV-Rays: a render comes before its own check.
const NICE: i32 = 15;

/// POV-Ray's version, none where it is not there, and what came of the render.
#[must_use]
pub fn read(root: &Root, state: &mut State, user: Option<(u32, u32)>) -> (Option<String>, Option<RenderTrial>) {
    if !root.is_here() {
        return (None, None);
    }
    let mut command = child::command("/proc/self/exe");
    command.args(["probe-child", "render"]);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    // SAFETY: only async-signal-safe system calls (prctl, setpriority) run between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A probe that is stopped in the middle leaves nobody behind.
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            let _ = rustix::process::nice(NICE);
            Ok(())
        });
    }
    let begun = Instant::now();
    let failed = |seconds, problem: String| RenderTrial { passed: false, seconds, problem: Some(problem) };
    let (output, succeeded) = match children::run(root, &mut state.left, "povray", &mut command, DEADLINE) {
        Ending::Ended(ended) => (ended.output, ended.status.success()),
        Ending::TooLong => {
            let seconds = DEADLINE.as_secs();
            return (None, Some(failed(begun.elapsed().as_secs_f64(), format!("it did not end within {seconds} s"))));
        }
        Ending::Hangs => return (None, Some(failed(0.0, "an earlier test render still hangs".to_owned()))),
        Ending::NotStarted(error) => return (None, Some(failed(0.0, format!("it was not started: {error}")))),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let version = output.lines().find_map(|line| line.strip_prefix("version ")).map(str::to_owned);
    let trial = if succeeded {
        let shown = render::compare(&Node::bare(), &output);
        let passed = shown.result != ProofResult::Failed;
        RenderTrial { passed, seconds, problem: (!passed).then_some(shown.message) }
    } else {
        failed(seconds, child::last_lines(&output, 3))
    };
    (version, Some(trial))
}

/// What the child does: `version VERSION`, and then as [`render::child`].
///
/// # Errors
/// A sentence on what does not work.
pub fn child() -> Result<(), String> {
    let povray = locate::locate().map_err(|error| error.to_string())?;
    println!("version {}", povray.version);
    render::render(&povray).map(|line| println!("{line}"))
}
