//! `--watch` on a real terminal (that of `script`): no flicker, and the terminal as it was at the end, however that comes.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use td_tests::process::{self, Outcome, Running, is_stopped};
use td_tests::programs;
use td_tests::sandbox::Sandbox;

use super::answers::{Answers, well};

const LIMIT: Duration = Duration::from_secs(60);
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?25h\x1b[0m\x1b[?1049l";

/// `td health` with this on a terminal of 80x24; what the terminal saw is in `seen`.
fn on_a_terminal(sandbox: &Sandbox, arguments: &str) -> Running {
    let td = programs::binary("td");
    let line = format!("stty cols 80 rows 24; exec '{}' health {arguments}", td.display());
    let mut command = sandbox.command("script");
    command.args(["--quiet", "--return", "--flush", "--command", &line, "seen"]).env("TERM", "xterm");
    process::start(&mut command)
}

fn seen(sandbox: &Sandbox) -> String {
    let bytes = fs::read(sandbox.work().join("seen")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[track_caller]
fn wait_for(sandbox: &Sandbox, is_there: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_there(&seen(sandbox)) {
        assert!(Instant::now() < deadline, "the terminal shows:\n{:?}", seen(sandbox));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end_by(sandbox: &Sandbox, running: Running, signal: Signal) -> Outcome {
    for pid in sandbox.processes_called("td").into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
    running.wait(LIMIT)
}

#[test]
fn the_terminal_is_as_it_was() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let agent = Answers::new(&sandbox, "one", &[("/health", well())]);
        let running = on_a_terminal(&sandbox, "--agent ./one.sock --agent ./none.sock --watch=0.1");
        // Three pictures at least.
        wait_for(&sandbox, |seen| seen.matches("2 nodes: ").count() >= 3);
        // A node that goes away while one looks is shown so.
        drop(agent);
        wait_for(&sandbox, |seen| seen.contains("2 nodes: 2 unreachable"));
        let outcome = end_by(&sandbox, running, signal);
        outcome.code(130);
        let seen = seen(&sandbox);
        assert_eq!(seen.matches(ENTER).count(), 1);
        assert!(seen.split_once(ENTER).is_some_and(|(_, after)| after.matches(LEAVE).count() == 1), "{seen:?}");
        // After the first picture nothing is cleared: each one overwrites the one before.
        assert_eq!(seen.matches("\x1b[2J").count(), 1);
        // Colours, since it is a terminal.
        assert!(seen.contains("\x1b[32mok\x1b[0m"), "{seen:?}");
        sandbox.nothing_left_behind();
    }
}

/// Ctrl-Z gives the shell its screen back, and `fg` shows the table again.
#[test]
fn suspended_and_continued() {
    let sandbox = Sandbox::new();
    let _one = Answers::new(&sandbox, "one", &[("/health", well())]);
    let running = on_a_terminal(&sandbox, "--agent ./one.sock --watch=0.1");
    wait_for(&sandbox, |seen| seen.contains("1 node: 1 ok"));
    let tell = |names: &[&str], signal| {
        let named = names.iter().flat_map(|name| sandbox.processes_called(name)).filter_map(Pid::from_raw);
        named.for_each(|pid| kill_process(pid, signal).unwrap());
    };
    tell(&["td"], Signal::TSTP);
    // Its terminal, `script`, stops itself with what runs on it: it may not have copied the last bytes by then. Who tells it to go on
    // before it has stopped leaves it standing.
    let stopped = || ["td", "script"].iter().flat_map(|name| sandbox.processes_called(name)).all(is_stopped);
    let deadline = Instant::now() + LIMIT;
    while !stopped() {
        assert!(Instant::now() < deadline, "it does not stop");
        std::thread::sleep(Duration::from_millis(5));
    }
    tell(&["script", "td"], Signal::CONT);
    wait_for(&sandbox, |seen| {
        seen.split(ENTER).nth(2).is_some_and(|again| again.contains("1 node: 1 ok")) && seen.matches(LEAVE).count() == 1
    });
    end_by(&sandbox, running, Signal::INT).code(130);
    let seen = seen(&sandbox);
    assert_eq!((seen.matches(ENTER).count(), seen.matches(LEAVE).count()), (2, 2), "{seen:?}");
    sandbox.nothing_left_behind();
}

#[test]
fn no_colours_where_nobody_wants_them() {
    let sandbox = Sandbox::new();
    let _one = Answers::new(&sandbox, "one", &[("/health", well())]);
    on_a_terminal(&sandbox, "--agent ./one.sock").wait(LIMIT).code(0);
    assert!(seen(&sandbox).contains("\x1b[32mok"), "{:?}", seen(&sandbox));
    let td = programs::binary("td");
    let line = format!("NO_COLOR=1 exec '{}' health --agent ./one.sock", td.display());
    let mut command = sandbox.command("script");
    command.args(["--quiet", "--return", "--flush", "--command", &line, "seen"]);
    process::run(&mut command, LIMIT).code(0);
    assert!(!seen(&sandbox).contains("\x1b["), "{:?}", seen(&sandbox));
    let outcome = sandbox.run(["health", "--agent", "./one.sock"]);
    assert!(!outcome.out().contains('\x1b'), "{:?}", outcome.out());
}

/// Without an inventory each has an agent of its own, that knows its POV-Ray before it answers.
#[test]
fn this_machine_beside_one_that_is_watched() {
    let sandbox = Sandbox::new();
    let running = on_a_terminal(&sandbox, "--watch=0.5 --timeout 30");
    wait_for(&sandbox, |seen| seen.contains("povray"));
    let outcome = process::run(&mut sandbox.td(["health", "--timeout", "50"]), LIMIT);
    outcome.speaks_to_a_person();
    assert!(outcome.out().contains(" bit"), "its POV-Ray is not known: {}", outcome.transcript());
    assert!(outcome.wall < Duration::from_secs(40), "{}", outcome.transcript());
    end_by(&sandbox, running, Signal::INT).code(130);
    let outcome = sandbox.run(["health", "--timeout", "0.001"]);
    outcome.code(4).says(&["no agent could be started within 0.001 s", "--timeout"]);
    sandbox.nothing_left_behind();
}

#[test]
fn cards_are_not_written_again_and_again() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["health", "--agent", "./one.sock", "--watch", "--deep"])
        .code(2)
        .says(&["--deep writes some MB", "wears"]);
}
