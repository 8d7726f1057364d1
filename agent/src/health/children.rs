//! Programs of the probe, of which none is waited for without end, and none is started while an earlier one still hangs.
//!
//! What waits for a share whose server is gone, or for a wedged firmware, does not always die of SIGKILL. Such a child is
//! left behind and remembered by number and time of start; until it is gone, nothing of its kind is started. So however
//! often the probe runs, there is one of each kind at most.

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::root::Root;
use crate::converge::child::{self, Ended, Output};

/// A child that could not be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// What it was for.
    pub what: String,
    pub pid: u32,
    /// Ticks from the boot to its start: the number alone may be another process's by now.
    pub started: u64,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    Ended(Ended),
    /// It did not end in time; it was killed, or is left behind.
    TooLong,
    /// An earlier one hangs still, so nothing was started.
    Hangs,
    NotStarted(io::Error),
}

/// Runs `command`, unless an earlier one for the same thing is still there.
pub fn run(root: &Root, left: &mut Vec<Left>, what: &str, command: &mut Command, deadline: Duration) -> Ending {
    left.retain(|left| is_there(root, left));
    if left.iter().any(|left| left.what == what) {
        return Ending::Hangs;
    }
    let started = Output::new().and_then(|output| {
        output.attach(command)?;
        Ok((output, command.spawn()?))
    });
    let (mut output, mut child) = match started {
        Ok(started) => started,
        Err(error) => return Ending::NotStarted(error),
    };
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ending::Ended(Ended { status, output: output.text() }),
            Ok(None) if begun.elapsed() < deadline => {}
            Ok(None) => break,
            Err(error) => return Ending::NotStarted(error),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    let started = start_of(root, child.id());
    child::kill(&mut child);
    if let Some(started) = started
        && !matches!(child.try_wait(), Ok(Some(_)))
    {
        left.push(Left { what: what.to_owned(), pid: child.id(), started });
    }
    Ending::TooLong
}

fn is_there(root: &Root, left: &Left) -> bool {
    start_of(root, left.pid) == Some(left.started)
}

/// When the process was started; none for one that is gone, or that only waits to be buried.
fn start_of(root: &Root, pid: u32) -> Option<u64> {
    parse_start(&root.text(&format!("/proc/{pid}/stat"))?)
}

/// Field 22 of /proc/PID/stat, proc(5). The name in field 2 may hold blanks and brackets.
fn parse_start(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::root::tests::node;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_ends_is_heard_and_what_does_not_is_killed() {
        let here = Root::new("/");
        let mut left = Vec::new();
        let ending = run(&here, &mut left, "a", child::command("sh").args(["-c", "echo heard; exit 3"]), LONG);
        let Ending::Ended(ended) = ending else { panic!("{ending:?}") };
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(3), "heard\n"));
        let ending = run(&here, &mut left, "a", child::command("sleep").arg("1000"), Duration::from_millis(1));
        assert!(matches!(ending, Ending::TooLong), "{ending:?}");
        assert_eq!(left, [], "it died of the signal");
        let ending = run(&here, &mut left, "a", &mut child::command("/nonexistent/program"), LONG);
        assert!(matches!(ending, Ending::NotStarted(error) if error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn nothing_is_started_beside_one_that_hangs() {
        let here = Root::new("/");
        let mut child = child::command("sleep").arg("1000").spawn().unwrap();
        let hung = Left { what: "a".to_owned(), pid: child.id(), started: start_of(&here, child.id()).unwrap() };
        let mut left = vec![hung.clone()];
        for _ in 0..3 {
            assert!(matches!(run(&here, &mut left, "a", &mut child::command("true"), LONG), Ending::Hangs));
        }
        assert_eq!(left, std::slice::from_ref(&hung));
        assert!(matches!(run(&here, &mut left, "b", &mut child::command("true"), LONG), Ending::Ended(_)));
        // Another process of that number is somebody else.
        let mut older = vec![Left { started: hung.started + 1, ..hung }];
        assert!(matches!(run(&here, &mut older, "a", &mut child::command("true"), LONG), Ending::Ended(_)));
        child::kill(&mut child);
        assert!(matches!(run(&here, &mut left, "a", &mut child::command("true"), LONG), Ending::Ended(_)));
        assert_eq!(left, []);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let rest = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 0";
        assert_eq!(parse_start(&format!("12 (a) b)) D {rest}")), Some(777));
        assert_eq!(parse_start(&format!("12 (a) Z {rest}")), None);
        assert_eq!(parse_start("12 (a"), None);
        let (_dir, root) = node(&[("/proc/12/stat", &format!("12 (x) D {rest}"))]);
        assert!(is_there(&root, &Left { what: String::new(), pid: 12, started: 777 }));
    }
}
